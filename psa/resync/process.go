package resync

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/internal/text"
	"github.com/psasync/psasync/psa"
)

// A plan is what a run makes of its readings: the batch that leads from base
// to next, and what there is to say about it.
type plan struct {
	base, next *cache.Snapshot
	batch      cache.Batch
	kinds      []*kindPlan
	changes    map[psa.Kind][]cache.RowChange
	token      string
	guarded    []Removal
}

// partial reports whether some kind could not be read completely.
func (p *plan) partial() bool { return p.firstStale() != nil }

func (p *plan) firstStale() error {
	for _, k := range p.kinds {
		if err := k.stale(); err != nil {
			return err
		}
	}
	return nil
}

// kindPlan is what becomes of one kind.
type kindPlan struct {
	kind     psa.Kind
	reasons  []error // why the kind was not read completely
	unproven bool    // a row that did not come may still be there
	warnings []string

	put     map[string]psa.Record // rows for the batch, by id
	present map[string]bool       // rows that came, or are known to be there
	ended   map[string]bool       // rows of the base that are gone
}

func (k *kindPlan) doubt(err error) { k.reasons = append(k.reasons, err) }

func (k *kindPlan) warn(format string, args ...any) {
	k.warnings = append(k.warnings, fmt.Sprintf(format, args...))
}

