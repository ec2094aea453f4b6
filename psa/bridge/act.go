package bridge

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// A gate says which writes a run may make.
type gate interface {
	open(r *run) error // before the run looks at anything
	allow(r *run, item *Item) bool
	seen() bool // a person has seen every write, so that no limit is needed
}

// liveGate allows all.
type liveGate struct{}

func (liveGate) open(*run) error        { return nil }
func (liveGate) allow(*run, *Item) bool { return true }
func (liveGate) seen() bool             { return false }

// update changes a row, or in a dry run says what it would hold.
func (r *run) update(to Side, ref psa.Ref, patch psa.Patch, before psa.Record) (psa.Record, error) {
	if r.broken != nil {
		return psa.Record{}, r.broken
	}
	if !r.dry {
		ctx, done, err := r.writing()
		if err != nil {
			return psa.Record{}, err
		}
		defer done()
		return psa.Update(ctx, r.sides[to].Provider, ref, patch)
	}
	canon, err := psa.Canonicalise(r.sides[to].Provider, ref.Kind, patch.Set)
	if err != nil {
		return psa.Record{}, err
	}
	before.Fields = layered(before.Fields, canon)
	r.pretend(to, before)
	return before, nil
}

// layered returns fields with others over them, objects value by value.
func layered(under, over psa.Fields) psa.Fields {
	out := make(psa.Fields, len(under)+len(over))
	maps.Copy(out, under)
	for name, v := range over {
		if f, ok := v.(psa.Fields); ok && !refLike(f) {
			if was, ok := out[name].(psa.Fields); ok {
				v = layered(was, f)
			}
		}
		out[name] = v
	}
	return out
}

// dryID is the id of a record that a plan would create.
const dryID = "new:"

// get reads a row. One that cannot be read is an error.
func (r *run) get(s Side, ref psa.Ref) (psa.Record, error) {
	rec, err := r.sides[s].Get(r.ctx, ref)
	if err == nil {
		err = rec.Err
	}
	return rec, err
}

// insert creates a row, or in a dry run says what it would hold.
func (r *run) insert(to Side, kind psa.Kind, fields psa.Fields, item *Item) (psa.Record, error) {
	if r.broken != nil {
		return psa.Record{}, r.broken
	}
	if !r.dry {
		ctx, done, err := r.writing()
		if err != nil {
			return psa.Record{}, err
		}
		defer done()
		return psa.Create(ctx, r.sides[to].Provider, kind, fields, item.Notify)
	}
	canon, err := psa.Canonicalise(r.sides[to].Provider, kind, fields)
	if err != nil {
		return psa.Record{}, err
	}
	rec := psa.Record{Ref: psa.Ref{Kind: kind, ID: dryID + item.Source}, Active: true, Updated: r.server[to], Fields: canon}
	r.pretend(to, rec)
	return rec, nil
}

// notify says who is told about a write. edited is when somebody changed its source.
func (r *run) notify(company string, to Side, kind psa.Kind, op string, fields psa.Fields, source psa.Record, edited time.Time, h how) psa.Notify {
	p := r.policy(company)
	if !h.live || p.Notify == nil {
		return psa.NotifyNone
	}
	now := r.server[to.Other()]
	if now.IsZero() {
		now = r.now()
	}
	if edited.IsZero() || now.Sub(edited) > r.b.opts.LiveWindow {
		return psa.NotifyNone // old, or nothing proves that it is not
	}
	made := source.Fields.Time("created_at")
	if at, done := r.since[kind]; !done || !edited.After(at[to.Other()]) || op == opCreate && !made.IsZero() && !made.After(at[to.Other()]) {
		return psa.NotifyNone // it was there before the bridge was, or may have been
	}
	return p.Notify(Change{Side: to, Kind: kind, Op: op, Fields: fields, Source: source})
}

// titleOf is what people call a record.
func titleOf(rec psa.Record) string {
	for _, name := range []string{"summary", "name", "title"} {
		if s := rec.Fields.String(name); s != "" {
			return s
		}
	}
	return ""
}

