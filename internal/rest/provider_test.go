package rest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
	"golang.org/x/sync/errgroup"
)

func TestAdmit(t *testing.T) {
	offered := psa.Feature{Can: psa.CanList, Parent: psa.KindBoard, Filter: []string{"board"}, Missing: map[psa.Ability]string{psa.CanSince: "no stamps"}}
	for _, tt := range []struct {
		f    psa.Feature
		q    psa.Query
		says string // "": admitted
	}{
		{offered, psa.Query{Parent: psa.Ref{Kind: psa.KindBoard, ID: "1"}, Scope: map[string][]string{"board": {"1"}}}, ""},
		{psa.Feature{}, psa.Query{}, "Vendor has no such kind"},
		{psa.Feature{Missing: map[psa.Ability]string{psa.CanList: "for a reason"}}, psa.Query{}, "for a reason"},
		{offered, psa.Query{Since: time.Unix(1, 0)}, "no stamps"},
		{offered, psa.Query{After: "7"}, "cannot be resumed"},
		{offered, psa.Query{Parent: psa.Ref{Kind: psa.KindSLA, ID: "1"}}, "status rows are no children of a sla"},
		{offered, psa.Query{Scope: map[string][]string{"team": {"1"}}}, `no filter by "team"`},
	} {
		err := Admit("vendor", "Vendor", "list status", psa.KindStatus, tt.f, tt.q)
		if errors.Is(err, psa.ErrUnsupported) != (tt.says != "") || !strings.Contains(fmt.Sprint(err), tt.says) {
			t.Errorf("%+v: %v, want %q", tt.q, err, tt.says)
		}
	}
}

func TestAccess(t *testing.T) {
	refused := map[psa.Kind]error{psa.KindTeam: psa.ErrDenied, psa.KindSLA: psa.ErrUnavailable, psa.KindBoard: psa.ErrAuth}
	ask := func(_ context.Context, kind psa.Kind) error { return refused[kind] }
	got, err := Access(t.Context(), []psa.Kind{psa.KindTeam, psa.KindStatus, psa.KindSLA}, psa.KindBoard, 2, ask)
	want := []psa.Access{{Kind: psa.KindTeam, Err: psa.ErrDenied}, {Kind: psa.KindStatus}, {Kind: psa.KindSLA, Err: psa.ErrUnavailable}}
	if err != nil || !cmp.Equal(got, want, cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Access(t.Context(), []psa.Kind{psa.KindTeam, psa.KindBoard}, psa.KindTeam, 1, ask); !errors.Is(err, psa.ErrAuth) {
		t.Errorf("%v, want ErrAuth of the connection", err)
	}
	for one, want := range map[psa.Kind]error{psa.KindTeam: nil, psa.KindStatus: nil, psa.KindSLA: psa.ErrUnavailable, psa.KindBoard: psa.ErrAuth} {
		if _, err := Access(t.Context(), nil, one, 1, ask); !errors.Is(err, want) {
			t.Errorf("%s alone: %v, want %v", one, err, want)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Access(gone, []psa.Kind{psa.KindTeam}, psa.KindTeam, 1, ask); err == nil {
		t.Error("a cancelled check ends without an error")
	}
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o Once[string]
		var asked atomic.Int32
		var group errgroup.Group
		for range 5 {
			for _, key := range []string{"a", "b"} {
				group.Go(func() error {
					if got := o.Get(key, func() string {
						asked.Add(1)
						time.Sleep(time.Minute) // others wait without holding up the clock
						return key + key
					}); got != key+key {
						return errors.New(got)
					}
					return nil
				})
			}
		}
		if err := group.Wait(); err != nil || asked.Load() != 2 {
			t.Errorf("asked %d times, %v", asked.Load(), err)
		}
	})
}

func TestMatches(t *testing.T) {
	have := psa.Fields{"name": "Acme", "email": "A@x", "company": psa.Fields{"id": "7"}}
	fold := func(field string) bool { return field == "email" }
	for _, tt := range []struct {
		by   psa.Fields
		want bool
	}{
		{psa.Fields{"name": "Acme", "email": "a@X"}, true},
		{psa.Fields{"company.id": "7"}, true},
		{psa.Fields{"name": "acme"}, false},
		{psa.Fields{"phone": "1"}, false},
		{nil, true},
	} {
		if got := Matches(have, tt.by, fold); got != tt.want {
			t.Errorf("%v: %v", tt.by, got)
		}
	}
}

func TestEachRow(t *testing.T) {
	upper := func(row []byte) []byte { return []byte(strings.ToUpper(string(row))) }
	for in, want := range map[string]string{
		`[{"a":"x"}, "y"]`: `[{"A":"X"},"Y"]`, `[]`: `[]`, `[{"a":1}`: `[{"a":1}`, `{"a":1}`: `{"a":1}`,
	} {
		if got := string(EachRow([]byte(in), upper)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestClean(t *testing.T) {
	repeats := regexp.MustCompile(`"[^"]*"|(^|\s)'[^']*'`)
	for _, tt := range []struct{ in, want string }{
		{"  one\r\n\ttwo \x00three ", "one two three"},
		{`the value "s3cret" and 'other one'`, `the value "…" and "…"`},
		{"don't touch what isn't quoted", "don't touch what isn't quoted"},
		{strings.Repeat("ü", 70), strings.Repeat("ü", 60) + "…"},
		{"bad \xff byte", "bad byte"},
	} {
		if got := Clean(tt.in, 60, repeats); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestIsHTML(t *testing.T) {
	for body, want := range map[string]bool{"\xef\xbb\xbf \n<html>": true, "<!DOCTYPE html>": true, `{"a":"<b>"}`: false, "": false} {
		if got := (&Response{Body: []byte(body)}).IsHTML(); got != want {
			t.Errorf("%q: %v", body, got)
		}
	}
	if r := (&Response{Header: map[string][]string{"Content-Type": {" Text/HTML; charset=utf-8"}}, Body: []byte("hello")}); !r.IsHTML() {
		t.Error("the type of the answer does not count")
	}
}
