package bridge

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// offers lets both systems do everything.
func offers(groups ...[]string) psa.Features {
	return psa.Features{psa.KindTicket: {Can: psa.CanList | psa.CanGet | psa.CanCreate | psa.CanUpdate, Groups: groups,
		Writes: []string{"c", "contact_name", "p", "po", "po_number", "s", "summary"}}}
}

func compileText(t testing.TB, yaml string, groups ...[]string) *compiled {
	t.Helper()
	m, err := mapping.Parse("map.yaml", []byte(yaml), nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := compile(m, &mapping.Config{}, [2]psa.Features{offers(groups...), offers()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type setting struct {
	name string
	rule string
	way  string // of the values
	own  string
}

// values are what a side or the base may tell.
var values = []conflict.Value{{}, conflict.Of(nil), conflict.Of("1"), conflict.Of("2"), conflict.Of("3")}

func fieldsWith(v conflict.Value, name string) psa.Fields {
	f := psa.Fields{}
	if x, ok := v.Get(); ok {
		f[name] = x
	}
	return f
}

// TestEveryMerge tries every combination of base, left and right under every
// strategy, owner and direction, and checks the laws of a decision.
func TestEveryMerge(t *testing.T) {
	settings := []setting{{name: "no rule"}}
	for _, s := range []string{"left", "right", "filled", "newest", "source_of_truth(left)", "source_of_truth(right, po_number)", "merge_text", "merge_set",
		"manual", "first(filled, right)", "first(newest, manual)", "note(left)"} {
		settings = append(settings, setting{name: s, rule: ", conflict: \"" + s + "\""})
	}
	for _, o := range []string{"left", "right"} {
		for _, on := range []string{"restore", "tolerate", "ask"} {
			settings = append(settings, setting{name: "owner " + o + " " + on, rule: fmt.Sprintf(", owner: {side: %s, on_edit: %s}", o, on), own: o})
		}
	}
	settings = append(settings, setting{name: "to_app", rule: ", direction: to_app", way: "to_right"}, setting{name: "to_psa", rule: ", direction: to_psa", way: "to_left"})
	n := 0
	for _, set := range settings {
		c := compileText(t, "version: 1\nkinds: {ticket: {fields: {po_number: {app: po"+set.rule+"}}}}\n")
		k := c.kinds[psa.KindTicket]
		for _, base := range values {
			for _, left := range values {
				for _, right := range values {
					n++
					law(t, c, k, set, base, left, right)
				}
			}
		}
	}
	t.Logf("%d combinations", n)
}

func spell(v conflict.Value) string {
	x, ok := v.Get()
	if !ok {
		return "-"
	}
	return fmt.Sprint(x)
}

func law(t *testing.T, c *compiled, k *kindRules, set setting, base, left, right conflict.Value) {
	t.Helper()
	name := fmt.Sprintf("%s: base %s left %s right %s", set.name, spell(base), spell(left), spell(right))
	link := &cache.Link{Kind: psa.KindTicket, IDs: [2]string{"1", "2"}, Base: [2]psa.Fields{fieldsWith(base, "po_number"), fieldsWith(base, "po_number")}}
	in := func(l *cache.Link, lf, rf psa.Fields) *input {
		none := func(psa.Kind, string) (string, bool) { return "", false }
		return &input{link: l, policy: &Policy{}, peer: [2]func(psa.Kind, string) (string, bool){none, none}, view: [2]view{
			{rec: psa.Record{Ref: psa.Ref{Kind: psa.KindTicket, ID: "1"}, Fields: lf}, known: true},
			{rec: psa.Record{Ref: psa.Ref{Kind: psa.KindTicket, ID: "2"}, Fields: rf}, known: true},
		}}
	}
	lf, rf := fieldsWith(left, "po_number"), fieldsWith(right, "po")
	was := []any{lf.Clone(), rf.Clone(), link.Base[Left].Clone(), link.Base[Right].Clone()}
	out, err := c.merge(context.Background(), k, in(link, lf, rf))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if diff := cmp.Diff(was, []any{lf, rf, link.Base[Left], link.Base[Right]}); diff != "" {
		t.Errorf("%s: the input was changed: %s", name, diff)
	}
	again, _ := c.merge(context.Background(), k, in(link, lf, rf))
	if diff := cmp.Diff(out.patch, again.patch); diff != "" {
		t.Errorf("%s: the same question has two answers: %s", name, diff)
	}
	moved := func(v conflict.Value) bool { return !v.Absent() && !v.Equal(base) }
	switch {
	case !moved(left) && !moved(right) && (out.patch[Left] != nil || out.patch[Right] != nil || len(out.parks) > 0):
		t.Errorf("%s: nobody changed anything: %v %v", name, out.patch, out.parks)
	case left.Equal(right) && (out.patch[Left] != nil || out.patch[Right] != nil):
		t.Errorf("%s: both sides are equal: %v", name, out.patch)
	case left.Absent() && out.patch[Right] != nil && base.Absent(), right.Absent() && out.patch[Left] != nil && base.Absent():
		t.Errorf("%s: written from a side that tells nothing: %v", name, out.patch)
	case set.own == "left" && out.patch[Left] != nil && !left.Absent(), set.own == "right" && out.patch[Right] != nil && !right.Absent():
		t.Errorf("%s: the owner is written: %v", name, out.patch)
	case set.way == "to_right" && out.patch[Left] != nil, set.way == "to_left" && out.patch[Right] != nil:
		t.Errorf("%s: written against the direction: %v", name, out.patch)
	}
	if set.name == "manual" && !base.Absent() && moved(left) && moved(right) && !left.Equal(right) && !left.Absent() && !right.Absent() && (len(out.parks) != 1 || out.patch[Left] != nil || out.patch[Right] != nil) {
		t.Errorf("%s: a conflict was not left to a person", name)
	}
	// Once the outcome is applied there is nothing left to do.
	for range 3 {
		lf, rf = layered(lf, out.patch[Left]), layered(rf, out.patch[Right])
		next := *link
		next.Base = [2]psa.Fields{overlaid(link.Base[Left], out.agree[Left]), overlaid(link.Base[Right], out.agree[Right])}
		for s := range Side(2) {
			for _, w := range out.wrote[s] {
				if w.both {
					continue
				}
				u := k.units[w.unit].name
				next.Base[s] = overlaid(next.Base[s], psa.Fields{u: w.want})
				next.Base[s.Other()] = overlaid(next.Base[s.Other()], psa.Fields{u: w.from})
			}
		}
		next.Parked = slices.Clone(out.parked)
		for _, p := range out.parks {
			next.Parked = append(next.Parked, cache.Parked{Group: k.groups[p.group].name, Is: p.is, Why: p.why})
		}
		link = &next
		if out, err = c.merge(context.Background(), k, in(link, lf, rf)); err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
	}
	if !out.quiet(link) || out.patch[Left] != nil || out.patch[Right] != nil {
		t.Errorf("%s: never settles: patch %v agree %v parks %d", name, out.patch, out.agree, len(out.parks))
	}
}

// TestGroupsAreDecidedTogether never mixes the fields of a group.
func TestGroupsAreDecidedTogether(t *testing.T) {
	c := compileText(t, `
version: 1
kinds:
  ticket:
    fields: {summary: s, po_number: {app: p, conflict: left}, contact_name: {app: c, conflict: left}}
`, []string{"po_number", "contact_name"})
	k := c.kinds[psa.KindTicket]
	if len(k.groups) != 2 {
		t.Fatalf("%d groups", len(k.groups))
	}
	none := func(psa.Kind, string) (string, bool) { return "", false }
	base := psa.Fields{"summary": "s", "po_number": "p", "contact_name": "c"}
	in := &input{policy: &Policy{}, peer: [2]func(psa.Kind, string) (string, bool){none, none},
		link: &cache.Link{Kind: psa.KindTicket, Base: [2]psa.Fields{base, base}}, view: [2]view{
			{known: true, rec: psa.Record{Ref: psa.Ref{Kind: psa.KindTicket}, Fields: psa.Fields{"summary": "s", "po_number": "left", "contact_name": "c"}}},
			{known: true, rec: psa.Record{Ref: psa.Ref{Kind: psa.KindTicket}, Fields: psa.Fields{"s": "right", "p": "p", "c": "right"}}},
		}}
	out, err := c.merge(t.Context(), k, in)
	if err != nil {
		t.Fatal(err)
	}
	want := [2]psa.Fields{{"summary": "right"}, {"p": "left", "c": "c"}}
	if diff := cmp.Diff(want, out.patch); diff != "" {
		t.Error(diff)
	}
}

// A value that was sent after a refusal, and is there, is agreed on: what the
// refusal left counts no more, and nothing is sent again.
func TestArrivedAfterARefusal(t *testing.T) {
	c := compileText(t, `
version: 1
kinds:
  ticket:
    fields: {summary: s, po_number: p}
`)
	k := c.kinds[psa.KindTicket]
	none := func(psa.Kind, string) (string, bool) { return "", false }
	base := psa.Fields{"summary": "s", "po_number": "1"}
	link := &cache.Link{Kind: psa.KindTicket, Base: [2]psa.Fields{base, base},
		Pending: &cache.Pending{Op: opUpdate, Side: Right, Base: [2]psa.Fields{{"po_number": "2 "}, {"po_number": "2 "}}},
		Parked:  []cache.Parked{{Group: "po_number", Why: whyRefused, Side: Right, Task: "refused", Is: [2]psa.Fields{{"po_number": "1"}, {"po_number": "other"}}}},
	}
	in := &input{policy: &Policy{}, peer: [2]func(psa.Kind, string) (string, bool){none, none}, link: link,
		canon: func(_ Side, _ psa.Kind, f psa.Fields) psa.Fields {
			return psa.Fields{"p": strings.TrimSpace(f.String("p"))}
		},
		view: [2]view{
			{known: true, rec: psa.Record{Ref: psa.Ref{Kind: psa.KindTicket}, Fields: psa.Fields{"summary": "s", "po_number": "2 "}}},
			{known: true, rec: psa.Record{Ref: psa.Ref{Kind: psa.KindTicket}, Fields: psa.Fields{"s": "s", "p": "2"}}},
		}}
	for _, when := range []string{"while the write is open", "once it is known"} {
		out, err := c.merge(t.Context(), k, in)
		if err != nil {
			t.Fatal(err)
		}
		if out.patch[Left] != nil || out.patch[Right] != nil || len(out.parked)+len(out.parks) > 0 {
			t.Errorf("%s: %v, parked %v %v", when, out.patch, out.parked, out.parks)
		}
		if when == "while the write is open" {
			if diff := cmp.Diff([]string{"refused"}, confirmed(k, link, in)); diff != "" {
				t.Error(diff)
			}
			link.Pending = nil
		}
	}
}
