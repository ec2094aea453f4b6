package endtoend

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"reflect"
	"sync"
	"testing"

	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/internal/canary"
	"github.com/psasync/psasync/internal/canary/accounts"
	"github.com/psasync/psasync/psa"
)

// A place is one of those that the SDK writes to.
type place string

const (
	inLog     place = "the log"
	inError   place = "an error"
	inPanic   place = "a panic"
	inReport  place = "a report"
	inPlan    place = "a plan"
	inTask    place = "a task"
	inEvent   place = "an event"
	inStatus  place = "the status"
	inOutput  place = "a program's output"
	inRequest place = "the address of a request"
	inTrace   place = "a request's trace"
	elsewhere place = "a request to another origin"
	inAudit   place = "an audit"
	inRows    place = "a configuration's rows"
	inState   place = "the state"
	inHost    place = "the host's database"
)

const (
	theHost = "host"
	thePSA  = "psa"
)

// admits is everything that may be found anywhere.
func admits(in place, h canary.Hit) bool {
	switch in {
	case inHost:
		// What it keeps itself, and internal notes, which it got for its
		// technicians: keptInternal looks at who reads them.
		return h.Owner == theHost || h.Class == canary.Private
	case inPlan:
		// It shows to the person who asked for it what would be written.
		return h.Class == canary.Private
	case inState:
		// A link remembers what was agreed on, which may be an internal note:
		// the state is as private as the systems that it connects.
		return h.Class == canary.Private || h.Class == canary.Login
	case inRows, inRequest:
		// Members are listed with their user names; Autotask asks for the zone
		// of one.
		return h.Class == canary.Login
	}
	return false
}

// A watch collects what is written in a test and looks for what was planted.
type watch struct {
	mu     sync.Mutex
	values map[canary.Value]bool
	texts  map[place]*bytes.Buffer
	leaked func(in place, h canary.Hit)
}

