package psatest

import (
	"errors"

	"github.com/psasync/psasync/psa"
)

func pagingCases() []testCase {
	const rule = "A list is complete and without repetition, or ends with ErrData: "
	return []testCase{
		{name: "paging/repeated-page", run: func(e *env) { e.proven(RepeatedPage) }, rule: rule + "a vendor that sends the first page again and again does not make it longer or endless."},
		{name: "paging/capped-page", run: func(e *env) { e.proven(CappedPage) }, rule: rule + "a page shorter than what was asked for is not taken for the last one."},
		{name: "paging/wrong-count", run: func(e *env) { e.proven(WrongCount) }, rule: rule + "a count that is off does not cut it short."},
		{name: "paging/moving-rows", run: pagingMovingRows, rule: rule + "rows removed while it runs do not hide others."},
	}
}

// proven lists under trouble; the list must be whole or say that it is not.
func (e *env) proven(what Trouble) {
	kind, n := e.filled(4)
	want := e.list(kind, psa.Query{})
	if len(want) != n {
		e.Fatalf("%s: %d rows instead of %d before the trouble", kind, len(want), n)
	}
	e.trouble(what, kind)
	e.wholeOrData(kind, want, 2*n)
}

// wholeOrData lists a kind that holds at least the rows of must.
func (e *env) wholeOrData(kind psa.Kind, must []psa.Record, most int) {
	seen := map[psa.Ref]bool{}
	n := 0
	var failed error
	for r, err := range e.p.List(e.ctx, kind, psa.Query{}) {
		if err != nil {
			failed = err
			break
		}
		if n++; n > most {
			e.at(kind, "the list does not end: %d rows so far, of %d", n, len(must))
			return
		}
		if seen[r.Ref] {
			e.at(kind, "%s comes twice", r.Ref)
			return
		}
		seen[r.Ref] = true
	}
	if failed != nil {
		if !errors.Is(failed, psa.ErrData) {
			e.at(kind, "the list ends with %v, want ErrData", failed)
		}
		return
	}
	missing := 0
	for _, r := range must {
		if !seen[r.Ref] {
			missing++
		}
	}
	if missing > 0 {
		e.at(kind, "the list ends as if it were complete, %d of %d rows are missing", missing, len(must))
	}
}

func pagingMovingRows(e *env) {
	kind, n := e.filled(4)
	before := e.list(kind, psa.Query{})
	e.trouble(MovingRows, kind)
	var during []psa.Record
	var failed error
	for r, err := range e.p.List(e.ctx, kind, psa.Query{}) {
		if failed = err; err == nil {
			during = append(during, r)
		}
	}
	after := map[psa.Ref]bool{}
	for _, r := range e.list(kind, psa.Query{}) {
		after[r.Ref] = true
	}
	if len(after) >= n {
		e.Errorf("the harness moved no row: there are %d, before there were %d", len(after), n)
	}
	seen := map[psa.Ref]bool{}
	for _, r := range during {
		if seen[r.Ref] {
			e.at(kind, "%s comes twice", r.Ref)
		}
		seen[r.Ref] = true
	}
	if failed != nil {
		if !errors.Is(failed, psa.ErrData) {
			e.at(kind, "the list ends with %v, want ErrData", failed)
		}
		return
	}
	for _, r := range before {
		if after[r.Ref] && !seen[r.Ref] {
			e.at(kind, "%s was there all the time and is missing", r.Ref)
		}
	}
}
