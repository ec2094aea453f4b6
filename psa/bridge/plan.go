package bridge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// Plan says what [Bridge.Once] would do now: it is the same run on a copy of
// the state that is forgotten. No system is written and nothing is stored. A
// connection that is paused can be planned, too.
//
// Beside an error that is [ErrIncomplete] stands the plan of what could be
// read. Other errors are psa.ErrOtherInstance, and what the state or the
// context failed with; the plan is nil then.
func (b *Bridge) Plan(ctx context.Context) (*Plan, error) {
	if err := b.refresh(ctx); err != nil {
		return nil, err
	}
	token, err := b.token(ctx, b.state, b.current())
	if err != nil {
		return nil, fmt.Errorf("bridge: %w", err)
	}
	g := &planGate{at: map[string]int{}}
	rep, err := b.cycle(ctx, newOverlay(b.state), g, true, (*run).all)
	if rep == nil || err != nil && len(rep.Failures) == 0 {
		return nil, err
	}
	p := &Plan{Source: b.opts.Source, Token: token, Items: g.items, Report: *rep}
	p.Notes = b.notes(p)
	return p, err
}

// Apply does what a plan shows: one run that makes the writes and links of the
// plan and no others, with the values that the plan shows. A write whose record
// has changed since is left out, and so is one that came up since; both are
// counted as Report.Skipped and dealt with by the next run. That is also when
// what a system itself adds to a new record, such as its number, goes to the
// other side: no plan can know it. Limits do not stop what a person has seen.
//
// The error is [ErrStalePlan] if the plan is another connection's, or if a run,
// an answer, a setting or a change of the field map came in between; nothing
// was done then. Other errors are those of [Bridge.Once].
func (b *Bridge) Apply(ctx context.Context, p *Plan) (*Report, error) {
	if p == nil || p.Source != b.opts.Source {
		return nil, fmt.Errorf("bridge: %w: it was made for another connection", ErrStalePlan)
	}
	return b.cycle(ctx, b.state, newApplyGate(p), false, (*run).all)
}

// token changes with every run, answer and setting, and with the map. Pausing
// changes no plan.
func (b *Bridge) token(ctx context.Context, st cache.State, c *compiled) (string, error) {
	h := sha256.New()
	enc := json.NewEncoder(h) // a hash never fails
	source := b.opts.Source
	var err error
	put := func(v any) {
		if e := enc.Encode(v); err == nil {
			err = e
		}
	}
	put(c.digest)
	for a, err := range st.Audits(ctx, source, cache.AuditQuery{}) {
		if err != nil {
			return "", err
		}
		if a.Op != opPause {
			put(a.Seq)
			break
		}
	}
	settings, e := st.Settings(ctx, source, "")
	if e != nil {
		return "", e
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if name != setPause {
			put([2]string{name, settings[name]})
		}
	}
	for _, kind := range b.kinds {
		for s := range Side(2) {
			cur, err := st.Cursor(ctx, source, s, kind)
			if err != nil {
				return "", err
			}
			put(cur)
		}
	}
	for t, err := range st.Tasks(ctx, source, cache.TaskQuery{}) {
		if err != nil {
			return "", err
		}
		put([2]any{t.ID, t.Rev})
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), err
}

// planGate collects what a dry run would write.
type planGate struct {
	items []Item
	at    map[string]int // of items, to notice what is asked twice
}

func (g *planGate) open(*run) error { return nil }
func (g *planGate) seen() bool      { return false }

func (g *planGate) allow(_ *run, item *Item) bool {
	if item.Op == opDelete { // asked for before the tombstone, and before the deletion
		key := item.Side.String() + "/" + string(item.Kind) + "/" + item.Target
		if _, ok := g.at[key]; ok {
			return true
		}
		g.at[key] = len(g.items)
	}
	g.items = append(g.items, *item)
	return true
}

// applyGate lets through what a plan holds.
type applyGate struct {
	token string
	items map[string][]*Item
}

