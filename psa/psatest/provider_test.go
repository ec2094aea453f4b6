package psatest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
)

// list returns the ids of a list and its error.
func list(ctx context.Context, p psa.Provider, kind psa.Kind, q psa.Query) (ids []string, failed error) {
	for r, err := range p.List(ctx, kind, q) {
		if failed = err; err == nil {
			ids = append(ids, r.ID)
		}
	}
	return ids, failed
}

// sources is a tenant with ten ticket sources in pages of four.
func sources() *psatest.Provider {
	p := psatest.NewProvider(psatest.Boards().Empty().WithPageSize(4))
	for i := range 10 {
		p.Put(psatest.Row(psa.KindTicketSource, "", psa.Fields{"name": "Source " + strconv.Itoa(i+1)}))
	}
	return p
}

func TestFaults(t *testing.T) {
	all := []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}
	limited := &psa.Error{Code: psa.ErrRateLimited, RetryAfter: time.Minute}
	for _, tt := range []struct {
		name  string
		fault psatest.Fault
		lists []string // what each list is worth: ids or class
	}{
		{"none", psatest.Fault{Op: psatest.OpGet, Err: psa.ErrAuth}, []string{"10", "10"}},
		{"other kind", psatest.Fault{Kind: psa.KindBoard, Err: psa.ErrAuth}, []string{"10", "10"}},
		{"at once", psatest.Fault{Err: psa.ErrUnavailable}, []string{"0 service unavailable", "10"}},
		{"second", psatest.Fault{Nth: 2, Err: psa.ErrUnavailable}, []string{"10", "0 service unavailable", "10"}},
		{"twice", psatest.Fault{Times: 2, Err: psa.ErrTimeout}, []string{"0 timed out", "0 timed out", "10"}},
		{"for good", psatest.Fault{Nth: 2, Times: -1, Err: psa.ErrData}, []string{"10", "0 unexpected answer", "0 unexpected answer"}},
		{"after rows", psatest.Fault{After: 6, Err: limited}, []string{"6 rate limited", "10"}},
		{"behind the end", psatest.Fault{After: 60, Err: psa.ErrDenied}, []string{"10 permission denied", "10"}},
		{"short", psatest.Fault{After: 3, Short: true}, []string{"3", "10"}},
		{"empty", psatest.Fault{Short: true}, []string{"0", "10"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := sources()
			p.Fail(tt.fault)
			for i, want := range tt.lists {
				ids, err := list(t.Context(), p, psa.KindTicketSource, psa.Query{})
				got := strconv.Itoa(len(ids))
				if err != nil {
					got += " " + psa.ErrorClass(err).Error()
				}
				if got != want {
					t.Errorf("list %d: %s, want %s", i+1, got, want)
				}
				if !slices.Equal(all[:len(ids)], ids) {
					t.Errorf("list %d: %v", i+1, ids)
				}
				if errors.Is(err, psa.ErrRateLimited) && psa.RetryAfter(err) != time.Minute {
					t.Errorf("%v tells RetryAfter %v", err, psa.RetryAfter(err))
				}
			}
			p.Heal()
			if ids, err := list(t.Context(), p, psa.KindTicketSource, psa.Query{}); len(ids) != 10 || err != nil {
				t.Errorf("healed: %d, %v", len(ids), err)
			}
		})
	}
}

func TestBadRow(t *testing.T) {
	p := sources()
	p.Fail(psatest.Fault{Bad: []string{"3"}})
	n := 0
	for r, err := range p.List(t.Context(), psa.KindTicketSource, psa.Query{}) {
		if n++; err != nil || (r.Err != nil) != (r.ID == "3") {
			t.Errorf("%s: %v, %v", r.Ref, r.Err, err)
		}
		if r.Err != nil && (!errors.Is(r.Err, psa.ErrData) || r.Fields != nil) {
			t.Errorf("%v with %v", r.Err, r.Fields)
		}
	}
	if n != 10 {
		t.Errorf("%d rows", n)
	}
}

func TestRowsMoveWhileListing(t *testing.T) {
	p := sources()
	p.Fail(psatest.Fault{Op: psatest.OpList, After: 5, Do: func() {
		p.Remove(psa.Ref{Kind: psa.KindTicketSource, ID: "1"}, psa.Ref{Kind: psa.KindTicketSource, ID: "9"})
		p.Put(psatest.Row(psa.KindTicketSource, "", psa.Fields{"name": "late"}))
	}})
	got, err := list(t.Context(), p, psa.KindTicketSource, psa.Query{})
	if d := cmp.Diff([]string{"1", "2", "3", "4", "5", "6", "7", "8", "10", "11"}, got); d != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, d)
	}
}

