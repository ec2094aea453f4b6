package endtoend

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/resync"
)

// TestNothingPrivateIsKept looks for money, secrets and credentials, in every
// form they may take, in all that a resync writes, says and sends.
func TestNothingPrivateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var out bytes.Buffer
		say := func(r *resync.Report, err error) {
			if err != nil {
				fmt.Fprintf(&out, "%v %+v %#v\n", err, err, err)
			}
			if r == nil {
				return
			}
			for _, f := range []func() error{
				func() error { return r.WriteText(&out) }, func() error { return r.WriteJSON(&out) }, func() error { return r.WriteMarkdown(&out) },
			} {
				if err := f(); err != nil {
					t.Fatal(err)
				}
			}
		}
		p := cwProvider(t, w.cfg)
		fmt.Fprintf(&out, "%v %+v %#v\n", p, p, w.cfg.URL)
		creds, err := w.cfg.Credentials(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%v %+v %#v\n", creds, creds, creds)

		// A server that ignores fields, as some lists do.
		next := w.cfg.Transport
		w.cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			q := r.URL.Query()
			q.Del("fields")
			r = r.Clone(r.Context())
			r.URL.RawQuery = q.Encode()
			return next.RoundTrip(r)
		})
		say(w.run())
		for _, f := range []connectwisetest.Fault{
			{Count: -1, Status: http.StatusBadRequest, Body: `{"code":"InvalidObject","message":"bad"}`},
			connectwisetest.LoginPage(), connectwisetest.Truncated(connectwisetest.CutValid),
			{Count: -1, Status: http.StatusUnauthorized}, {Count: -1, Drop: true},
		} {
			f.Count = -1
			ids := w.srv.Fail(f)
			say(w.run())
			w.srv.Heal(ids...)
		}
		snap := w.snapshot()
		for _, k := range psa.ConfigKinds() {
			for rec := range snap.All(k) {
				b, err := json.Marshal(rec)
				if err != nil {
					t.Fatal(err)
				}
				out.Write(b)
			}
		}
		meta, err := json.Marshal(snap.Meta())
		if err != nil {
			t.Fatal(err)
		}
		out.Write(meta)
		for c, err := range cache.Versions(context.Background(), w.store, source) {
			if err != nil {
				t.Fatal(err)
			}
			out.Write(c.Audit)
		}
		for _, p := range []psa.Kind{psa.KindCompany, psa.KindContact, psa.KindTicket, psa.KindTimeEntry, psa.KindNote, psa.KindSite} {
			for rec, err := range cwProvider(t, w.cfg).List(context.Background(), p, psa.Query{}) {
				fmt.Fprintf(&out, "%v %s %v\n", rec, rec.Raw, err)
			}
		}

		written := out.String()
		if !strings.Contains(written, "Dana") {
			t.Fatal("the search is blind: it does not even find a member's name")
		}
		sim := w.srv.Credentials()
		private := map[string]string{"private key": sim.PrivateKey, "public key": sim.PublicKey}
		for _, c := range connectwisetest.Canaries() {
			private[c.Entity+"."+c.Field] = c.Value
		}
		for what, v := range private {
			for _, form := range []string{v, url.QueryEscape(v), base64.StdEncoding.EncodeToString([]byte(v))} {
				if form != "" && strings.Contains(written, form) {
					t.Errorf("%s was written", what)
				}
			}
		}
		if strings.Contains(written, sim.Company+"+"+sim.PublicKey) {
			t.Error("the user name of the credentials was written")
		}
		for _, r := range w.srv.Requests() {
			if strings.Contains(r.Query, sim.PrivateKey) {
				t.Error("a query string holds the private key")
			}
		}
	})
}
