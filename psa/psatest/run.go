package psatest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/internal/canary"
	"github.com/psasync/psasync/psa"
)

// testCase is one rule. It runs only where the provider offers what it is
// about.
type testCase struct {
	name  string
	rule  string      // what a provider must do; printed when the case fails
	can   psa.Ability // some kind must have it; 0: nothing special
	kinds []psa.Kind  // all must be listed
	run   func(*env)
}

// cases returns every case in the order it is run.
func cases() []testCase {
	return slices.Concat(featureCases(), connectionCases(), listingCases(), queryCases(), knownCases(),
		valueCases(), errorCases(), pagingCases(), domainCases(), writeCases(), mailCases())
}

func (c testCase) applies(f psa.Features) bool {
	for _, k := range c.kinds {
		if !f.Can(k, psa.CanList) {
			return false
		}
	}
	if c.can == 0 {
		return true
	}
	for _, feature := range f {
		if feature.Can&c.can != 0 {
			return true
		}
	}
	return false
}

// Run tests a provider. Each rule is a subtest, named "group/rule", that prints
// the rule when it fails; a rule about something that Features do not offer is
// not run. It ends with the names of those.
func Run(t *testing.T, h Harness) {
	t.Helper()
	var features psa.Features
	for _, f := range h.observe(t, testCase{run: func(e *env) { features = e.f }}) {
		t.Fatalf("Harness.Open: %s", f)
	}
	known := h.deviations()
	var unused []string
	for _, c := range cases() {
		if !c.applies(features) {
			unused = append(unused, c.name)
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			for _, line := range known.judge(c, h.observe(t, c)) {
				t.Error(line)
			}
		})
	}
	if len(unused) > 0 {
		t.Logf("not offered by the provider: %s", strings.Join(unused, ", "))
	}
	for _, line := range known.leftOver() {
		t.Error(line)
	}
}

// observe runs one case in a bubble and returns what failed.
func (h Harness) observe(t *testing.T, c testCase) (found []failure) {
	t.Helper()
	body := func(t *testing.T) {
		found = record(t, func(r *recorder) { c.run(h.open(r)) })
	}
	if h.RealTime {
		body(t)
	} else {
		synctest.Test(t, body)
	}
	return found
}

// deviations are the entries of Harness.Known and whether they were needed.
type deviations struct {
	reasons map[string]string
	seen    map[string]bool
}

func (h Harness) deviations() *deviations {
	return &deviations{reasons: h.Known, seen: map[string]bool{}}
}

// judge returns what is wrong with the outcome of a case, the rule first.
func (d *deviations) judge(c testCase, found []failure) []string {
	var lines, needless []string
	used := map[string]bool{}
	for _, f := range found {
		switch one := c.name + ":" + string(f.kind); {
		case d.reasons[one] != "":
			used[one] = true
		case d.reasons[c.name] != "":
			used[c.name] = true
		default:
			lines = append(lines, f.String())
		}
	}
	for name, reason := range d.reasons {
		if name != c.name && !strings.HasPrefix(name, c.name+":") {
			continue
		}
		d.seen[name] = true
		if !used[name] {
			needless = append(needless, fmt.Sprintf("Harness.Known says that %s fails (%s), but it does not: remove the entry", name, reason))
		}
	}
	if n := len(lines) - maxFailures; n > 0 {
		lines = append(lines[:maxFailures], fmt.Sprintf("... and %d more", n))
	}
	slices.Sort(needless)
	lines = append(lines, needless...)
	if len(lines) > 0 {
		lines = append([]string{"rule: " + c.rule}, lines...)
	}
	return lines
}

// leftOver returns the entries that belong to no case that was run.
func (d *deviations) leftOver() []string {
	var lines []string
	for name, reason := range d.reasons {
		switch {
		case reason == "":
			lines = append(lines, fmt.Sprintf("Harness.Known: %s has no reason", name))
		case !d.seen[name]:
			lines = append(lines, fmt.Sprintf("Harness.Known: %s was not run: there is no such case, or the provider does not offer what it is about", name))
		}
	}
	slices.Sort(lines)
	return lines
}

// env is what a case works with.
type env struct {
	*recorder
	*World
	h   Harness
	p   psa.Provider
	f   psa.Features
	ctx context.Context
	// scan looks for World.Canaries.
	scan *canary.Scanner
}

func (h Harness) open(r *recorder) *env {
	w := h.Open(r)
	if w == nil || w.Provider == nil {
		r.Fatal("Harness.Open returned no provider")
	}
	var planted []canary.Value
	for i, c := range w.Canaries {
		if c != "" {
			planted = append(planted, canary.Value{What: fmt.Sprintf("World.Canaries[%d]", i), Text: c})
		}
	}
	scan, err := canary.New(planted...)
	if err != nil {
		r.Fatal(err)
	}
	e := &env{recorder: r, World: w, h: h, p: w.Provider, f: w.Provider.Features(), scan: scan}
	// Whatever the case is about, observers are told no secret.
	e.ctx = psa.WithTrace(r.ctx, &psa.Trace{OnRequest: func(q psa.Request) {
		e.clean("", "what observers are told of a request", fmt.Sprintf("%+v", q))
	}})
	return e
}

