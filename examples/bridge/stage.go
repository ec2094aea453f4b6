package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// A stage is where the story is played: a simulated PSA, a help desk, the
// bridge between them, and people who work in both.
type stage struct {
	ctx  context.Context
	out  io.Writer
	now  *clock
	sim  simulation
	conn *connection
	b    *bridge.Bridge

	psa   psaDesk
	desk  [2]*hostdb.Desk // of two technicians
	wrote []bridge.Event  // by the bridge in the PSA, since people did something

	// Those that the story is about.
	company, fromPSA, fromDesk pair

	wrong []string // what did not come out as it should
}

// errStory is the story's end if it does not hold.
var errStory = errors.New("the story does not hold")

func (s *stage) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

func (s *stage) step(format string, args ...any) { s.say("\n== "+format+"\n", args...) }

// check says whether something came out as it should.
func (s *stage) check(ok bool, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	if ok {
		s.say("  ok     %s", what)
		return
	}
	s.say("  WRONG  %s", what)
	s.wrong = append(s.wrong, what)
}

// A pair is a record on both sides.
type pair [2]psa.Ref

// peer finds the other record of a linked one.
func (s *stage) peer(side bridge.Side, ref psa.Ref) (pair, error) {
	l, ok, err := s.conn.store.LinkOf(s.ctx, s.conn.source, side, ref)
	if err != nil {
		return pair{}, err
	}
	if !ok || l.IDs[side.Other()] == "" {
		return pair{}, fmt.Errorf("%w: %s of the %s has no counterpart", errStory, ref, s.name(side))
	}
	return pair{{Kind: ref.Kind, ID: l.IDs[0]}, {Kind: ref.Kind, ID: l.IDs[1]}}, nil
}

func (s *stage) side(side bridge.Side) psa.Provider {
	if side == bridge.Left {
		return s.sim.provider
	}
	return s.conn.host
}

func (s *stage) name(side bridge.Side) string {
	if side == bridge.Left {
		return "PSA"
	}
	return "help desk"
}

// value returns what a side holds in a field, as people see it.
func (s *stage) value(side bridge.Side, ref psa.Ref, field string) (string, error) {
	rec, err := s.side(side).Get(s.ctx, ref)
	if err != nil {
		return "", err
	}
	v, _ := rec.Fields.Lookup(field)
	switch v := v.(type) {
	case nil:
		return "-", nil
	case psa.Fields:
		return s.label(side, ref.Kind, field, v), nil
	case json.Number:
		return v.String(), nil
	}
	return fmt.Sprint(v), nil
}

// label returns the name of a reference, which some systems tell by id alone.
func (s *stage) label(side bridge.Side, kind psa.Kind, field string, ref psa.Fields) string {
	f, _ := psa.FieldOf(kind, field)
	cat := s.conn.cfg.Left
	if side == bridge.Right {
		cat = s.conn.cfg.Right
	}
	for _, o := range cat.Options(f.Kind, "") {
		if o.ID == ref.String("id") {
			return o.Name
		}
	}
	return cmp.Or(ref.String("name"), "#"+ref.String("id"))
}

// A field is what is watched: its name on both sides.
type field [2]string

func same(name string) field { return field{name, name} }

// watch does something and lets the bridge work, and prints what became of
// fields of a pair on both sides.
func (s *stage) watch(p pair, fields []field, do func() error) error {
	var was [2][]string
	for side := range bridge.Side(2) {
		for _, f := range fields {
			v, err := s.value(side, p[side], f[side])
			if err != nil {
				return err
			}
			was[side] = append(was[side], v)
		}
	}
	s.wrote = nil
	if err := errors.Join(do(), s.settle()); err != nil {
		return err
	}
	for side := range bridge.Side(2) {
		for i, f := range fields {
			is, err := s.value(side, p[side], f[side])
			if err != nil {
				return err
			}
			change := was[side][i] + " -> " + is
			if was[side][i] == is {
				change = is
			}
			s.say("    %-10s #%-8s %-24s %s", s.name(side), p[side].ID, f[side], change)
		}
	}
	return nil
}

