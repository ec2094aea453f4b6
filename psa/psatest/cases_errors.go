package psatest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

func errorCases() []testCase {
	broken := func(name string, what Trouble, rule string, classes ...error) testCase {
		return testCase{name: "errors/" + name, rule: rule, run: func(e *env) { e.broken(what, classes...) }}
	}
	return []testCase{
		broken("auth", AuthRefused, "Credentials that are refused are ErrAuth.", psa.ErrAuth),
		broken("denied", RightRemoved, "A missing right is ErrDenied.", psa.ErrDenied),
		{name: "errors/one-kind", run: errorsOneKind,
			rule: "A right that is missing for one kind leaves the others readable, and Check reports that kind and no other."},
		broken("rate-limit", RateLimited, "Too many requests, for longer than a provider waits, is ErrRateLimited with the vendor's RetryAfter.", psa.ErrRateLimited),
		broken("server", ServerError, "A failing server is ErrUnavailable.", psa.ErrUnavailable),
		broken("cut-body", CutBody, "An answer that is cut off is ErrData or ErrUnavailable, never a short list.", psa.ErrData, psa.ErrUnavailable),
		broken("login-page", LoginPage, "HTML instead of data is ErrData.", psa.ErrData),
		{name: "errors/mid-list", run: errorsMidList,
			rule: "An error in the middle of a list comes once and last, behind whole rows, with the class of what happened."},
		{name: "errors/timeout", run: errorsTimeout,
			rule: "No answer before the deadline is ErrTimeout and context.DeadlineExceeded; a cancelled wait is context.Canceled and ends at once."},
		{name: "errors/bad-row", run: errorsBadRow,
			rule: "A row that cannot be decoded comes with Err, which is ErrData, and the list goes on."},
	}
}

// checkError checks what holds for every error.
func (e *env) checkError(kind psa.Kind, err error, classes ...error) {
	if err == nil {
		e.at(kind, "no error, want %v", classes)
		return
	}
	var pe *psa.Error
	switch class := psa.ErrorClass(err); {
	case !slices.ContainsFunc(classes, func(c error) bool { return errors.Is(err, c) }):
		e.at(kind, "%v, want %v", err, classes)
	case !errors.As(err, &pe):
		e.at(kind, "%v is no *psa.Error but a %T", err, err)
	case pe.Provider != e.p.Name() || pe.Op == "":
		e.at(kind, "%v does not say which provider and what was tried", err)
	case psa.Advice(err) == "" && class != nil:
		e.at(kind, "%v has no advice", err)
	}
	e.clean(kind, "error", err.Error())
	e.clean(kind, "error in full", fmt.Sprintf("%+v", err))
}

// clean checks that a text holds nothing that must stay in the tenant, in
// whatever form.
func (e *env) clean(kind psa.Kind, what, text string) {
	for _, h := range e.scan.Scan([]byte(text)) {
		e.at(kind, "%s holds the canary %.4s... (%s)", what, h.Text, h.Form)
	}
	if what == "error" && (len(text) > 2000 || strings.Contains(strings.ToLower(text), "<html")) {
		e.at(kind, "%s holds a payload: %.60q...", what, text)
	}
}

// broken starts trouble with a kind and calls everything that reads it.
func (e *env) broken(what Trouble, classes ...error) {
	kind := e.flat()
	rows := e.list(kind, psa.Query{})
	e.trouble(what, kind)
	got, err := e.collect(e.ctx, kind, psa.Query{})
	if len(got) > 0 && what != CutBody {
		e.at(kind, "%d rows before the error", len(got))
	}
	e.checkError(kind, err, classes...)
	if what == RateLimited && psa.RetryAfter(err) <= 0 {
		e.at(kind, "%v tells no RetryAfter", err)
	}
	if len(rows) > 0 && e.f.Can(kind, psa.CanGet) {
		_, err := e.p.Get(e.ctx, rows[0].Ref)
		e.checkError(kind, err, classes...)
	}
	if e.f.Can(kind, psa.CanCount) {
		if _, err := psa.Count(e.ctx, e.p, kind, psa.Query{}); what != CutBody || err != nil {
			e.checkError(kind, err, classes...)
		}
	}
	if c, ok := e.p.(psa.Checker); ok && what == AuthRefused {
		_, err := c.Check(e.ctx, kind)
		e.checkError(kind, err, classes...)
	}
}