// settle waits until everything that was started has come to rest.
func (e *env) settle() {
	if !e.h.RealTime {
		synctest.Wait()
	}
}

// pause lets time pass, virtual time in a bubble.
func (e *env) pause(d time.Duration) {
	if e.h.RealTime {
		d = min(d, 50*time.Millisecond)
	}
	select {
	case <-time.After(d):
	case <-e.ctx.Done():
	}
}

// at records a failure about a kind.
func (e *env) at(kind psa.Kind, format string, args ...any) {
	e.add(kind, fmt.Sprintf(format, args...))
}

// need ends the case if the harness lacks a function.
func (e *env) need(ok bool, what string) {
	if !ok {
		e.Fatalf("the harness has no World.%s; supply it, or declare in Harness.Known why it cannot be had", what)
	}
}

// trouble starts something that goes wrong.
func (e *env) trouble(what Trouble, kind psa.Kind) {
	start := e.Trouble[what]
	e.need(start != nil, fmt.Sprintf("Trouble[%q]", what))
	start(kind)
}

// kinds returns the kinds that can be listed and have further abilities.
func (e *env) kinds(can psa.Ability) []psa.Kind {
	return slices.DeleteFunc(e.f.Kinds(), func(k psa.Kind) bool { return !e.f.Can(k, can) })
}

// fillable returns the kinds of World.Fill in the order of Features.
func (e *env) fillable() []psa.Kind {
	kinds := slices.DeleteFunc(e.f.Kinds(), func(k psa.Kind) bool { return e.Fill[k] == nil })
	e.need(len(kinds) > 0, "Fill for a kind that can be listed")
	return kinds
}

// flat returns a kind of World.Fill whose pages follow one another.
func (e *env) flat() psa.Kind {
	kinds := slices.DeleteFunc(e.fillable(), func(k psa.Kind) bool { return e.f[k].PerParent })
	e.need(len(kinds) > 0, "Fill for a kind that is not listed parent by parent")
	return kinds[0]
}

// filled fills such a kind with some pages.
func (e *env) filled(pages int) (kind psa.Kind, n int) {
	kind = e.flat()
	n = pages * e.f[kind].PageSize
	e.Fill[kind](n)
	return kind, n
}

// collect lists a kind and checks what holds for every list: an error comes
// once, last and without a record.
func (e *env) collect(ctx context.Context, kind psa.Kind, q psa.Query) (rows []psa.Record, failed error) {
	for r, err := range e.p.List(ctx, kind, q) {
		switch {
		case failed != nil:
			e.at(kind, "the list goes on after its error")
			return rows, failed
		case err != nil:
			e.clean(kind, "the error of a list", fmt.Sprintf("%+v", err))
			if failed = err; !isZero(r) {
				e.at(kind, "an error comes with record %s", r.Ref)
			}
		default:
			rows = append(rows, r)
		}
	}
	return rows, failed
}

func isZero(r psa.Record) bool {
	return r.IsZero() && r.Parent.IsZero() && r.Fields == nil && r.Raw == nil && r.Err == nil && !r.Active && !r.Unchanged
}

// list lists a kind that must not fail.
func (e *env) list(kind psa.Kind, q psa.Query) []psa.Record {
	rows, err := e.collect(e.ctx, kind, q)
	if err != nil {
		e.at(kind, "list: %v", err)
	}
	return slices.DeleteFunc(rows, func(r psa.Record) bool {
		if r.Err != nil {
			e.at(kind, "%s: %v", r.Ref, r.Err)
		}
		return r.Err != nil
	})
}

// traced returns a context that counts requests.
func (e *env) traced() (context.Context, *psa.Trace) {
	t := &psa.Trace{}
	return psa.WithTrace(e.ctx, t), t
}

// same compares the refs of two lists.
func (e *env) same(kind psa.Kind, what string, got, want []psa.Record) {
	g, w := refsOf(got), refsOf(want)
	if slices.Equal(g, w) {
		return
	}
	slices.SortFunc(g, compareRefs)
	slices.SortFunc(w, compareRefs)
	for _, r := range w {
		if _, ok := slices.BinarySearchFunc(g, r, compareRefs); !ok {
			e.at(kind, "%s: %s is missing (%d rows, want %d)", what, r, len(g), len(w))
			return
		}
	}
	for i, r := range g {
		if _, ok := slices.BinarySearchFunc(w, r, compareRefs); !ok {
			e.at(kind, "%s: %s does not belong there (%d rows, want %d)", what, r, len(g), len(w))
			return
		}
		if i > 0 && g[i-1] == r {
			e.at(kind, "%s: %s comes twice", what, r)
			return
		}
	}
	e.at(kind, "%s: the rows come in another order", what)
}

func refsOf(rows []psa.Record) []psa.Ref {
	refs := make([]psa.Ref, len(rows))
	for i, r := range rows {
		refs[i] = r.Ref
	}
	return refs
}

func compareRefs(a, b psa.Ref) int { return strings.Compare(a.String(), b.String()) }

func filter(rows []psa.Record, keep func(psa.Record) bool) []psa.Record {
	return slices.DeleteFunc(slices.Clone(rows), func(r psa.Record) bool { return !keep(r) })
}
