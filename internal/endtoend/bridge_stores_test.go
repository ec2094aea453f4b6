package endtoend

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/sqlite"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// hold keeps everybody else from writing to a file until release is called.
func (w *tandem) hold(file string) (release func()) {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate")
	w.ok(err)
	tx, err := db.BeginTx(w.t.Context(), nil)
	w.ok(err)
	return func() { w.t.Helper(); w.ok(errors.Join(tx.Rollback(), db.Close())) }
}

// hostWith gives the bridge the host's file over one connection with a pragma,
// until mend is called.
func (w *tandem) hostWith(pragma string) (mend func()) {
	w.t.Helper()
	was, host := w.db, w.host
	w.db = openFile(w.t, w.file)
	w.db.SetMaxOpenConns(1)
	w.reopenHost()
	_, err := w.db.ExecContext(w.t.Context(), "PRAGMA "+pragma)
	w.ok(err)
	w.restart()
	return func() { w.db, w.host = was, host; w.restart() }
}

// stateWith does the same to the state's file.
func (w *tandem) stateWith(file, pragma string) (mend func()) {
	w.t.Helper()
	was := w.state
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma="+pragma)
	w.ok(err)
	s, err := sqlite.New(w.t.Context(), db, &sqlite.Options{BusyTimeout: 200 * time.Millisecond, Logger: w.watch.logger()})
	w.t.Cleanup(func() {
		if s != nil {
			w.ok(s.Close())
		}
		w.ok(db.Close())
	})
	w.ok(err)
	w.state = s
	w.restart()
	return func() { w.state = was; w.restart() }
}

// full is the pragma that keeps a file from growing.
func (w *tandem) full(file string) string {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	w.ok(err)
	var pages int
	w.ok(db.QueryRowContext(w.t.Context(), "PRAGMA page_count").Scan(&pages))
	w.ok(db.Close())
	return fmt.Sprintf("max_page_count(%d)", pages)
}

// TestBridgeStores takes the host's database, or the bridge's own, away while
// people work. The cycle says so; when the file is there again, everything
// arrives, once.
func TestBridgeStores(t *testing.T) {
	cases := []struct {
		name  string
		hurt  func(w *tandem, state string) (mend func())
		class error // nil: single records fail
	}{
		{"host locked", func(w *tandem, _ string) func() { return w.hold(w.file) }, psa.ErrUnavailable},
		{"host read-only", func(w *tandem, _ string) func() { return w.hostWith("query_only(1)") }, psa.ErrDenied},
		{"host full", func(w *tandem, _ string) func() { return w.hostWith(w.full(w.file)) }, nil},
		{"state locked", func(w *tandem, state string) func() { return w.hold(state) }, cache.ErrBusy},
		{"state read-only", func(w *tandem, state string) func() { return w.stateWith(state, "query_only(1)") }, cache.ErrReadOnly},
		{"state full", func(w *tandem, state string) func() { return w.stateWith(state, w.full(state)) }, cache.ErrFull},
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newTandem(t, psaVendors()[i%3])
				state := w.onFile()
				d := newDay(w)
				d.work()
				long := strings.TrimSpace(strings.Repeat("A long story. ", 3000))
				w.note(d.a, long, false)
				mend := c.hurt(w, state)
				failed := false
				for range 2 {
					rep, err := w.cycle()
					failed = failed || err != nil || len(rep.Tasks) > 0
					if c.class != nil && !errors.Is(err, c.class) {
						t.Errorf("%v, want %v", err, c.class)
					}
					if err != nil && strings.Contains(err.Error(), "story") {
						t.Error("the error tells a text")
					}
				}
				if !failed {
					t.Error("the bridge says that all is well")
				}
				mend()
				d.heal()
				d.arrived()
				w.told(d.a, map[string]bool{long: false})
				d.resting()
			})
		})
	}
}

// TestBridgeTwoAtOnce lets a second process begin while the first is at work:
// it is told to wait, and nothing is made twice.
func TestBridgeTwoAtOnce(t *testing.T) {
	for _, v := range psaVendors() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newTandem(t, v)
				file := w.onFile()
				d := newDay(w)
				o := w.opts
				o.Holder = "second"
				second, err := bridge.New(v.open(t).open(), w.host, w.openState(file), o)
				w.ok(err)
				leased := 0
				w.opts.Holder, w.opts.Observer = "first", func(e bridge.Event) {
					if e.Type != bridge.EventWrite {
						return
					}
					if _, err := second.Once(t.Context()); errors.Is(err, cache.ErrLeased) {
						leased++
					} else {
						t.Errorf("the second process works, too: %v", err)
					}
				}
				w.restart()
				d.work()
				d.heal()
				if leased == 0 {
					t.Error("the second process was never told to wait")
				}
				w.opts.Observer = nil
				w.restart()
				d.arrived()
				d.resting()
			})
		})
	}
}
