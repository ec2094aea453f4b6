package endtoend

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/psa"
)

// TestNothingPrivateIsKept reads an account from a server that returns all it
// has, while all goes well and while much goes wrong; the world looks for money,
// secrets and credentials in all that a resync writes, says and sends.
func TestNothingPrivateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		creds, err := w.cfg.Credentials(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		w.watch.value(inLog, creds)

		// A server that ignores fields, as some lists do.
		next := w.cfg.Transport
		w.cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			q := r.URL.Query()
			q.Del("fields")
			r = r.Clone(r.Context())
			r.URL.RawQuery = q.Encode()
			return next.RoundTrip(r)
		})
		if _, err := w.run(); err != nil {
			t.Fatal(err)
		}
		for _, f := range []connectwisetest.Fault{
			{Status: http.StatusBadRequest, Body: `{"code":"InvalidObject","message":"bad"}`},
			connectwisetest.LoginPage(), connectwisetest.Truncated(connectwisetest.CutValid), {Status: http.StatusUnauthorized}, {Drop: true},
		} {
			ids := w.srv.Fail(everywhere(f))
			if r, err := w.run(); err == nil || r.Error == "" {
				t.Errorf("%+v: nothing went wrong", f)
			}
			w.srv.Heal(ids...)
		}
		for _, k := range psa.RecordKinds() {
			for rec, err := range cwProvider(t, w.cfg).List(context.Background(), k, psa.Query{}) {
				w.watch.failed(err)
				w.watch.failed(rec.Err)
				if k == psa.KindNote || k == psa.KindTimeEntry {
					w.watch.tell(inState, "%v %s", rec.Fields, rec.Raw) // whose text is private, and goes where colleagues read it
				} else {
					w.watch.tell(inRows, "%v %s", rec.Fields, rec.Raw)
				}
			}
		}
		if err := w.watch.store(context.Background(), w.store, source); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(w.watch.held(inRows), "Dana") {
			t.Error("the search is blind: it does not even find a member's name")
		}
	})
}