func errorsOneKind(e *env) {
	denied := e.flat()
	before := map[psa.Kind]int{}
	for _, kind := range e.f.Kinds() {
		before[kind] = len(e.list(kind, psa.Query{}))
	}
	e.trouble(RightRemoved, denied)
	_, err := e.collect(e.ctx, denied, psa.Query{})
	e.checkError(denied, err, psa.ErrDenied)
	for _, kind := range e.f.Kinds() {
		if kind != denied && !e.under(kind, denied) {
			if got := len(e.list(kind, psa.Query{})); got != before[kind] {
				e.at(kind, "%d rows, %d before %s was denied", got, before[kind], denied)
			}
		}
	}
	c, ok := e.p.(psa.Checker)
	if !ok {
		return
	}
	report, err := c.Check(e.ctx, e.f.Kinds()...)
	if err != nil {
		e.Fatalf("Check: %v, want a report", err)
	}
	for _, a := range report.Access {
		switch {
		case a.Kind == denied:
			e.checkError(a.Kind, a.Err, psa.ErrDenied)
		case a.Err != nil && !e.under(a.Kind, denied):
			e.at(a.Kind, "Check: %v, but only %s was denied", a.Err, denied)
		}
	}
}

// under reports whether a kind is read through another one.
func (e *env) under(kind, above psa.Kind) bool {
	for e.f[kind].PerParent {
		if kind = e.f[kind].Parent; kind == above {
			return true
		}
	}
	return false
}

func errorsMidList(e *env) {
	kind, n := e.filled(6)
	page, seen := e.f[kind].PageSize, 0
	var failed error
	for r, err := range e.p.List(e.ctx, kind, psa.Query{}) {
		switch {
		case failed != nil:
			e.at(kind, "the list goes on after its error")
			return
		case err != nil:
			if failed = err; !isZero(r) {
				e.at(kind, "the error comes with record %s", r.Ref)
			}
			continue
		}
		if seen++; seen == 1 {
			e.trouble(ServerError, kind)
		}
		if r.Fields == nil || r.ID == "" {
			e.at(kind, "row %d before the error is not whole", seen)
		}
	}
	e.checkError(kind, failed, psa.ErrUnavailable)
	if seen >= n || seen > 3*page {
		e.at(kind, "%d rows of %d came although the server failed since the first", seen, n)
	}
}

func errorsTimeout(e *env) {
	kind := e.flat()
	e.trouble(Hang, kind)
	ctx, cancel := context.WithTimeout(e.ctx, 40*time.Millisecond)
	defer cancel()
	_, err := e.collect(ctx, kind, psa.Query{})
	e.checkError(kind, err, psa.ErrTimeout)
	if !errors.Is(err, context.DeadlineExceeded) {
		e.at(kind, "%v, want context.DeadlineExceeded", err)
	}
	ctx, stop := context.WithCancel(e.ctx)
	time.AfterFunc(40*time.Millisecond, stop)
	start := time.Now()
	_, err = e.collect(ctx, kind, psa.Query{})
	if !errors.Is(err, context.Canceled) {
		e.at(kind, "%v, want context.Canceled", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		e.at(kind, "a cancelled wait ended after %s", d)
	}
}

func errorsBadRow(e *env) {
	kind := e.flat()
	const n = 7
	e.Fill[kind](n)
	e.trouble(BadRow, kind)
	rows, err := e.collect(e.ctx, kind, psa.Query{})
	if err != nil {
		e.at(kind, "the list ends with %v", err)
	}
	bad := filter(rows, func(r psa.Record) bool { return r.Err != nil })
	if len(rows) != n || len(bad) != 1 {
		e.at(kind, "%d rows, %d of them with Err; want %d and 1", len(rows), len(bad), n)
	}
	for _, r := range bad {
		e.checkError(kind, r.Err, psa.ErrData)
		if r.Fields != nil || r.Unchanged {
			e.at(kind, "a row with Err has fields or is Unchanged")
		}
	}
}
