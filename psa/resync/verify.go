package resync

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/internal/text"
	"github.com/psasync/psasync/psa"
)

// A Verdict is the result of one check.
type Verdict string

// The verdicts.
const (
	Pass Verdict = "pass"
	Warn Verdict = "warn" // works, but a person should look
	Fail Verdict = "fail" // people will notice
)

// The four checks that people do by hand after a sync.
const (
	CheckDropdowns    = "dropdowns"     // every dropdown populates with the present options
	CheckBoards       = "boards"        // every board can be reached and filtered by
	CheckStatuses     = "statuses"      // status maps and transitions hold
	CheckCustomFields = "custom-fields" // custom fields appear and validate
)

// A Verification answers, from a snapshot alone, the checks that people do by
// hand after a sync. Its JSON form is stable.
type Verification struct {
	Source  string        `json:"source"`
	Version cache.Version `json:"version"`
	At      time.Time     `json:"at"` // of the last commit
	Items   []Item        `json:"items"`
}

// An Item is one thing that was checked, or one fault that was found.
type Item struct {
	Check   string   `json:"check"`
	Verdict Verdict  `json:"verdict"`
	Kind    psa.Kind `json:"kind,omitempty"`
	ID      string   `json:"id,omitempty"`
	Message string   `json:"message"`
}

// Verdict returns the gravest verdict of all items.
func (v *Verification) Verdict() Verdict {
	worst := Pass
	for _, i := range v.Items {
		switch i.Verdict {
		case Fail:
			return Fail
		case Warn:
			worst = Warn
		}
	}
	return worst
}

// Verify looks at the present snapshot the way hosts do. It makes no request to
// the provider and writes nothing. Its error is one of the store, or that of
// ctx; what is wrong with the snapshot stands in the items.
func (s *Syncer) Verify(ctx context.Context) (*Verification, error) {
	snap, err := cache.Refresh(ctx, s.store, s.opts.Source)
	if err != nil {
		return nil, err
	}
	v := &verifier{snap: snap, kinds: s.opts.Kinds, out: &Verification{
		Source: snap.Source(), Version: snap.Version(), At: snap.Meta().At,
	}}
	v.dropdowns()
	v.boards()
	v.statuses()
	if err := v.maps(ctx, s.opts.Impact); err != nil {
		return nil, err
	}
	v.customFields()
	return v.out, nil
}

type verifier struct {
	snap  *cache.Snapshot
	kinds []psa.Kind
	out   *Verification

	check  string
	faults int // of the thing that is being checked
}

func (v *verifier) begin(check string) { v.check, v.faults = check, 0 }

func (v *verifier) fault(verdict Verdict, ref psa.Ref, format string, args ...any) {
	v.faults++
	v.out.Items = append(v.out.Items, Item{v.check, verdict, ref.Kind, ref.ID, fmt.Sprintf(format, args...)})
}

// pass adds an item if nothing was found since begin.
func (v *verifier) pass(kind psa.Kind, format string, args ...any) {
	if v.faults == 0 {
		v.out.Items = append(v.out.Items, Item{Check: v.check, Verdict: Pass, Kind: kind, Message: fmt.Sprintf(format, args...)})
	}
}

func (v *verifier) has(kind psa.Kind) bool { return !v.snap.Freshness(kind).Fresh.IsZero() }

// dropdowns looks at every kind people choose rows of by name.
func (v *verifier) dropdowns() {
	asked := map[psa.Kind]psa.Field{} // on the form of a ticket
	for _, f := range v.snap.Form(psa.KindTicket, nil).Fields {
		if f.Listed && f.Kind.IsConfig() && !asked[f.Kind].Required {
			asked[f.Kind] = f.Field
		}
	}
	for _, kind := range v.kinds {
		if _, named := psa.FieldOf(kind, "name"); !named {
			continue
		}
		v.begin(CheckDropdowns)
		meta := v.snap.Freshness(kind)
		switch {
		case meta.Fresh.IsZero():
			v.fault(Fail, psa.Ref{Kind: kind}, "%s was never read completely: %s", kind, meta.Stale)
			continue
		case meta.Stale != "":
			v.fault(Warn, psa.Ref{Kind: kind}, "%s is stale since %s: %s", kind, text.Stamp(meta.StaleSince), meta.Stale)
		}
		v.dropdown(kind, asked[kind])
	}
}