func newApplyGate(p *Plan) *applyGate {
	g := &applyGate{p.Token, map[string][]*Item{}}
	for i := range p.Items {
		key := itemKey(&p.Items[i])
		g.items[key] = append(g.items[key], &p.Items[i])
	}
	return g
}

// itemKey is what two items have in common that are about one write.
func itemKey(item *Item) string {
	return item.Op + "/" + item.Side.String() + "/" + string(item.Kind)
}

func (g *applyGate) open(r *run) error {
	token, err := r.b.token(r.ctx, r.st, r.c)
	if err != nil {
		return err
	}
	if token != g.token {
		return ErrStalePlan
	}
	return nil
}

func (g *applyGate) seen() bool { return true }

func (g *applyGate) allow(r *run, item *Item) bool {
	for _, p := range g.items[itemKey(item)] {
		if r.fits(p, item) {
			return true
		}
	}
	return false
}

// fits reports whether a write is the one that a plan shows.
func (r *run) fits(p, item *Item) bool {
	from, to := item.Side.Other(), item.Side
	if !r.samePlanned(from, item.Kind, p.Source, item.Source) || !r.samePlanned(to, item.Kind, p.Target, item.Target) ||
		p.Notify != item.Notify || p.Closes != item.Closes || len(p.Fields) != len(item.Fields) {
		return false
	}
	for i := range p.Fields {
		a, b := &p.Fields[i], &item.Fields[i]
		f, _ := psa.FieldOf(item.Kind, a.Field)
		if a.Field != b.Field || !r.sameShown(to, f.Kind, a.Before, b.Before) || !r.sameShown(to, f.Kind, a.After, b.After) {
			return false
		}
	}
	return true
}

// samePlanned reports whether an id of a plan is this record: the very id, or
// one of a record that the plan creates from one that is linked with it now.
func (r *run) samePlanned(s Side, kind psa.Kind, planned, id string) bool {
	source, ok := strings.CutPrefix(planned, dryID)
	if !ok || planned == id {
		return planned == id
	}
	kinds := bridged
	if kind != "" {
		kinds = []psa.Kind{kind}
	}
	for _, k := range kinds {
		l, ok, err := r.st.LinkOf(r.ctx, r.source, s.Other(), psa.Ref{Kind: k, ID: source})
		if err == nil && ok && l.IDs[s] == id { // an error of the state comes back with the next save
			return true
		}
	}
	return false
}

// sameShown compares a value of a plan with one that is about to be written.
func (r *run) sameShown(s Side, kind psa.Kind, planned, v any) bool {
	switch p := planned.(type) {
	case psa.Fields:
		f, ok := v.(psa.Fields)
		if !ok {
			return false
		}
		if refLike(p) && refLike(f) && made(p.String("id")) {
			return r.samePlanned(s, kind, p.String("id"), f.String("id"))
		}
		return maps.EqualFunc(p, f, func(a, b any) bool { return r.sameShown(s, "", a, b) })
	case []any:
		list, ok := v.([]any)
		return ok && slices.EqualFunc(p, list, func(a, b any) bool { return r.sameShown(s, kind, a, b) })
	case string:
		id, ok := v.(string)
		return ok && (p == id || made(p) && r.samePlanned(s, kind, p, id))
	}
	return same(planned, v)
}

// UnmarshalJSON reads what MarshalJSON has written, with values in the form that
// records hold them in.
func (c *FieldChange) UnmarshalJSON(b []byte) error {
	type plain FieldChange // without this method
	if err := json.Unmarshal(b, (*plain)(c)); err != nil {
		return err
	}
	var values psa.Fields // reads numbers digit by digit
	if err := json.Unmarshal(b, &values); err != nil {
		return err
	}
	c.Before, c.After = values["before"], values["after"]
	return nil
}

// Writes counts the plan's items that change a system.
func (p *Plan) Writes() int {
	n := 0
	for i := range p.Items {
		if p.Items[i].Op != opLink {
			n++
		}
	}
	return n
}
