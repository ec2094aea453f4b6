package cache

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"
)

// A taskTable is the tasks of one source with their indexes.
type taskTable struct {
	byID     map[string]*taskEntry
	all      sorted[taskEntry]
	due      sorted[taskEntry]              // of tasks that have one, by Due
	byWaits  sortedBy[string, taskEntry]    // of tasks that wait for a record
	byLink   sortedBy[string, taskEntry]    // of tasks that have one
	byRecord sortedBy[recordKey, taskEntry] // of tasks that have one
}

type taskEntry struct {
	Task
	placed uint64 // the save that gave it its present Since
}

func compareTasks(a, b *taskEntry) int {
	return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.ID, b.ID))
}

func compareDue(a, b *taskEntry) int {
	return cmp.Or(a.Due.Compare(b.Due), compareTasks(a, b))
}

// admit refuses a batch that does not follow from what is stored.
func (t *taskTable) admit(b *StateBatch) error {
	for i := range b.Tasks {
		rev := int64(0)
		if e := t.byID[b.Tasks[i].ID]; e != nil {
			rev = e.Rev
		}
		if rev != b.Tasks[i].Rev {
			return Stale("task", b.Tasks[i].ID, b.Tasks[i].Rev, rev)
		}
	}
	return nil
}

// save does what was admitted.
func (t *taskTable) save(b *StateBatch, now uint64) {
	for _, id := range b.DropTasks {
		if e := t.byID[id]; e != nil {
			t.unfile(e)
			delete(t.byID, id)
		}
	}
	for i := range b.Tasks {
		next := b.Tasks[i].Normal()
		next.Rev++
		e := t.byID[next.ID]
		switch {
		case e == nil:
			if t.byID == nil {
				t.byID = map[string]*taskEntry{}
				t.all.compare, t.due.compare = compareTasks, compareDue
			}
			e = &taskEntry{next, now}
			t.byID[next.ID] = e
			t.file(e)
		case samePlace(&e.Task, &next):
			e.Task = next
		default:
			t.unfile(e)
			if !e.Since.Equal(next.Since) {
				e.placed = now
			}
			e.Task = next
			t.file(e)
		}
	}
}

// samePlace reports whether the indexes have two tasks in the same place.
func samePlace(a, b *Task) bool {
	return a.Since.Equal(b.Since) && a.Due.Equal(b.Due) && a.WaitsFor == b.WaitsFor && a.Link == b.Link && a.record() == b.record()
}

func (t *Task) record() recordKey { return recordKey{t.Side, t.Kind, t.Record} }

func (t *taskTable) file(e *taskEntry) {
	t.all.add(e)
	if !e.Due.IsZero() {
		t.due.add(e)
	}
	if e.WaitsFor != "" {
		t.byWaits.add(e.WaitsFor, e, compareTasks)
	}
	if e.Link != "" {
		t.byLink.add(e.Link, e, compareTasks)
	}
	if e.Record != "" {
		t.byRecord.add(e.record(), e, compareTasks)
	}
}

func (t *taskTable) unfile(e *taskEntry) {
	t.all.remove(e)
	if !e.Due.IsZero() {
		t.due.remove(e)
	}
	if e.WaitsFor != "" {
		t.byWaits.remove(e.WaitsFor, e)
	}
	if e.Link != "" {
		t.byLink.remove(e.Link, e)
	}
	if e.Record != "" {
		t.byRecord.remove(e.record(), e)
	}
}

// find returns the shortest list that holds what q asks for.
func (t *taskTable) find(q *TaskQuery) *sorted[taskEntry] {
	switch {
	case q.WaitsFor != "":
		return t.byWaits[q.WaitsFor]
	case q.Link != "":
		return t.byLink[q.Link]
	case q.Record != "" && q.Side != nil && q.Kind != "":
		return t.byRecord[recordKey{*q.Side, q.Kind, q.Record}]
	}
	return &t.all
}

func (q *TaskQuery) matches(t *Task) bool {
	return (q.Kind == "" || q.Kind == t.Kind) &&
		(q.WaitsFor == "" || q.WaitsFor == t.WaitsFor) &&
		(q.Link == "" || q.Link == t.Link) &&
		(q.Record == "" || q.Record == t.Record) &&
		(q.Side == nil || *q.Side == t.Side) &&
		(q.Due.IsZero() || !t.Due.IsZero() && !t.Due.After(q.Due)) &&
		(len(q.Types) == 0 || slices.Contains(q.Types, t.Type))
}

// Task returns the task of an id; see [State].
func (m *Memory) Task(ctx context.Context, source, id string) (Task, bool, error) {
	if err := ctx.Err(); err != nil {
		return Task{}, false, err
	}
	st := m.state(source)
	st.mu.RLock()
	defer st.mu.RUnlock()
	if e := st.tasks.byID[id]; e != nil {
		return e.Task, true, nil
	}
	return Task{}, false, nil
}

// Tasks yields tasks by Since, then by id; see [State].
func (m *Memory) Tasks(ctx context.Context, source string, q TaskQuery) iter.Seq2[Task, error] {
	return func(yield func(Task, error) bool) {
		next := m.state(source).tasksOf(&q)
		for {
			if err := ctx.Err(); err != nil {
				yield(Task{}, err)
				return
			}
			t, ok := next()
			if !ok || !yield(t, nil) {
				return
			}
		}
	}
}

// tasksOf returns what steps through the tasks that q asks for.
func (st *memoryState) tasksOf(q *TaskQuery) func() (Task, bool) {
	st.mu.RLock()
	defer st.mu.RUnlock()
	began := st.saves
	if !q.Due.IsZero() && st.tasks.find(q) == &st.tasks.all {
		return st.dueTasks(q, began)
	}
	since, id := time.Time{}, ""
	behind := func(e *taskEntry) int {
		if cmp.Or(e.Since.Compare(since), strings.Compare(e.ID, id)) > 0 {
			return 1
		}
		return -1
	}
	return func() (Task, bool) {
		st.mu.RLock()
		defer st.mu.RUnlock()
		for e := range st.tasks.find(q).from(behind) {
			// What came or moved later is left out: a loop that saves tasks
			// has to end.
			if e.placed <= began && q.matches(&e.Task) {
				since, id = e.Since, e.ID
				return e.Task, true
			}
		}
		return Task{}, false
	}
}

// dueTasks steps through tasks that are due. These are few among many that are
// not, and are brought into order by Since first.
func (st *memoryState) dueTasks(q *TaskQuery, began uint64) func() (Task, bool) {
	var found []*taskEntry
	for e := range st.tasks.due.from(func(*taskEntry) int { return 1 }) {
		if e.Due.After(q.Due) {
			break
		}
		if q.matches(&e.Task) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, compareTasks)
	return func() (Task, bool) {
		st.mu.RLock()
		defer st.mu.RUnlock()
		for len(found) > 0 {
			e := found[0]
			found = found[1:]
			if e.placed <= began && q.matches(&e.Task) && st.tasks.byID[e.ID] == e {
				return e.Task, true
			}
		}
		return Task{}, false
	}
}