// itemOf describes an update for plans and gates.
func (r *run) itemOf(k *kindRules, l *cache.Link, in *input, out *outcome, to Side, h how) *Item {
	source := in.view[to.Other()].rec
	title := source
	if !in.view[to.Other()].known {
		title = in.view[to].rec
	}
	item := &Item{Op: opUpdate, Side: to, Kind: k.kind, Source: l.IDs[to.Other()], Target: l.IDs[to], Title: titleOf(title)}
	for _, w := range out.wrote[to] {
		c := FieldChange{Field: k.units[w.unit].label(to), After: w.want, Rule: k.units[w.unit].rule.Where}
		c.Before, _ = w.was.Get()
		if w.by != nil {
			c.By = w.by.by
		}
		item.Fields = append(item.Fields, c)
	}
	item.Notify = r.notify(l.Company, to, k.kind, opUpdate, out.patch[to], source, in.edited[to.Other()], h)
	item.Closes = r.closesTicket(k, to, in, out)
	return item
}

// label is what a side calls the field of a unit.
func (u *unit) label(s Side) string {
	if s == Left {
		return u.left.String()
	}
	return u.right[0].String()
}

// createdFields describes a create for plans.
func (r *run) createdFields(k *kindRules, to Side, fields psa.Fields) []FieldChange {
	var out []FieldChange
	for _, name := range sortedKeys(fields) {
		c := FieldChange{Field: name, After: fields[name]}
		if u := r.unitFor(k, to, name); u != nil {
			c.Rule = u.rule.Where
		}
		out = append(out, c)
	}
	return out
}

// isClosing reports whether a ticket is created as closed.
func (r *run) isClosing(k *kindRules, to Side, fields psa.Fields) bool {
	if k.kind != psa.KindTicket {
		return false
	}
	closed, known := r.closedStatus(k, to, fields)
	return known && closed == psa.Yes
}

// auditWrite tells what an update changed, and what was overwritten.
func auditWrite(k *kindRules, l *cache.Link, out *outcome, to Side, item *Item) cache.Audit {
	a := cache.Audit{Op: opUpdate, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: to, Before: psa.Fields{}, After: psa.Fields{}, Notify: item.Notify}
	for _, w := range out.wrote[to] {
		u := &k.units[w.unit]
		if v, ok := w.was.Get(); ok {
			a.Before[u.name] = v
		}
		a.After[u.name] = w.want
		a.Rule = u.rule.Where
		if w.by != nil {
			a.By, a.Reason = decidedBy(a.By, w.by.by), w.by.reason
		}
	}
	return a
}

// decidedBy names all who decided about one write.
func decidedBy(names, more string) string {
	switch {
	case names == "" || names == more:
		return more
	case more == "" || slices.Contains(strings.Split(names, ", "), more):
		return names
	}
	return names + ", " + more
}

// tellLoser writes the value that a decision overwrote as an internal note on
// the ticket, where a strategy asks for that. The note belongs to no other side.
func (r *run) tellLoser(k *kindRules, l *cache.Link, to Side, out *outcome) error {
	if k.kind != psa.KindTicket || !r.sides[to].offers.Can(psa.KindNote, psa.CanCreate) {
		return nil
	}
	text := "A conflicting change was decided for the other side. What stood here before:"
	for _, w := range out.wrote[to] {
		if w.by == nil || !w.by.note {
			continue
		}
		v, _ := w.was.Get()
		text += "\n" + k.units[w.unit].label(to) + ": " + shown(v)
	}
	fields := psa.Fields{"ticket": psa.Fields{"id": l.IDs[to]}, "text": text, "visibility": string(psa.Internal)}
	if slices.Contains(r.sides[to].offers[psa.KindNote].Required, "title") {
		fields["title"] = "Conflict"
	}
	item := &Item{Op: opCreate, Side: to, Kind: psa.KindNote, Source: l.IDs[to.Other()], Title: "Conflict", Fields: r.createdFields(k, to, fields)}
	if !r.gate.allow(r, item) || r.dry {
		return nil
	}
	ctx, done, err := r.writing()
	if err != nil {
		return err
	}
	defer done()
	note, err := psa.Create(ctx, r.sides[to].Provider, psa.KindNote, fields, psa.NotifyNone)
	if err != nil {
		r.event(EventTrouble, to, psa.KindNote, l.IDs[to], err.Error()) // the value is kept in the audit
		return nil
	}
	own := cache.Link{Key: keyOf(to, note.Ref), Kind: psa.KindNote, State: cache.LinkGone, Reason: "written by the bridge", Since: r.now(), Parent: l.Key, Company: l.Company}
	own.IDs[to] = note.ID
	own.Gone[to.Other()] = cache.Fate{At: r.now()}
	return r.save(cache.StateBatch{Links: []cache.Link{own}})
}

// shown spells a value for people.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "(nothing)"
	case string:
		return v
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case psa.Fields:
		if name := v.String("name"); name != "" {
			return name
		}
	}
	return psaText(v)
}