// dropdown looks at one kind. field is what takes it on a ticket, the zero Field
// if nothing does.
func (v *verifier) dropdown(kind psa.Kind, field psa.Field) {
	options, rows := v.snap.Options(kind, ""), v.snap.Len(kind)
	offered := v.reachable(kind, field)
	hidden := len(options) - offered
	why := "the PSA has none"
	switch {
	case hidden > 0:
		why = fmt.Sprintf("it has %d, %s", hidden, v.unscoped(kind))
	case rows > 0:
		why = fmt.Sprintf("all of its %s are inactive", text.Plural(rows, "row"))
	}
	switch {
	case offered > 0:
	case field.Required:
		v.fault(Fail, psa.Ref{Kind: kind}, "%s offers nothing, but a ticket needs its %s: %s", kind, field.Name, why)
	case field.Name != "" || rows > 0:
		v.fault(Warn, psa.Ref{Kind: kind}, "%s offers nothing: %s", kind, why)
	}
	if hidden > 0 && offered > 0 {
		v.pass(kind, "%s offers %s, and has %d more, %s", kind, text.Plural(offered, "option"), hidden, v.unscoped(kind))
		return
	}
	v.pass(kind, "%s offers %s", kind, text.Plural(offered, "option"))
}

// unscoped says why active rows of a kind are no options.
func (v *verifier) unscoped(kind psa.Kind) string {
	return fmt.Sprintf("which no active %s offers, projects aside", v.snap.Scopes(kind)[0].Kind)
}

// reachable looks for names that lead nowhere in the scope they are offered in,
// and for scopes that offer nothing where a ticket needs something. It returns
// how many rows some scope offers.
func (v *verifier) reachable(kind psa.Kind, field psa.Field) int {
	offered := map[string]bool{}
	in := &inspector{snap: v.snap}
	for _, scope := range scopes(v.snap, kind) {
		options := v.snap.Options(kind, scope)
		// A scope without a status has a check of its own.
		if len(options) == 0 && scope != "" && field.Required && kind != psa.KindStatus {
			v.fault(Fail, psa.Ref{Kind: kind}, "%s offers nothing%s, but a ticket needs its %s", kind, in.within(kind, scope), field.Name)
		}
		for _, o := range options {
			if offered[o.ID] {
				continue
			}
			offered[o.ID] = true
			// Levels of a classification share names, and are chosen by level.
			if kind == psa.KindClassification || v.snap.Freshness(kind).NamesRepeat {
				continue
			}
			if ref, ok := v.snap.Find(kind, scope, o.Name); !ok || ref != o.Ref {
				v.fault(Warn, o.Ref, "%s cannot be found by its name: others have it, too", formatRef(o.ID, o.Name))
			}
		}
	}
	return len(offered)
}

func (v *verifier) boards() {
	v.begin(CheckBoards)
	kind := psa.KindBoard
	if !v.has(kind) {
		if kind = psa.KindTeam; !v.has(kind) {
			v.pass("", "neither boards nor teams were read")
			return
		}
	}
	// Within a scope, dropdowns looks at the names.
	named := len(v.snap.Scopes(kind)) == 0 && !v.snap.Freshness(kind).NamesRepeat
	n := 0
	for rec := range v.snap.All(kind) {
		if !rec.Active || rec.Fields.Bool("project") == psa.Yes {
			continue
		}
		n++
		if ref, ok := v.snap.Find(kind, "", rec.Name()); (!ok || ref != rec.Ref) && named {
			v.fault(Warn, rec.Ref, "%s cannot be filtered by its name: others have it, too", formatRef(rec.ID, rec.Name()))
		}
		if kind != psa.KindBoard {
			continue
		}
		form := v.snap.Form(psa.KindTicket, psa.Fields{"board": psa.Reference{ID: rec.ID}.Fields()})
		if f, ok := form.Field("status"); ok && v.has(psa.KindStatus) && len(f.Options) == 0 {
			v.fault(Fail, rec.Ref, "%s has no status to choose", formatRef(rec.ID, rec.Name()))
		}
	}
	if n == 0 {
		v.fault(Warn, psa.Ref{Kind: kind}, "there is no active %s", kind)
	}
	v.pass(kind, "each active %s can be reached and filtered by; there are %d", kind, n)
}