func TestWaitsAreVirtual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sources()
		p.Fail(psatest.Fault{Delay: time.Hour}, psatest.Fault{Hang: true, After: 2})
		start := time.Now()
		if ids, err := list(t.Context(), p, psa.KindTicketSource, psa.Query{}); len(ids) != 10 || err != nil {
			t.Errorf("slow: %d, %v", len(ids), err)
		}
		if d := time.Since(start); d != 3*time.Hour {
			t.Errorf("three pages took %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ids, err := list(ctx, p, psa.KindTicketSource, psa.Query{})
		if len(ids) != 2 || !errors.Is(err, psa.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("hanging: %d, %v", len(ids), err)
		}
		if d := time.Since(start); d != 3*time.Hour+time.Minute {
			t.Errorf("the wait took %v", d)
		}
	})
}

func TestRefuse(t *testing.T) {
	p := psatest.NewProvider(psatest.Boards())
	p.Refuse(psa.KindBoard, psa.ErrDenied)
	for kind, want := range map[psa.Kind]error{psa.KindBoard: psa.ErrDenied, psa.KindStatus: psa.ErrDenied, psa.KindMember: nil} {
		if _, err := list(t.Context(), p, kind, psa.Query{}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", kind, err, want)
		}
	}
	report, err := p.Check(t.Context(), psa.KindMember, psa.KindBoard)
	if err != nil || report.Access[0].Err != nil || !errors.Is(report.Access[1].Err, psa.ErrDenied) {
		t.Errorf("Check: %+v, %v", report, err)
	}
	p.Refuse(psa.KindBoard, nil)
	p.Refuse("", psa.ErrAuth)
	if _, err := p.Check(t.Context()); !errors.Is(err, psa.ErrAuth) {
		t.Errorf("Check: %v", err)
	}
}

