package psatest

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/psasync/psasync/psa"
)

// A failure is one thing a case found, with the kind it was found at.
type failure struct {
	kind psa.Kind // "" if it is about no kind
	text string
}

func (f failure) String() string {
	if f.kind == "" {
		return f.text
	}
	return string(f.kind) + ": " + f.text
}

// recorder is a testing.TB that keeps failures instead of failing the test, so
// that a declared deviation can be told from a new one. What it does not
// override goes to the test itself.
type recorder struct {
	testing.TB
	ctx context.Context

	mu       sync.Mutex
	failures []failure
	cleanups []func()
}

// stopped is what FailNow panics with, to be caught by record.
type stopped struct{}

// record runs f and its cleanups and returns what failed.
func record(t testing.TB, f func(*recorder)) []failure {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := &recorder{TB: t, ctx: ctx}
	r.guard(func() { f(r) })
	cancel()
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.guard(r.cleanups[i])
	}
	return r.failures
}

func (r *recorder) guard(f func()) {
	defer func() {
		switch v := recover().(type) {
		case nil, stopped:
		default:
			r.add("", fmt.Sprintf("panic: %v\n%s", v, debug.Stack()))
		}
	}()
	f()
}

// maxFailures bounds what one case tells, since a broken list breaks each row.
const maxFailures = 10

func (r *recorder) add(kind psa.Kind, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, failure{kind, text})
}

func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Error(args ...any)        { r.add("", strings.TrimSpace(fmt.Sprintln(args...))) }
func (r *recorder) Errorf(format string, args ...any) {
	r.add("", fmt.Sprintf(format, args...))
}
func (r *recorder) Fatal(args ...any) {
	r.Error(args...)
	panic(stopped{})
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(stopped{})
}
func (r *recorder) Fail() { r.add("", "failed") }
func (r *recorder) FailNow() {
	r.Fail()
	panic(stopped{})
}
func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}

// A skip inside a case would be silent: it is a failure like any other.
func (r *recorder) Skip(args ...any)                 { r.Fatal(append([]any{"skipped:"}, args...)...) }
func (r *recorder) Skipf(format string, args ...any) { r.Fatalf("skipped: "+format, args...) }
func (r *recorder) SkipNow()                         { r.Fatal("skipped") }

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}