// stale returns the reason why the kind was not read completely, or nil. Which
// one it is of several does not depend on which list ended first.
func (k *kindPlan) stale() error {
	if len(k.reasons) == 0 {
		return nil
	}
	return slices.MinFunc(k.reasons, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
}

// why is stale as a sentence; "" if it is nil.
func (k *kindPlan) why() string {
	err := k.stale()
	if err == nil {
		return ""
	}
	if more := len(k.reasons) - 1; more > 0 {
		return fmt.Sprintf("%s (and %d more)", reason(err), more)
	}
	return reason(err)
}

// holds reports whether a row is there after the plan.
func (k *kindPlan) holds(base *cache.Snapshot, ref psa.Ref) bool {
	if _, ok := k.put[ref.ID]; ok {
		return true
	}
	_, ok := base.Get(ref)
	return ok && !k.ended[ref.ID]
}

// rows returns the ids of all rows that are there after the plan.
func (k *kindPlan) rows(base *cache.Snapshot) []string {
	ids := slices.Collect(maps.Keys(k.put))
	for rec := range base.All(k.kind) {
		if _, ok := k.put[rec.ID]; !ok && !k.ended[rec.ID] {
			ids = append(ids, rec.ID)
		}
	}
	return ids
}

// processor turns readings into a plan. It makes no request and writes nothing.
type processor struct {
	features psa.Features
	opts     *Options
	old      *cache.Snapshot // the readings refer to it
	read     map[psa.Kind]*kindRead
	poison   map[psa.Ref]error // rows that no store takes

	base  *cache.Snapshot
	plans map[psa.Kind]*kindPlan
}

// notOffered is why a kind is stale that the provider had once.
const notOffered = "the provider does not offer this kind any more"

// maxPoison bounds how many rows no store takes before the run gives up.
const maxPoison = 100

// plan compares the readings with base, which is the old snapshot or one that
// somebody committed since. head is the batch without rows.
func (p *processor) plan(base *cache.Snapshot, head cache.Batch) (*plan, error) {
	for {
		out, err := p.attempt(base, head)
		var bad *psa.Error
		if errors.Is(err, psa.ErrInvalid) && errors.As(err, &bad) && !bad.Ref.IsZero() && p.poison[bad.Ref] == nil && len(p.poison) < maxPoison {
			// One row must not keep the others out.
			p.poison[bad.Ref] = &psa.Error{Op: "store", Ref: bad.Ref, Code: psa.ErrData, Detail: bad.Detail}
			continue
		}
		return out, err
	}
}

func (p *processor) attempt(base *cache.Snapshot, head cache.Batch) (*plan, error) {
	p.base, p.plans = base, map[psa.Kind]*kindPlan{}
	out := &plan{base: base, batch: head, changes: map[psa.Kind][]cache.RowChange{}}
	out.batch.Kinds = map[psa.Kind]cache.KindMeta{}
	for _, kind := range psa.RecordKinds() {
		if f, ok := p.features[kind]; ok {
			out.batch.Kinds[kind] = cache.KindMetaOf(f, base.Freshness(kind).Fresh)
		}
	}
	for kind, meta := range base.Meta().Kinds {
		if kind.IsConfig() && !p.features.Can(kind, psa.CanList) {
			meta.Stale = notOffered // its rows stay, and nobody reads them any more
			out.batch.Kinds[kind] = meta
		}
	}
	for _, kind := range p.opts.Kinds {
		k := p.kind(kind)
		out.kinds = append(out.kinds, k)
		meta := cache.KindMetaOf(p.features[kind], head.At)
		if meta.Stale = k.why(); meta.Stale != "" {
			meta.Fresh = base.Freshness(kind).Fresh
		}
		out.batch.Kinds[kind] = meta
		for _, rec := range k.put {
			out.batch.Put = append(out.batch.Put, rec)
		}
		lost := 0
		for id := range k.ended {
			ref := psa.Ref{Kind: kind, ID: id}
			out.batch.End = append(out.batch.End, ref)
			if !p.unwanted(ref) {
				lost++
			}
		}
		if p.opts.Guard.stops(lost, base.Len(kind)) {
			out.guarded = append(out.guarded, Removal{kind, lost, base.Len(kind)})
		}
	}
	out.token = tokenOf(p.opts.Source, out.batch.End)
	next, _, err := base.Apply(base.Version(), out.batch)
	if err != nil {
		return nil, err
	}
	out.next = next
	for _, c := range cache.Diff(base, next) {
		out.changes[c.Ref.Kind] = append(out.changes[c.Ref.Kind], c)
	}
	return out, nil
}

// unwanted reports whether ActiveOnly asks for the removal of a row: it, or what
// it belongs to, was inactive before. The guard is not there to stop that.
func (p *processor) unwanted(ref psa.Ref) bool {
	const deepest = 8 // parents of parents; rows may name each other
	for range deepest {
		rec, ok := p.base.Get(ref)
		if !ok || !p.opts.ActiveOnly {
			return false
		}
		if !rec.Active {
			return true
		}
		ref = rec.Parent
	}
	return false
}

// kind plans one kind, after the kind of its parents.
func (p *processor) kind(kind psa.Kind) *kindPlan {
	if k := p.plans[kind]; k != nil {
		return k
	}
	k := &kindPlan{kind: kind, put: map[string]psa.Record{}, present: map[string]bool{}, ended: map[string]bool{}}
	p.plans[kind] = k
	var parents *kindPlan
	if parent := p.features[kind].Parent; parent != "" && parent != kind && p.read[parent] != nil {
		parents = p.kind(parent)
	}
	read := p.read[kind]
	if len(read.readings) == 1 {
		k.present = make(map[string]bool, len(read.readings[0].ids))
	}
	done := map[string]bool{} // parents whose children were read
	for _, r := range read.readings {
		switch {
		case r.err != nil:
			k.unproven = true
			k.doubt(r.err)
		case r.parent.IsZero() || parents.holds(p.base, r.parent):
			p.take(k, r, parents)
		}
		done[r.parent.ID] = true
	}
	if read.perParent != "" {
		p.unread(k, parents, done)
	}
	p.end(k, read, parents)
	return k
}

// unread doubts a kind whose parents could not all be listed: under a parent
// that is only there because it was there before, nothing was read.
func (p *processor) unread(k, parents *kindPlan, done map[string]bool) {
	for _, id := range parents.rows(p.base) {
		if done[id] {
			continue
		}
		k.unproven = true
		err := &psa.Error{Op: "list " + string(k.kind), Ref: psa.Ref{Kind: parents.kind, ID: id},
			Code: psa.ErrData, Detail: "its parent was not read"}
		if why := parents.stale(); why != nil {
			err.Code, err.Err = psa.ErrorClass(why), why
		}
		k.doubt(err)
	}
}

// take files the rows of one list.
func (p *processor) take(k *kindPlan, r *reading, parents *kindPlan) {
	var orphaned error // why parents may be missing
	if parents != nil {
		orphaned = parents.stale()
	}
	for id, i := range r.ids {
		if i == dropped {
			continue
		}
		if k.present[id] {
			k.warn("row %s came under two parents; the list that ended last counts", text.Clip(id))
		}
		if i == asBefore && p.base == p.old && orphaned == nil {
			k.present[id] = true // nearly every row of nearly every run
			delete(k.put, id)
			continue
		}
		ref := psa.Ref{Kind: k.kind, ID: id}
		if err := p.poison[ref]; err != nil {
			p.keep(k, id, err)
			continue
		}
		var rec psa.Record
		if i == asBefore {
			rec, _ = p.old.Get(ref)
		} else {
			rec = r.rows[i]
		}
		if orphaned != nil && rec.Parent.Kind == parents.kind && !parents.holds(p.base, rec.Parent) {
			// A snapshot never points at a row that it failed to read.
			k.present[id] = true
			k.doubt(fmt.Errorf("%s waits for %s: %w", ref, rec.Parent, orphaned))
			continue
		}
		k.present[id] = true
		delete(k.put, id)
		if cur, had := p.base.Get(ref); !had || !sameRow(cur, rec) {
			k.put[id] = rec
		}
	}
	for _, rec := range r.rehash {
		cur, had := p.base.Get(rec.Ref)
		if _, put := k.put[rec.ID]; put || had && cur.Hash != rec.Hash && sameRow(cur, rec) && p.poison[rec.Ref] == nil {
			k.put[rec.ID] = rec
		}
	}
	for id, err := range r.bad {
		p.keep(k, id, err)
	}
	if r.lost > 0 {
		k.unproven = true
		k.doubt(&psa.Error{Op: "list " + r.String(), Code: psa.ErrData, Detail: fmt.Sprintf("rows without a readable id: %d", r.lost)})
	}
}

// keep leaves a row that cannot be used as it was.
func (p *processor) keep(k *kindPlan, id string, err error) {
	k.present[id] = true
	k.doubt(fmt.Errorf("row %s cannot be used: %w", id, err))
	what := "left out"
	if _, had := p.base.Get(psa.Ref{Kind: k.kind, ID: id}); had {
		what = "kept as it was"
	}
	k.warn("row %s is %s: %s", text.Clip(id), what, reason(err))
}

// end decides which rows of the base are gone: those that did not come, unless
// they may have come had everything been read.
func (p *processor) end(k *kindPlan, read *kindRead, parents *kindPlan) {
	for rec := range p.base.All(k.kind) {
		if k.present[rec.ID] {
			continue
		}
		orphan := read.perParent != "" && rec.Parent.Kind == parents.kind && parents.ended[rec.Parent.ID]
		if orphan || !k.unproven {
			k.ended[rec.ID] = true
		}
	}
}

// maxReason bounds the runes of an error in a report.
const maxReason = 300

// reason is the text of an error for a report: bounded and printable.
func reason(err error) string { return text.ClipTo(err.Error(), maxReason) }

// nothingRead returns the error of a run none of whose lists succeeded, so that
// the caller knows as well as the store, which has every kind stale by now.
func (p *processor) nothingRead() error {
	var first error
	for _, kind := range p.opts.Kinds {
		for _, r := range p.read[kind].readings {
			if r.err == nil {
				return nil
			}
			first = cmp.Or(first, r.err)
		}
	}
	return first
}
