package bridge

import (
	"context"
	"slices"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// asking chooses those of the records of a side whose own match task asks
// whether they are the record of the other side with this id.
func asking(ctx context.Context, st cache.State, source string, s Side, kind psa.Kind, records []string, id string) ([]string, error) {
	var out []string
	for _, rec := range records {
		t, ok, err := st.Task(ctx, source, taskID(TaskMatch, s, kind, rec))
		if err != nil {
			return nil, &stateErr{err}
		}
		if ok && slices.Contains(t.Candidates, id) {
			out = append(out, rec)
		}
	}
	return out, nil
}

// waits reports whether a person is asked what the counterpart of a record is,
// in its own match task or in that of another record.
func (r *run) waits(s Side, ref psa.Ref) (bool, error) {
	for t, err := range r.st.Tasks(r.ctx, r.source, cache.TaskQuery{Kind: ref.Kind, Side: &s, Record: ref.ID, Types: []string{TaskMatch, taskPaired}}) {
		switch {
		case err != nil:
			return false, &stateErr{err}
		case t.Type == TaskMatch && t.Answer == nil:
			return true, nil
		case t.Type == taskPaired:
			if wait, err := r.asked(t); wait || err != nil {
				return wait, err
			}
		}
	}
	return false, nil
}

// asked reports whether a record waits for the answer to another one's task.
func (r *run) asked(t cache.Task) (bool, error) {
	by, err := asking(r.ctx, r.st, r.source, t.Side.Other(), t.Kind, t.Candidates, t.Record)
	return len(by) > 0, err
}

// paired deals with a record anew once nobody is asked about it any more.
func (r *run) paired(t cache.Task) error {
	if wait, err := r.asked(t); wait || err != nil {
		return err
	}
	return r.again(t, how{retry: &t})
}

// unasked are the tasks that go with a match task that is forgotten: those of
// the records that only it asks about.
func (b *Bridge) unasked(ctx context.Context, t *cache.Task) ([]string, error) {
	if t.Type != TaskMatch {
		return nil, nil
	}
	var out []string
	for _, id := range t.Candidates {
		p, ok, err := b.state.Task(ctx, b.opts.Source, taskID(taskPaired, t.Side.Other(), t.Kind, id))
		if err != nil {
			return nil, err
		}
		others := slices.DeleteFunc(slices.Clone(p.Candidates), func(rec string) bool { return rec == t.Record })
		by, err := asking(ctx, b.state, b.opts.Source, t.Side, t.Kind, others, id)
		if err != nil {
			return nil, err
		}
		if ok && len(by) == 0 {
			out = append(out, p.ID)
		}
	}
	return out, nil
}
