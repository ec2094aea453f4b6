package cache

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// A linkTable is the links of one source with their indexes.
type linkTable struct {
	byKey    map[string]*linkEntry
	byRecord map[recordKey]*linkEntry

	all       sorted[linkEntry]
	byKind    sortedBy[psa.Kind, linkEntry]
	byParent  sortedBy[string, linkEntry]    // of links that have one
	byCompany sortedBy[string, linkEntry]    // of links that have one
	byState   sortedBy[LinkState, linkEntry] // of links that are not live: these are few
	pending   sorted[linkEntry]
}

type linkEntry struct {
	Link
	born uint64 // the save that brought it
}

func compareLinks(a, b *linkEntry) int { return strings.Compare(a.Key, b.Key) }

// admit refuses a batch that does not follow from what is stored.
func (t *linkTable) admit(b *StateBatch) error {
	for i := range b.Links {
		rev := int64(0)
		if e := t.byKey[b.Links[i].Key]; e != nil {
			rev = e.Rev
		}
		if rev != b.Links[i].Rev {
			return Stale("link", b.Links[i].Key, b.Links[i].Rev, rev)
		}
	}
	var places map[string]int // of the batch's keys; made when first needed
	for i := range b.Links {
		l := &b.Links[i]
		for side, id := range l.IDs {
			owner := t.byRecord[recordKey{Side(side), l.Kind, id}]
			if id == "" || owner == nil || owner.Key == l.Key {
				continue
			}
			if places == nil {
				places = b.places()
			}
			// Check has made sure that an owner in the batch, which is not this
			// link, has let the record go.
			if _, ok := places[owner.Key]; !ok {
				return Linked(Side(side), psa.Ref{Kind: l.Kind, ID: id}, owner.Key, l.Key)
			}
		}
	}
	return nil
}

func (b *StateBatch) places() map[string]int {
	places := make(map[string]int, len(b.Links)+len(b.DropLinks))
	for i := range b.Links {
		places[b.Links[i].Key] = i
	}
	for _, key := range b.DropLinks {
		places[key] = -1
	}
	return places
}

// Stale returns the [ErrStale] of a link or task ("link", "task") that is
// stored with another Rev.
func Stale(what, key string, rev, stored int64) error {
	return fmt.Errorf("%s %.80q: Rev is %d, not %d: %w", what, key, stored, rev, ErrStale)
}

// save does what was admitted.
func (t *linkTable) save(b *StateBatch, now uint64) {
	for _, key := range b.DropLinks {
		if e := t.byKey[key]; e != nil {
			t.release(e)
			t.file(e, &Link{})
			t.all.remove(e)
			delete(t.byKey, key)
		}
	}
	// All records are let go before any is taken: links may swap theirs.
	for i := range b.Links {
		l := &b.Links[i]
		if e := t.byKey[l.Key]; e != nil && (e.IDs != l.IDs || e.Kind != l.Kind) {
			t.release(e)
		}
	}
	for i := range b.Links {
		l := &b.Links[i]
		e := t.byKey[l.Key]
		if e == nil {
			if t.byKey == nil {
				t.byKey, t.byRecord = map[string]*linkEntry{}, map[recordKey]*linkEntry{}
				t.all.compare, t.pending.compare = compareLinks, compareLinks
			}
			e = &linkEntry{born: now}
			e.Key = l.Key
			t.byKey[l.Key] = e
			t.all.add(e)
		}
		if e.IDs != l.IDs || e.Kind != l.Kind {
			for side, id := range l.IDs {
				if id != "" {
					t.byRecord[recordKey{Side(side), l.Kind, id}] = e
				}
			}
		}
		t.file(e, l)
		e.Link = l.Normal()
		e.Rev++
	}
}

func (t *linkTable) release(e *linkEntry) {
	for side, id := range e.IDs {
		if key := (recordKey{Side(side), e.Kind, id}); t.byRecord[key] == e {
			delete(t.byRecord, key)
		}
	}
}

// file moves e from the indexes it is in to those for l.
func (t *linkTable) file(e *linkEntry, l *Link) {
	if e.Kind != l.Kind {
		move(&t.byKind, e, e.Kind, l.Kind)
	}
	if e.Parent != l.Parent {
		move(&t.byParent, e, e.Parent, l.Parent)
	}
	if e.Company != l.Company {
		move(&t.byCompany, e, e.Company, l.Company)
	}
	if e.State != l.State {
		move(&t.byState, e, e.State, l.State)
	}
	switch had, has := e.Pending != nil, l.Pending != nil; {
	case has && !had:
		t.pending.add(e)
	case had && !has:
		t.pending.remove(e)
	}
}

func move[K ~string](index *sortedBy[K, linkEntry], e *linkEntry, from, to K) {
	if from != "" {
		index.remove(from, e)
	}
	if to != "" {
		index.add(to, e, compareLinks)
	}
}

// find returns the shortest list that holds what q asks for.
func (t *linkTable) find(q *LinkQuery) *sorted[linkEntry] {
	switch {
	case q.Parent != "":
		return t.byParent[q.Parent]
	case q.Pending:
		return &t.pending
	case len(q.States) == 1 && q.States[0] != LinkLive:
		return t.byState[q.States[0]]
	case q.Company != "":
		return t.byCompany[q.Company]
	case q.Kind != "":
		return t.byKind[q.Kind]
	}
	return &t.all
}

func (q *LinkQuery) matches(l *Link) bool {
	return (q.Kind == "" || q.Kind == l.Kind) &&
		(q.Parent == "" || q.Parent == l.Parent) &&
		(q.Company == "" || q.Company == l.Company) &&
		(!q.Pending || l.Pending != nil) &&
		(len(q.States) == 0 || slices.Contains(q.States, l.State))
}

// Link returns the link of a key; see [State].
func (m *Memory) Link(ctx context.Context, source, key string) (Link, bool, error) {
	if err := ctx.Err(); err != nil {
		return Link{}, false, err
	}
	st := m.state(source)
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.links.byKey[key].link()
}

// LinkOf returns the link of a record; see [State].
func (m *Memory) LinkOf(ctx context.Context, source string, side Side, ref psa.Ref) (Link, bool, error) {
	if err := ctx.Err(); err != nil {
		return Link{}, false, err
	}
	st := m.state(source)
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.links.byRecord[recordKey{side, ref.Kind, ref.ID}].link()
}

func (e *linkEntry) link() (Link, bool, error) {
	if e == nil {
		return Link{}, false, nil
	}
	return e.Link, true, nil
}

// Links yields links by key; see [State].
func (m *Memory) Links(ctx context.Context, source string, q LinkQuery) iter.Seq2[Link, error] {
	return func(yield func(Link, error) bool) {
		st := m.state(source)
		st.mu.RLock()
		began := st.saves
		st.mu.RUnlock()
		// One at a time, so that the loop may save.
		for after := q.After; ; {
			if err := ctx.Err(); err != nil {
				yield(Link{}, err)
				return
			}
			l, ok := st.nextLink(&q, after, began)
			if !ok || !yield(l, nil) {
				return
			}
			after = l.Key
		}
	}
}

func (st *memoryState) nextLink(q *LinkQuery, after string, began uint64) (Link, bool) {
	st.mu.RLock()
	defer st.mu.RUnlock()
	behind := func(e *linkEntry) int {
		if e.Key > after {
			return 1
		}
		return -1
	}
	for e := range st.links.find(q).from(behind) {
		// What came later is left out: a loop that adds links has to end.
		if e.born <= began && q.matches(&e.Link) {
			return e.Link, true
		}
	}
	return Link{}, false
}