func TestRequestsAreCounted(t *testing.T) {
	p := psatest.NewProvider(psatest.Boards().WithPageSize(2))
	for kind, want := range map[psa.Kind]int{
		psa.KindCompany: 2, // 3 rows
		psa.KindStatus:  8, // 2 pages of boards, 2 pages of statuses for each of 3
	} {
		var trace psa.Trace
		p.ResetCalls()
		if _, err := list(psa.WithTrace(t.Context(), &trace), p, kind, psa.Query{}); err != nil {
			t.Error(err)
		}
		if got := trace.Sum(); got.Requests != want || got.Bytes == 0 || len(p.Calls()) != want {
			t.Errorf("%s: %+v and %d calls, want %d", kind, got, len(p.Calls()), want)
		}
	}
	var statuses []int
	trace := psa.Trace{OnRequest: func(r psa.Request) { statuses = append(statuses, r.Status) }}
	ctx := psa.WithTrace(t.Context(), &trace)
	p.Fail(psatest.Fault{Op: psatest.OpGet, Err: psa.ErrRateLimited})
	for range 2 {
		_, err := p.Get(ctx, psa.Ref{Kind: psa.KindBoard, ID: "1"})
		if (err != nil) != (len(statuses) == 1) {
			t.Error(err)
		}
	}
	if d := cmp.Diff([]int{429, 200}, statuses); d != "" || trace.Sum().Limited != 1 {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestClock(t *testing.T) {
	p := sources()
	ref := psa.Ref{Kind: psa.KindTicketSource, ID: "2"}
	before, err := p.Get(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	p.Advance(90 * time.Minute)
	p.Touch(ref)
	after, err := p.Get(t.Context(), ref)
	if err != nil || after.Updated.Sub(before.Updated) != 90*time.Minute || after.Hash == before.Hash || !after.Fields.Equal(before.Fields) {
		t.Errorf("touched: %v -> %v, %v", before.Updated, after.Updated, err)
	}
	if now, err := p.ServerTime(t.Context()); err != nil || !now.Equal(after.Updated) {
		t.Errorf("ServerTime() = %v, %v", now, err)
	}
	tenant := psatest.Boards()
	tenant.Clock = func() time.Time { return time.Unix(1e9, 0) }
	if got := psatest.NewProvider(tenant).Now(); !got.Equal(time.Unix(1e9, 0)) {
		t.Errorf("Now() = %v", got)
	}
}

func TestRulesAndMail(t *testing.T) {
	p := psatest.NewProvider(psatest.Boards())
	closed := errors.New("closed")
	p.AddRule(func(w psatest.Write) error {
		if w.Old.Fields.Bool("closed") == psa.Yes {
			return closed
		}
		if w.Set.Ref("owner").ID != "" { // assigning starts work
			w.Row.Fields["status"] = psatest.RefTo("2", "In Progress")
		}
		return nil
	})
	r, err := p.Update(t.Context(), psa.Ref{Kind: psa.KindTicket, ID: "1001"}, psa.Patch{
		Set: psa.Fields{"owner": psatest.RefTo("3", ""), "custom.1": "SITE-9"}, Notify: psa.NotifyResources,
	})
	if err != nil || r.Fields.Ref("status").ID != "2" || r.Fields.Ref("owner").Name != "Chidi Okafor" {
		t.Errorf("%v, %v", r.Fields, err)
	}
	if v, _ := r.Fields.Lookup("custom.1"); v != "SITE-9" {
		t.Errorf("custom.1 is %v", v)
	}
	if v, _ := r.Fields.Lookup("custom.2"); v != true {
		t.Errorf("custom.2 is %v", v)
	}
	_, err = p.Update(t.Context(), psa.Ref{Kind: psa.KindTicket, ID: "1004"}, psa.Patch{Set: psa.Fields{"summary": "x"}})
	if !errors.Is(err, psa.ErrInvalid) || !errors.Is(err, closed) {
		t.Errorf("refused: %v", err)
	}
	want := []psatest.Mail{{Op: psatest.OpUpdate, Ref: r.Ref, To: psa.NotifyResources}}
	if d := cmp.Diff(want, p.Mails()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestLostReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := psatest.NewProvider(psatest.Boards())
		create := func(ctx context.Context, marker string) error {
			_, err := p.Create(ctx, psa.KindCompany, psa.Fields{"name": "New", "external_ref": marker}, psa.NotifyNone)
			return err
		}
		count := func(marker string) (n int) {
			for _, err := range p.Find(t.Context(), psa.KindCompany, psa.Fields{"external_ref": marker}) {
				if n++; err != nil {
					t.Error(err)
				}
			}
			return n
		}
		p.Fail(
			psatest.Fault{Op: psatest.OpCreate, Err: psa.ErrTimeout, Applied: true},
			psatest.Fault{Op: psatest.OpCreate, Err: psa.ErrTimeout},
			psatest.Fault{Op: psatest.OpCreate, Hang: true, Applied: true},
			psatest.Fault{Op: psatest.OpCreate, Hang: true},
		)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for i, applied := range []int{1, 0} {
			if err := create(ctx, fmt.Sprint("a", i)); !errors.Is(err, psa.ErrTimeout) || count(fmt.Sprint("a", i)) != applied {
				t.Errorf("error %d: %v, %d rows", i, err, count(fmt.Sprint("a", i)))
			}
		}
		if err := create(ctx, "b"); !errors.Is(err, context.DeadlineExceeded) || count("b") != 1 {
			t.Errorf("hang: %v, %d rows", err, count("b"))
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := create(ctx, "c"); !errors.Is(err, context.DeadlineExceeded) || count("c") != 0 {
			t.Errorf("hang before: %v, %d rows", err, count("c"))
		}
	})
}

func TestMergeAndClear(t *testing.T) {
	p := psatest.NewProvider(psatest.Boards())
	loser, winner := psa.Ref{Kind: psa.KindTicket, ID: "1002"}, psa.Ref{Kind: psa.KindTicket, ID: "1001"}
	p.Merge(loser, winner)
	p.Remove(psa.Ref{Kind: psa.KindTicket, ID: "1003"}, psa.Ref{Kind: psa.KindTicket, ID: "77"})
	p.Clear(psa.KindTicket) // nothing is told of these
	var got []psa.Deletion
	for d, err := range p.Deletions(t.Context(), psa.KindTicket, time.Time{}) {
		if err != nil {
			t.Error(err)
		}
		got = append(got, d)
	}
	want := []psa.Deletion{{Ref: loser, At: p.Now(), MergedInto: winner}, {Ref: psa.Ref{Kind: psa.KindTicket, ID: "1003"}, At: p.Now()}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestOtherInstance(t *testing.T) {
	p := sources()
	p.SetInstance(psa.Instance{ID: "other"})
	if i, err := p.Instance(t.Context()); err != nil || i.ID != "other" {
		t.Errorf("%v, %v", i, err)
	}
}

func TestDeniedFieldsStay(t *testing.T) {
	p := psatest.NewProvider(psatest.Boards())
	ref := psa.Ref{Kind: psa.KindMember, ID: "1"}
	inside, ok := p.Row(ref)
	outside, err := p.Get(t.Context(), ref)
	if !ok || err != nil || inside.Fields.String("password") == "" {
		t.Fatalf("%v, %v", inside, err)
	}
	if _, shown := outside.Fields["password"]; shown {
		t.Error("password is shown")
	}
	p.Edit(ref, psa.Fields{"title": "Lead"})
	if inside, _ = p.Row(ref); inside.Fields.String("password") == "" || inside.Fields.String("title") != "Lead" {
		t.Errorf("after an edit the tenant holds %v", inside.Fields)
	}
}

func TestVirtualTable(t *testing.T) {
	p := psatest.NewProvider(psatest.Flat().WithPageSize(1000))
	const n = 5000
	p.Virtual(psa.KindCompany, n, func(i int) psa.Fields { return psa.Fields{"name": "Company " + strconv.Itoa(i)} })
	company := func(id string) psa.Ref { return psa.Ref{Kind: psa.KindCompany, ID: id} }
	p.Edit(company("7"), psa.Fields{"name": "Seven"})
	p.Remove(company("8"), company("5000"))
	added := p.Put(psatest.Row(psa.KindCompany, "", psa.Fields{"name": "Added"}))[0]
	if added.ID != "5001" {
		t.Errorf("added %s", added)
	}
	ids, err := list(t.Context(), p, psa.KindCompany, psa.Query{})
	if err != nil || len(ids) != n-1 || ids[6] != "7" || ids[7] != "9" || ids[n-2] != "5001" {
		t.Errorf("%d rows, %v", len(ids), err)
	}
	if r, err := p.Get(t.Context(), company("7")); err != nil || r.Name() != "Seven" {
		t.Errorf("%v, %v", r.Fields, err)
	}
	if _, err := p.Get(t.Context(), company("8")); !errors.Is(err, psa.ErrNotFound) {
		t.Errorf("removed: %v", err)
	}
	got, err := list(t.Context(), p, psa.KindCompany, psa.Query{After: "4998"})
	if d := cmp.Diff([]string{"4999", "5001"}, got); d != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, d)
	}
	if count, err := p.Count(t.Context(), psa.KindCompany, psa.Query{}); err != nil || count != n-1 {
		t.Errorf("count %d, %v", count, err)
	}
}

func TestTenantsAreValues(t *testing.T) {
	tenant := psatest.Boards()
	small := tenant.WithPageSize(1).With(psa.KindForm, psa.Feature{Can: psa.CanList}).Only(psa.KindBoard, psa.KindForm).Empty()
	if len(small.Features) != 2 || small.Features[psa.KindBoard].PageSize != 1 || len(small.Rows) != 0 {
		t.Errorf("%v", small)
	}
	if d := cmp.Diff(psatest.Boards().Features, tenant.Features); d != "" || len(tenant.Rows) == 0 {
		t.Errorf("the tenant was changed: %s", d)
	}
	a, b := psatest.NewProvider(tenant), psatest.NewProvider(tenant)
	a.Edit(psa.Ref{Kind: psa.KindBoard, ID: "1"}, psa.Fields{"name": "Other"})
	if r, err := b.Get(t.Context(), psa.Ref{Kind: psa.KindBoard, ID: "1"}); err != nil || r.Name() != "Managed Services" {
		t.Errorf("two providers share a row: %v, %v", r.Fields, err)
	}
}

func TestPutRefusesWhatHasNoCanonicalForm(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	sources().Put(psatest.Row(psa.KindBoard, "1", psa.Fields{"name": struct{}{}}))
}

func TestInactiveRows(t *testing.T) {
	p := sources()
	p.SetActive(psa.Ref{Kind: psa.KindTicketSource, ID: "4"}, false)
	p.Put(psatest.Inactive(psa.KindTicketSource, "", psa.Fields{"name": "Old"}))
	all, err := list(t.Context(), p, psa.KindTicketSource, psa.Query{})
	active, err2 := list(t.Context(), p, psa.KindTicketSource, psa.Query{ActiveOnly: true})
	if len(all) != 11 || len(active) != 9 || slices.Contains(active, "4") || err != nil || err2 != nil {
		t.Errorf("%v and %v, %v, %v", all, active, err, err2)
	}
}

// A test may read, write and script at the same time.
func TestConcurrentUse(t *testing.T) {
	p := psatest.NewProvider(psatest.Types())
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				ref := p.Put(psatest.Row(psa.KindTicketSource, "", psa.Fields{"name": strconv.Itoa(i)}))[0]
				p.Edit(ref, psa.Fields{"name": "edited"})
				p.Fail(psatest.Fault{Kind: psa.KindBoard, Op: psatest.OpGet, Err: psa.ErrTimeout})
				p.Advance(time.Second)
				if _, err := list(t.Context(), p, psa.KindPriority, psa.Query{}); err != nil {
					t.Error(err)
				}
				if _, err := list(t.Context(), p, psa.KindTicketSource, psa.Query{}); err != nil {
					t.Error(err)
				}
				p.Remove(ref)
				p.Heal()
			}
		})
	}
	wg.Wait()
	if n := len(p.Refs(psa.KindTicketSource)); n != 2 {
		t.Errorf("%d rows are left", n)
	}
}