func (v *verifier) statuses() {
	v.begin(CheckStatuses)
	if !v.has(psa.KindStatus) {
		v.fault(Fail, psa.Ref{Kind: psa.KindStatus}, "statuses were never read completely")
		return
	}
	in := &inspector{snap: v.snap, stale: map[psa.Kind]bool{}}
	in.statuses()
	for _, f := range in.found {
		verdict := Warn
		if f.Code == CodeNoStatus {
			verdict = Fail
		}
		v.fault(verdict, psa.Ref{Kind: f.Kind, ID: f.ID}, "%s", f.Message)
	}
	where := scopes(v.snap, psa.KindStatus)
	for _, scope := range where {
		for _, o := range v.snap.Options(psa.KindStatus, scope) {
			if o.Default && o.Closed == psa.Yes {
				v.fault(Warn, o.Ref, "the default status %s closes the ticket%s", formatRef(o.ID, o.Name), in.within(psa.KindStatus, scope))
			}
		}
	}
	for rec := range v.snap.All(psa.KindTicketType) {
		for _, id := range targets(rec.Fields["statuses"]) {
			if status, ok := v.snap.Get(psa.Ref{Kind: psa.KindStatus, ID: id}); rec.Active && (!ok || !status.Active) {
				v.fault(Warn, rec.Ref, "%s allows status #%s, which is not there or inactive", formatRef(rec.ID, rec.Name()), text.Clip(id))
			}
		}
	}
	v.pass(psa.KindStatus, "statuses can be opened and closed in %s", text.Plural(len(where), "scope"))
}

// maps asks the registered maps whether they hold as things are.
func (v *verifier) maps(ctx context.Context, impacts []Impact) error {
	v.begin(CheckStatuses)
	for _, m := range impacts {
		found, err := m.Impact(ctx, v.snap, v.snap)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			v.fault(Fail, psa.Ref{}, "a registered map cannot be checked: %s", reason(err))
		}
		for _, f := range found {
			verdict := Warn
			switch f.Severity {
			case psa.Info:
				continue
			case psa.Failure:
				verdict = Fail
			}
			v.fault(verdict, psa.Ref{Kind: f.Kind, ID: f.ID}, "%s", findingLine(f))
		}
	}
	if len(impacts) > 0 {
		v.pass("", "%s hold", text.Plural(len(impacts), "registered map"))
	} else {
		v.pass("", "no map is registered")
	}
	return nil
}

func (v *verifier) customFields() {
	v.begin(CheckCustomFields)
	if !v.has(psa.KindCustomField) {
		v.pass(psa.KindCustomField, "custom fields are not read")
		return
	}
	n := 0
	for rec := range v.snap.All(psa.KindCustomField) {
		if rec.Active {
			n++
			v.customField(rec)
		}
	}
	v.pass(psa.KindCustomField, "%s appear and validate", text.Plural(n, "custom field"))
}

func (v *verifier) customField(rec psa.Record) {
	title := formatRef(rec.ID, rec.Name())
	good, bad := samples(rec)
	if good == nil {
		v.fault(Fail, rec.Ref, "%s is a list without an active option", title)
		return
	}
	owners := targets(rec.Fields["owners"])
	if len(owners) == 0 {
		v.fault(Warn, rec.Ref, "%s: which records carry it is unknown, since none was found; it appears on no form", title)
	}
	name := "custom." + rec.ID
	for _, owner := range owners {
		kind := psa.Kind(owner)
		if _, ok := v.snap.Form(kind, nil).Field(name); !ok && rec.Fields.Bool("read_only") != psa.Yes {
			v.fault(Fail, rec.Ref, "%s does not appear on the form of a %s", title, owner)
			continue
		}
		if why := v.objection(kind, rec.ID, good); why != "" && rec.Fields.Bool("read_only") != psa.Yes {
			v.fault(Fail, rec.Ref, "%s of a %s refuses a valid value: %s", title, owner, why)
		}
		if v.objection(kind, rec.ID, bad) == "" {
			v.fault(Fail, rec.Ref, "%s of a %s takes an invalid value", title, owner)
		}
	}
}

// objection is what the snapshot's check says about a value of a custom field.
func (v *verifier) objection(kind psa.Kind, id string, value any) string {
	for _, f := range v.snap.Check(kind, psa.Fields{"custom": psa.Fields{id: value}}) {
		if f.Field == "custom."+id {
			return f.Message
		}
	}
	return ""
}

// samples returns a value that a custom field takes and one that it must
// refuse; good is nil if there is none.
func samples(rec psa.Record) (good, bad any) {
	bad = psa.Fields{"no": "value"}
	switch psa.Type(rec.Fields.String("type")) {
	case psa.TypeOption:
		values := activeOptions(rec)
		if len(values) == 0 {
			return nil, nil
		}
		return values[0], "no such option: " + values[0]
	case psa.TypeNumber:
		return json.Number("1"), bad
	case psa.TypeBool:
		return true, bad
	case psa.TypeDate:
		return "2026-01-31", bad
	case psa.TypeTime:
		return "2026-01-31T12:00:00Z", bad
	default:
		return "x", bad
	}
}