// newWatch returns a watch that looks at what it was told when the test ends.
func newWatch(t testing.TB) *watch {
	w := &watch{values: map[canary.Value]bool{}, texts: map[place]*bytes.Buffer{}}
	w.leaked = func(in place, h canary.Hit) { t.Errorf("%s holds %s", in, h) }
	t.Cleanup(func() {
		t.Helper()
		if err := w.look(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// plant makes the watch look for values.
func (w *watch) plant(values ...canary.Value) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range values {
		w.values[v] = true
	}
}

// tell takes in what was written somewhere.
func (w *watch) tell(in place, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.texts[in]
	if b == nil {
		b = &bytes.Buffer{}
		w.texts[in] = b
	}
	fmt.Fprintf(b, format+"\n", args...)
}

// writer returns where a place is written to.
func (w *watch) writer(in place) io.Writer { return &placeWriter{w, in} }

type placeWriter struct {
	w  *watch
	in place
}

func (p *placeWriter) Write(b []byte) (int, error) {
	p.w.tell(p.in, "%s", b)
	return len(b), nil
}

// logger keeps all that is logged.
func (w *watch) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(w.writer(inLog), &slog.HandlerOptions{AddSource: true, Level: slog.LevelDebug}))
}

// look searches what was told so far, and forgets it.
func (w *watch) look() error {
	w.mu.Lock()
	texts := w.texts
	w.texts = map[place]*bytes.Buffer{}
	w.mu.Unlock()
	for in, b := range texts {
		if err := w.scan(in, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// scan searches one text.
func (w *watch) scan(in place, text []byte) error {
	w.mu.Lock()
	values := make([]canary.Value, 0, len(w.values))
	for v := range w.values {
		values = append(values, v)
	}
	w.mu.Unlock()
	s, err := canary.New(values...)
	if err != nil {
		return err
	}
	for _, h := range s.Find(text, func(h canary.Hit) bool { return admits(in, h) }) {
		w.leaked(in, h)
	}
	return nil
}

// held returns all that was told of a place since the last look.
func (w *watch) held(in place) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if b := w.texts[in]; b != nil {
		return b.String()
	}
	return ""
}

// failed takes in an error in every way that it may be shown.
func (w *watch) failed(err error) {
	if err == nil {
		return
	}
	w.tell(inError, "%v %+v %#v %s", err, err, err, psa.Advice(err))
	w.causes(err)
}

// causes takes in an error and all that it wraps, with what their fields hold.
func (w *watch) causes(err error) {
	w.value(inError, err)
	switch e := err.(type) { //nolint:errorlint // each is looked at by itself
	case interface{ Unwrap() error }:
		if next := e.Unwrap(); next != nil {
			w.causes(next)
		}
	case interface{ Unwrap() []error }:
		for _, next := range e.Unwrap() {
			w.causes(next)
		}
	}
}

// value takes in an exported value as Go prints it and as JSON.
func (w *watch) value(in place, v any) {
	b, err := json.Marshal(v)
	w.tell(in, "%v %+v %#v %s %v", v, v, v, b, err)
}

// result takes in what a call returned, in all its forms.
func (w *watch) result(in place, v any, err error) {
	w.failed(err)
	if v == nil || reflect.ValueOf(v).IsZero() {
		return // a call that failed
	}
	w.value(in, v)
	if r, ok := v.(interface{ WriteText(io.Writer) error }); ok {
		w.failed(r.WriteText(w.writer(in)))
	}
	if r, ok := v.(interface{ WriteJSON(io.Writer) error }); ok {
		w.failed(r.WriteJSON(w.writer(in)))
	}
	if r, ok := v.(interface{ WriteMarkdown(io.Writer) error }); ok {
		w.failed(r.WriteMarkdown(w.writer(in)))
	}
}

// panics takes in what a call panics with; it is deferred.
func (w *watch) panics() {
	if p := recover(); p != nil {
		w.tell(inPanic, "%v %+v %#v", p, p, p)
		panic(p)
	}
}

// trace takes in what observers are told of requests.
func (w *watch) trace(ctx context.Context) context.Context {
	return psa.WithTrace(ctx, &psa.Trace{OnRequest: func(r psa.Request) {
		w.value(inTrace, r)
		w.failed(r.Err)
	}})
}

// watchOver returns a watch over a simulated PSA.
func watchOver(t testing.TB, s simulator) *watch {
	t.Helper()
	w := newWatch(t)
	w.over(t, s)
	return w
}

// over watches a simulated PSA: what is planted there, the credentials that it
// is sent, where requests go and what their addresses hold.
func (w *watch) over(t testing.TB, s simulator) {
	t.Helper()
	w.plant(valuesOf(s)...)
	s.Before(func(r *http.Request) {
		sent := canary.Sent(r.Header)
		for i := range sent {
			sent[i].Owner = thePSA
		}
		w.plant(sent...)
	})
	t.Cleanup(func() {
		w.plant(valuesOf(s)...) // some were changed meanwhile
		w.requests(s)
		for _, r := range s.Strays() {
			if r.Secret {
				t.Errorf("credentials were sent to %s", r.Host)
			}
		}
	})
}

// requests takes in the addresses of the requests to a simulator, and to others.
func (w *watch) requests(s simulator) {
	for _, r := range s.Requests() {
		in := inRequest
		if r.Stray {
			in = elsewhere
		}
		w.tell(in, "%s %s %s?%s", r.Method, r.Host, r.Path, r.Query)
	}
}

// valuesOf are the values that a simulator plants, and its credentials.
func valuesOf(s simulator) (out []canary.Value) {
	add := func(c canary.Class, what, text string) {
		if text != "" {
			out = append(out, canary.Value{What: what, Text: text, Class: c, Owner: thePSA})
		}
	}
	planted := func(secrets, privates []connectwisetest.Canary) {
		for _, c := range secrets {
			add(canary.Secret, c.Entity+"."+c.Field, c.Value)
		}
		for _, c := range privates {
			add(canary.Private, c.Entity+"."+c.Field, c.Value)
		}
	}
	switch s := s.(type) {
	case *connectwisetest.Server:
		planted(s.Tenant().Canaries(), s.Tenant().Privates())
		c := s.Credentials()
		add(canary.Secret, "public key", c.PublicKey)
		add(canary.Secret, "private key", c.PrivateKey)
		add(canary.Secret, "client id", c.ClientID)
		add(canary.Secret, "company and keys", c.Company+"+"+c.PublicKey+":"+c.PrivateKey)
	case *autotasktest.Server:
		planted(s.Tenant().Canaries(), s.Tenant().Privates())
		c := s.Credentials()
		add(canary.Secret, "integration code", c.IntegrationCode)
		add(canary.Secret, "secret", c.Secret)
		add(canary.Login, "user name", c.UserName)
	case *halopsatest.Server:
		planted(s.Tenant().Canaries(), s.Tenant().Privates())
		c := s.Credentials()
		add(canary.Secret, "client id", c.ClientID)
		add(canary.Secret, "client secret", c.ClientSecret)
	default:
		panic(fmt.Sprintf("what does %T plant?", s))
	}
	return out
}

// all watches what no test is told: the process's own log. Its values are those
// of generated accounts that nobody changed.
func all() *watch {
	w := &watch{values: map[canary.Value]bool{}, texts: map[place]*bytes.Buffer{}}
	w.plant(accounts.Values()...)
	return w
}

// watched runs tests while the process's log is watched, and returns the exit
// code.
func watched(w *watch, out io.Writer, run func() int) int {
	was, to, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(w.logger()) // and that of package log
	code := run()
	slog.SetDefault(was)
	log.SetOutput(to) // or it would go on to slog
	log.SetFlags(flags)
	w.leaked = func(in place, h canary.Hit) {
		fmt.Fprintf(out, "FAIL: %s of the process holds %s\n", in, h)
		code = cmp.Or(code, 1)
	}
	if err := w.look(); err != nil {
		fmt.Fprintln(out, "FAIL:", err)
		code = cmp.Or(code, 1)
	}
	return code
}
