package bridge

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// AnswerDrop forgets a task without doing anything about it; the record is
// looked at again once it changes. It fits the types retry and match.
const AnswerDrop = "drop"

const opAnswer = "answer"

// personal are the types of tasks that people are told of.
var personal = []string{TaskConflict, TaskAsk, TaskHeld, TaskRefused, TaskMatch, TaskDeleted, TaskRetry}

// A TaskFilter chooses tasks; the zero value chooses all that people are told
// of.
type TaskFilter struct {
	Types     []string   // e.g. TaskConflict
	Kinds     []psa.Kind // of the record
	Companies []string   // ids on the side of the PSA; a record without a link belongs to none
	Group     string     // of a conflict, e.g. "status"
	Open      bool       // only without an answer
}

// A TaskView is a task as people see it. It holds values of the record.
type TaskView struct {
	ID     string    `json:"id"`
	Rev    int64     `json:"rev"` // of what is shown, for Answer.Rev
	Type   string    `json:"type"`
	Kind   psa.Kind  `json:"kind"`
	IDs    [2]string `json:"ids"` // of the record on both sides; "" where there is none
	Side   Side      `json:"side"`
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"`
	Class  string    `json:"class,omitempty"` // of the error
	Rule   string    `json:"rule,omitempty"`  // file:line:column of the map's rule
	Group  string    `json:"group,omitempty"` // fields that are decided together
	// Fields are the values that the task is about, as each side tells them;
	// Base is what both agreed on last.
	Fields     []TaskField   `json:"fields,omitempty"`
	Candidates []string      `json:"candidates,omitempty"` // ids on the other side
	WaitsFor   string        `json:"waits_for,omitempty"`  // a record that has to be linked first, as side/kind/id
	Tries      int           `json:"tries,omitempty"`
	Due        time.Time     `json:"due,omitzero"`     // of the next try; zero: it waits for a person
	Answer     *cache.Answer `json:"answer,omitempty"` // that the next run uses
	Answers    []string      `json:"answers"`          // that the task takes
}

// A TaskField is one field of a [TaskView].
type TaskField struct {
	Field string `json:"field"` // as the left side calls it
	Base  any    `json:"base"`
	Left  any    `json:"left"`
	Right any    `json:"right"`
}

// An Answer is what a person decides about a task. Action and Actor are
// required.
type Answer struct {
	Action   string     // AnswerTake and so on
	Side     string     // of AnswerTake: left, right, psa, app, or a side's name in the field map
	Values   psa.Fields // of AnswerValues: every field of the group, as the left side tells it; nil clears
	Strategy string     // of AnswerStrategy, as a field map spells it, e.g. "newest"
	ID       string     // of AnswerLink: the candidate
	Actor    string     // who decides, for the audit
	// Rev, if it is not 0, is the TaskView.Rev that the person saw; another one
	// is ErrOutdated.
	Rev int64
}