// is checks the value of a field on one side.
func (s *stage) is(side bridge.Side, ref psa.Ref, field, want string) error {
	got, err := s.value(side, ref, field)
	if err == nil {
		s.check(got == want, "%s of the %s is %s", field, s.name(side), quoted(got, want))
	}
	return err
}

func quoted(got, want string) string {
	if got == want {
		return fmt.Sprintf("%q", got)
	}
	return fmt.Sprintf("%q, and should be %q", got, want)
}

// cycle lets the bridge work once, a while after what people did.
func (s *stage) cycle() (*bridge.Report, error) {
	s.now.wait(2 * time.Minute)
	r, err := s.b.Once(s.ctx)
	if err != nil {
		return r, err
	}
	s.say("    bridge: %s", summary(r))
	return r, nil
}

// settle lets the bridge work until nothing is left to write.
func (s *stage) settle() error {
	for range 6 {
		r, err := s.cycle()
		if err != nil {
			return err
		}
		if r.Writes() == 0 {
			return nil
		}
	}
	s.check(false, "the bridge comes to rest")
	return nil
}

// summary is a report in a line.
func summary(r *bridge.Report) string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	for side, name := range []string{"in the PSA", "in the help desk"} {
		add(r.Created[side], "created "+name)
		add(r.Updated[side], "changed "+name)
		add(r.Deleted[side], "deleted "+name)
	}
	add(r.Linked, "linked")
	add(r.Restored, "restored")
	for _, by := range sorted(r.Decided) {
		add(r.Decided[by], "decided by "+by)
	}
	add(r.Skipped, "that no plan holds, for the next run")
	add(r.Closed, "closed")
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, ", ")
}

// observe remembers the order of writes.
func (s *stage) observe(e bridge.Event) {
	if e.Type == bridge.EventWrite && e.Side == bridge.Left {
		s.wrote = append(s.wrote, e)
	}
}

func isNote(e bridge.Event) bool { return e.Kind == psa.KindNote }

func isTicket(e bridge.Event) bool { return e.Kind == psa.KindTicket }

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// open are the tasks that wait for a person.
func (s *stage) open() (open []bridge.TaskView, err error) {
	for t, err := range s.b.Tasks(s.ctx, bridge.TaskFilter{}) {
		if err != nil {
			return nil, err
		}
		open = append(open, t)
	}
	return open, nil
}

// first returns the first task of a type, and prints it.
func (s *stage) first(typ string) (bridge.TaskView, error) {
	open, err := s.open()
	if err != nil {
		return bridge.TaskView{}, err
	}
	i := slices.IndexFunc(open, func(t bridge.TaskView) bool { return t.Type == typ })
	s.check(i >= 0, "a %s waits for a person", typ)
	if i < 0 {
		return bridge.TaskView{}, fmt.Errorf("%w: no task of type %s", errStory, typ)
	}
	writeTask(s.out, &open[i])
	return open[i], nil
}

// mails counts what both systems have sent.
func (s *stage) mails() ([2]int, error) {
	n, err := s.desk[0].Mails(s.ctx)
	return [2]int{s.sim.mails(), n}, err
}

// count counts the live records of a kind on a side.
func (s *stage) count(side bridge.Side, kind psa.Kind, parent psa.Ref) (n int, err error) {
	for r, err := range s.side(side).List(s.ctx, kind, psa.Query{Parent: parent}) {
		if err = errors.Join(err, r.Err); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// links counts the links of a kind by state.
func (s *stage) links(kind psa.Kind, state cache.LinkState) (n int, err error) {
	for _, err := range s.conn.store.Links(s.ctx, s.conn.source, cache.LinkQuery{Kind: kind, States: []cache.LinkState{state}}) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
