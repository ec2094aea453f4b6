package endtoend

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/resync"
)

const source = "acme/connectwise"

// A world is a simulated account that was resynced once.
type world struct {
	t     *testing.T
	srv   *connectwisetest.Server
	cfg   connectwise.Config
	store *cache.Memory
	first *cache.Snapshot
	watch *watch
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: cache.NewMemory()}
	tenant := connectwisetest.Small()
	tenant.SetClock(time.Now)
	w.srv = cwServer(t, tenant, connectwisetest.Options{})
	w.watch = watchOver(t, w.srv)
	t.Cleanup(func() {
		if err := w.watch.store(context.Background(), w.store, source); err != nil {
			t.Error(err)
		}
	})
	w.cfg = cwConfig(w.srv)
	if _, err := w.run(); err != nil {
		t.Fatalf("first run: %v", err)
	}
	w.first = w.snapshot()
	if w.first.Version() != 1 {
		t.Fatalf("first run: version %d", w.first.Version())
	}
	return w
}

func (w *world) run(options ...resync.RunOption) (*resync.Report, error) {
	w.t.Helper()
	return w.runIn(context.Background(), options...)
}

func (w *world) runIn(ctx context.Context, options ...resync.RunOption) (*resync.Report, error) {
	w.t.Helper()
	defer w.watch.panics()
	p := cwProvider(w.t, w.cfg)
	w.watch.tell(inLog, "%v %+v %#v", p, p, p)
	s, err := resync.New(p, w.store, &resync.Options{Source: source, Observer: func(e resync.Event) {
		w.watch.value(inEvent, e)
		w.watch.failed(e.Err)
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := s.Run(w.watch.trace(ctx), options...)
	w.watch.result(inReport, r, err)
	return r, err
}

func (w *world) snapshot() *cache.Snapshot {
	w.t.Helper()
	s, err := w.store.Current(context.Background(), source)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// sameRows compares rows, not stamps of freshness.
func sameRows(t *testing.T, want, got *cache.Snapshot) {
	t.Helper()
	for _, k := range psa.ConfigKinds() {
		before, after := slices.Collect(want.All(k)), slices.Collect(got.All(k))
		if reflect.DeepEqual(before, after) {
			continue // cmp.Diff is slow on what is equal
		}
		if d := cmp.Diff(before, after); d != "" {
			t.Errorf("%s (-before +after):\n%s", k, d)
		}
	}
}

var locations = connectwisetest.Fault{Path: "/system/locations", Count: -1}

// with returns the fault with more fields set.
func with(f connectwisetest.Fault, set func(*connectwisetest.Fault)) connectwisetest.Fault {
	set(&f)
	return f
}

// TestFaults breaks the second resync in every way an account or a network can
// and looks for the error's class, the administrator's sentence and the old
// snapshot, whole.
func TestFaults(t *testing.T) {
	everything := func(f connectwisetest.Fault) connectwisetest.Fault { f.Count = -1; return f }
	cases := []struct {
		name string
		hurt func(w *world)
		// class of the run's error; nil: the run is partial.
		class error
		// stale are kinds that must be stale in a partial run, with a class
		// whose text stands in the reason.
		stale  []psa.Kind
		reason error
	}{
		{name: "wrong host", class: psa.ErrUnavailable, hurt: func(w *world) {
			w.cfg.URL, w.cfg.Transport = "http://127.0.0.1:1", nil // nobody listens
			w.cfg.Retries = -1
		}},
		{name: "wrong company", class: psa.ErrAuth, hurt: func(w *world) { w.cfg.Company = "othermsp" }},
		{name: "wrong key", class: psa.ErrAuth, hurt: func(w *world) {
			w.cfg.Credentials = func(context.Context) (connectwise.Credentials, error) {
				return connectwise.Credentials{PublicKey: "not-a-public-key", PrivateKey: "not-a-private-key"}, nil
			}
		}},
		{name: "credentials rotated half-way", class: psa.ErrAuth, hurt: func(w *world) {
			old := w.srv.Credentials()
			w.cfg.Credentials = func(context.Context) (connectwise.Credentials, error) {
				return connectwise.Credentials{PublicKey: old.PublicKey, PrivateKey: old.PrivateKey}, nil
			}
			var n atomic.Int64
			w.srv.Before(func(*http.Request) {
				if n.Add(1) == 12 {
					c := old
					c.PrivateKey = "rotated"
					w.srv.SetCredentials(c)
				}
			})
		}},
		{name: "another instance", class: psa.ErrOtherInstance, hurt: func(w *world) {
			w.srv.SetCompany("othermsp")
			w.cfg.Company = "othermsp"
		}},
		{name: "right taken away", stale: []psa.Kind{psa.KindMember}, reason: psa.ErrDenied, hurt: func(w *world) {
			w.srv.Deny(http.MethodGet, "/system/members/**")
		}},
		{name: "HTML everywhere", class: psa.ErrData, hurt: func(w *world) { w.srv.Fail(everything(connectwisetest.LoginPage())) }},
		{name: "HTML on one kind", stale: []psa.Kind{psa.KindLocation}, reason: psa.ErrData, hurt: func(w *world) {
			w.srv.Fail(with(connectwisetest.LoginPage(), func(f *connectwisetest.Fault) { f.Path, f.Count = locations.Path, -1 }))
		}},
		{name: "body cut, length", stale: []psa.Kind{psa.KindLocation}, hurt: cut(connectwisetest.CutLength)},
		{name: "body cut, chunk", stale: []psa.Kind{psa.KindLocation}, hurt: cut(connectwisetest.CutChunk)},
		{name: "body cut, valid length", stale: []psa.Kind{psa.KindLocation}, reason: psa.ErrData, hurt: cut(connectwisetest.CutValid)},
		{name: "redirect to http", stale: []psa.Kind{psa.KindLocation}, hurt: redirect("http://connectwise.invalid/v4_6_release/apis/3.0/system/locations")},
		{name: "redirect elsewhere", stale: []psa.Kind{psa.KindLocation}, hurt: redirect("https://elsewhere.example/")},
		{name: "a kind is suddenly empty", stale: []psa.Kind{psa.KindLocation}, reason: psa.ErrData, hurt: func(w *world) {
			w.srv.Fail(with(locations, func(f *connectwisetest.Fault) { f.EmptyList = true }))
		}},
		{name: "server errors on one kind", stale: []psa.Kind{psa.KindLocation}, reason: psa.ErrUnavailable, hurt: func(w *world) {
			w.srv.Fail(with(locations, func(f *connectwisetest.Fault) { f.Status = http.StatusBadGateway }))
		}},
		{name: "connection dropped", stale: []psa.Kind{psa.KindLocation}, reason: psa.ErrUnavailable, hurt: func(w *world) {
			w.srv.Fail(with(locations, func(f *connectwisetest.Fault) { f.Drop = true }))
		}},
		{name: "repeated page", stale: []psa.Kind{psa.KindPriority}, reason: psa.ErrData, hurt: func(w *world) {
			w.cfg.PageSize = 3
			w.srv.Fail(connectwisetest.Fault{Path: "/service/priorities", Count: -1, RepeatPage: true})
		}},
		{name: "count that disagrees", stale: []psa.Kind{psa.KindTicketSource}, reason: psa.ErrData, hurt: func(w *world) {
			ids := w.srv.Tenant().IDs("/service/sources")
			w.srv.Tenant().Remove("/service/sources", ids[0]) // a removal is confirmed by a count
			w.srv.Fail(connectwisetest.Fault{Path: "/service/sources/count", Count: -1, CountDelta: 1})
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				c.hurt(w)
				r, err := w.run()
				if c.class != nil {
					if !errors.Is(err, c.class) {
						t.Fatalf("error %v, want %v", err, c.class)
					}
					if psa.Advice(err) == "" || r == nil || r.Advice == "" || r.Error == "" {
						t.Errorf("no sentence for the administrator: %+v", r)
					}
				} else {
					if err != nil {
						t.Fatal(err)
					}
					if r.Outcome != resync.Partial {
						t.Errorf("outcome %s", r.Outcome)
					}
					for _, k := range c.stale {
						fresh := w.snapshot().Freshness(k)
						if fresh.Stale == "" {
							t.Errorf("%s is not stale", k)
						}
						if c.reason != nil && !strings.Contains(fresh.Stale, c.reason.Error()) {
							t.Errorf("%s is stale because of %q, want %q", k, fresh.Stale, c.reason)
						}
					}
				}
				sameRows(t, w.first, w.snapshot())
				if n := len(w.srv.Strays()); n > 0 {
					t.Errorf("%d requests to other hosts", n)
				}
			})
		})
	}
}

// TestOvercome holds what a server or an administrator may do without losing a
// row: the run is complete and the snapshot is the account.
func TestOvercome(t *testing.T) {
	const path = "/service/priorities"
	cases := []struct {
		name string
		hurt func(w *world)
	}{
		{"capped page without a link", func(w *world) {
			w.srv.Fail(connectwisetest.Fault{Path: path, Count: -1, Rewrite: firstRows(25)})
			w.stripLinks(path)
		}},
		{"next link to another host", func(w *world) {
			w.cfg.PageSize = 10
			w.srv.Fail(connectwisetest.Fault{Path: path, Count: -1, NextHost: "elsewhere.example"})
		}},
		{"429 storm", func(w *world) {
			w.srv.Fail(connectwisetest.Fault{Path: path, Count: 3, Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "30"},
				Body: `{"error":"ConnectWiseAPI","message":"Too many requests. Please try again in 30 seconds."}`})
		}},
		{"rows moving while paging", func(w *world) {
			w.cfg.PageSize = 10
			var n atomic.Int64
			w.srv.Before(func(r *http.Request) {
				if strings.HasSuffix(r.URL.Path, path) {
					if n.Add(1) == 2 { // the first page is out
						w.srv.Tenant().Remove(path, w.srv.Tenant().IDs(path)[0])
						w.srv.Tenant().Remove(path, w.srv.Tenant().IDs(path)[0])
					}
				}
			})
		}},
		{"rotated keys, taken up without a restart", func(w *world) {
			var n atomic.Int64
			w.srv.Before(func(*http.Request) {
				if n.Add(1) == 12 {
					c := w.srv.Credentials()
					c.PrivateKey = "rotated"
					w.srv.SetCredentials(c)
				}
			})
		}},
		{"release upgraded half-way", func(w *world) {
			w.srv.SetLatency(20 * time.Second) // the release is older than a minute by then
			var n atomic.Int64
			w.srv.Before(func(*http.Request) {
				if n.Add(1) == 33 {
					w.srv.SetCodebase("v2025_2")
				}
			})
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				for range 40 {
					w.srv.Tenant().Add(path, connectwisetest.Row{"name": "P", "color": "Red"})
				}
				want := len(w.srv.Tenant().IDs(path))
				c.hurt(w)
				r, err := w.run()
				if err != nil || r.Outcome != resync.Complete {
					t.Fatalf("%v, %v\n%s", r.Outcome, err, text(r))
				}
				if got := w.snapshot().Len(psa.KindPriority); got != want {
					t.Errorf("%d priorities, want %d", got, want)
				}
				if n := len(w.srv.Strays()); n > 0 {
					t.Errorf("%d requests to other hosts", n)
				}
			})
		})
	}
}

func cut(how connectwisetest.Cut) func(*world) {
	return func(w *world) {
		w.srv.Fail(with(connectwisetest.Truncated(how), func(f *connectwisetest.Fault) { f.Path, f.Count = locations.Path, -1 }))
	}
}

func redirect(to string) func(*world) {
	return func(w *world) {
		w.srv.Fail(with(connectwisetest.Redirect(to), func(f *connectwisetest.Fault) { f.Path, f.Count = locations.Path, -1 }))
	}
}

func text(r *resync.Report) string {
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		return err.Error()
	}
	return b.String()
}