// Tasks yields what waits for a person or is tried again, oldest first; an error
// once, last: psa.ErrNotFound for a company without a link, or what the state or
// the context failed with.
func (b *Bridge) Tasks(ctx context.Context, f TaskFilter) iter.Seq2[TaskView, error] {
	return func(yield func(TaskView, error) bool) {
		for t, err := range b.tasks(ctx, f) {
			if err != nil {
				yield(TaskView{}, err)
				return
			}
			v, err := b.view(ctx, t)
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// tasks yields what a filter chooses.
func (b *Bridge) tasks(ctx context.Context, f TaskFilter) iter.Seq2[cache.Task, error] {
	return func(yield func(cache.Task, error) bool) {
		keys, err := b.companyKeys(ctx, f.Companies)
		if err != nil {
			yield(cache.Task{}, err)
			return
		}
		q := cache.TaskQuery{Types: personal}
		if len(f.Types) > 0 {
			q.Types = f.Types
		}
		for t, err := range b.state.Tasks(ctx, b.opts.Source, q) {
			if err != nil {
				yield(cache.Task{}, fmt.Errorf("bridge: %w", err))
				return
			}
			if !slices.Contains(personal, t.Type) || len(f.Kinds) > 0 && !slices.Contains(f.Kinds, t.Kind) ||
				f.Group != "" && f.Group != t.Group || f.Open && t.Answer != nil {
				continue
			}
			if len(f.Companies) > 0 {
				l, ok, err := b.state.Link(ctx, b.opts.Source, t.Link)
				if err != nil {
					yield(cache.Task{}, fmt.Errorf("bridge: %w", err))
					return
				}
				if !ok || !slices.Contains(keys, l.Company) {
					continue
				}
			}
			if !yield(t, nil) {
				return
			}
		}
	}
}

// Show returns one task; one that does not exist (any more) is psa.ErrNotFound.
func (b *Bridge) Show(ctx context.Context, id string) (*TaskView, error) {
	t, err := b.task(ctx, id)
	if err != nil {
		return nil, err
	}
	v, err := b.view(ctx, t)
	return &v, err
}

func (b *Bridge) task(ctx context.Context, id string) (cache.Task, error) {
	t, ok, err := b.state.Task(ctx, b.opts.Source, id)
	switch {
	case err != nil:
		return t, fmt.Errorf("bridge: %w", err)
	case !ok, !slices.Contains(personal, t.Type):
		return t, fmt.Errorf("bridge: task %q: %w; it may have been settled", clip(id), psa.ErrNotFound)
	}
	return t, nil
}

func (b *Bridge) view(ctx context.Context, t cache.Task) (TaskView, error) {
	v := TaskView{
		ID: t.ID, Rev: t.Rev, Type: t.Type, Kind: t.Kind, Side: t.Side, Since: t.Since, Reason: t.Reason, Class: t.Class, Rule: t.Rule, Group: t.Group,
		Candidates: t.Candidates, WaitsFor: t.WaitsFor, Tries: t.Tries, Due: t.Due, Answer: t.Answer, Answers: answersTo(&t),
	}
	v.IDs[t.Side] = t.Record
	if t.Link != "" {
		l, ok, err := b.state.Link(ctx, b.opts.Source, t.Link)
		if err != nil {
			return v, fmt.Errorf("bridge: %w", err)
		}
		if ok && l.IDs[t.Side] == t.Record {
			v.IDs = l.IDs
		}
	}
	for _, name := range b.fieldsOf(&t) {
		v.Fields = append(v.Fields, TaskField{Field: name, Base: t.Base[name], Left: t.Left[name], Right: t.Right[name]})
	}
	return v, nil
}

// fieldsOf are the fields of a task's group, by the names of the left side.
func (b *Bridge) fieldsOf(t *cache.Task) []string {
	var out []string
	c := b.current()
	if c == nil { // no run has asked for the catalogs yet: the values tell
		all := psa.Fields{}
		for _, f := range []psa.Fields{t.Base, t.Left, t.Right} {
			maps.Copy(all, f)
		}
		return sortedKeys(all)
	}
	k := c.kinds[t.Kind]
	if k == nil || t.Group == "" {
		return nil
	}
	for _, g := range k.groups {
		if g.name == t.Group {
			for _, i := range g.units {
				out = append(out, k.units[i].name)
			}
		}
	}
	return out
}

// answersTo are the answers that a task takes.
func answersTo(t *cache.Task) []string {
	switch t.Type {
	case TaskConflict, TaskAsk, TaskHeld, TaskRefused:
		if t.Group == "" { // the record as a whole cannot be written
			return []string{AnswerRetry}
		}
		return []string{AnswerTake, AnswerValues, AnswerStrategy, AnswerRetry}
	case TaskMatch:
		return []string{AnswerLink, AnswerCreate, AnswerDrop}
	case TaskDeleted:
		return []string{AnswerDelete, AnswerKeep, AnswerRestore}
	case TaskRetry:
		return []string{AnswerRetry, AnswerDrop}
	}
	return nil
}

// Resolve stores what a person decides about one task. The next run uses it,
// after it has read both records again: if one of them holds another value than
// the task shows, the answer is not used, and the task says so with the values
// of then. [Bridge.ResolveNow] does not wait for the next run.
//
// A task that is not there is psa.ErrNotFound, an answer that does not fit it
// psa.ErrInvalid, and one to what is not shown any more [ErrOutdated].
func (b *Bridge) Resolve(ctx context.Context, id string, a Answer) error {
	t, err := b.task(ctx, id)
	if err != nil {
		return err
	}
	err = b.resolve(ctx, t, a)
	if errors.Is(err, cache.ErrStale) { // a run was at it in between
		return fmt.Errorf("bridge: task %q: %w", clip(id), ErrOutdated)
	}
	return err
}

// ResolveAll stores one answer for every task that a filter chooses and that
// has none, and returns how many. Tasks that a run changes meanwhile are passed
// over. An answer that does not fit one of the tasks is psa.ErrInvalid, and none
// is stored then.
func (b *Bridge) ResolveAll(ctx context.Context, f TaskFilter, a Answer) (n int, err error) {
	f.Open = true
	var all []cache.Task
	for t, err := range b.tasks(ctx, f) {
		if err != nil {
			return 0, err
		}
		if _, err := b.check(&t, a); err != nil {
			return 0, err
		}
		all = append(all, t)
	}
	for _, t := range all {
		err := b.resolve(ctx, t, a)
		if errors.Is(err, cache.ErrStale) {
			continue
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// ResolveNow is [Bridge.Resolve] followed by a run of this task alone. The
// errors are those of both; the answer is stored if only the run failed.
func (b *Bridge) ResolveNow(ctx context.Context, id string, a Answer) (*Report, error) {
	if err := b.Resolve(ctx, id, a); err != nil {
		return nil, err
	}
	return b.cycle(ctx, b.state, liveGate{}, false, func(r *run) error { return r.only(id) })
}

// Quarantine yields the records that failed and are tried again, oldest first.
func (b *Bridge) Quarantine(ctx context.Context) iter.Seq2[TaskView, error] {
	return b.Tasks(ctx, TaskFilter{Types: []string{TaskRetry}})
}

// resolve stores a checked answer.
func (b *Bridge) resolve(ctx context.Context, t cache.Task, a Answer) error {
	stored, err := b.check(&t, a)
	if err != nil {
		return err
	}
	audit := cache.Audit{Op: opAnswer, Actor: a.Actor, Link: t.Link, Kind: t.Kind, Side: t.Side, Rule: t.Rule, Reason: t.Type + ": " + a.said()}
	audit.IDs[t.Side] = t.Record
	batch := cache.StateBatch{}
	if l, ok, err := b.state.Link(ctx, b.opts.Source, t.Link); err != nil {
		return fmt.Errorf("bridge: %w", err)
	} else if ok {
		audit.IDs = l.IDs
	}
	switch {
	case a.Action == AnswerDrop:
		with, err := b.unasked(ctx, &t)
		if err != nil {
			return fmt.Errorf("bridge: %w", err)
		}
		batch.DropTasks = append(with, t.ID)
	case t.Type == TaskRetry:
		t.Due, t.Tries = b.opts.Now(), 0
		batch.Tasks = []cache.Task{t}
	default:
		t.Answer, t.Due, t.WaitsFor = stored, b.opts.Now(), ""
		batch.Tasks = []cache.Task{t}
		if stored.Action == AnswerValues {
			audit.After = stored.Values
		}
	}
	batch.Audits = []cache.Audit{audit}
	return b.save(ctx, batch)
}

func (a Answer) said() string {
	for _, s := range []string{a.Side, a.Strategy, a.ID} {
		if s != "" {
			return a.Action + " " + s
		}
	}
	return a.Action
}

// check makes of an answer what a task keeps.
func (b *Bridge) check(t *cache.Task, a Answer) (*cache.Answer, error) {
	fits := answersTo(t)
	switch {
	case a.Actor == "":
		return nil, invalid("Answer.Actor is missing: who decides")
	case a.Rev != 0 && a.Rev != t.Rev:
		return nil, fmt.Errorf("bridge: task %q: %w", clip(t.ID), ErrOutdated)
	case !slices.Contains(fits, a.Action):
		return nil, invalid("%q is no answer to task %q of type %s; it takes %s", a.Action, clip(t.ID), t.Type, strings.Join(fits, ", "))
	}
	out := &cache.Answer{Action: a.Action, Actor: a.Actor, At: b.opts.Now()}
	switch a.Action {
	case AnswerTake:
		side, ok := b.sideNames()[a.Side]
		if !ok {
			return nil, invalid("unknown side %q; it is one of %s", a.Side, strings.Join(sortedKeys(b.sideNames()), ", "))
		}
		out.Side = string(side)
	case AnswerValues:
		values, err := b.checkValues(t, a.Values)
		if err != nil {
			return nil, err
		}
		out.Values = values
	case AnswerStrategy:
		out.Values = psa.Fields{"strategy": a.Strategy}
		if _, err := b.decision(*out); err != nil || a.Strategy == "" {
			return nil, invalid("strategy %q: %v", a.Strategy, err)
		}
	case AnswerLink:
		if a.ID == "" || len(t.Candidates) > 0 && !slices.Contains(t.Candidates, a.ID) {
			return nil, invalid("candidate %q; it is one of %s", a.ID, strings.Join(t.Candidates, ", "))
		}
		out.ID = a.ID
	}
	return out, nil
}

// sideNames are the ways to call a side.
func (b *Bridge) sideNames() map[string]conflict.Side {
	names := map[string]conflict.Side{
		"psa": conflictSide(b.opts.PSA), "app": conflictSide(b.opts.PSA.Other()), "left": conflict.Left, "right": conflict.Right,
		b.opts.Map.Name(mapping.Left): conflict.Left, b.opts.Map.Name(mapping.Right): conflict.Right,
	}
	delete(names, "")
	return names
}

// checkValues wants a value for each field of the group, and no others.
func (b *Bridge) checkValues(t *cache.Task, given psa.Fields) (psa.Fields, error) {
	fields := b.fieldsOf(t)
	for _, name := range sortedKeys(given) {
		if !slices.Contains(fields, name) {
			return nil, invalid("unknown field %q; the task is about %s", name, strings.Join(fields, ", "))
		}
	}
	for _, name := range fields {
		if _, ok := given[name]; !ok {
			return nil, invalid("field %q has no value; the task is about %s, which are decided together", name, strings.Join(fields, ", "))
		}
	}
	v, err := psa.Canonical(given)
	if err != nil {
		return nil, invalid("%v", err)
	}
	return v.(psa.Fields), nil
}

// only does one task, if it is there.
func (r *run) only(id string) error {
	if err := r.look(); err != nil {
		return err
	}
	for l, err := range r.st.Links(r.ctx, r.source, cache.LinkQuery{States: []cache.LinkState{cache.LinkHalf}}) {
		if err != nil {
			return &stateErr{err}
		}
		r.half[l.Key] = l
	}
	t, ok, err := r.st.Task(r.ctx, r.source, id)
	switch {
	case err != nil:
		return &stateErr{err}
	case !ok:
		return nil
	case r.paused[t.Kind]:
		return errStop{fmt.Errorf("%w: the kind %s", ErrPaused, t.Kind)}
	}
	if err := r.task(t); err != nil {
		return err
	}
	return r.flush()
}
