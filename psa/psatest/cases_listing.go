package psatest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/psasync/psasync/psa"
)

func listingCases() []testCase {
	return []testCase{
		{name: "listing/rows", run: listingRows,
			rule: "Every kind can be listed; rows are of that kind, have ids of their own and the parent that Features announces, and none is Unchanged without Known."},
		{name: "listing/order", run: listingOrder,
			rule: "A list comes in the same order each time, by id where it can be resumed."},
		{name: "listing/sizes", run: listingSizes,
			rule: "A list is complete whatever the number of rows: none, one, a page, one less, one more, several pages."},
		{name: "listing/streams", run: listingStreams,
			rule: "At most two pages are held: when a row is seen, no more than one page behind its own was asked for."},
		{name: "listing/break", run: listingBreak,
			rule: "Breaking out of the loop stops requests at once."},
		{name: "listing/again", run: listingAgain,
			rule: "Ranging over the same list again starts over."},
		{name: "listing/goroutines", run: listingGoroutines,
			rule: "No goroutine outlives the loop, whether it ended, was left or was cancelled."},
		{name: "listing/cancel", run: listingCancel,
			rule: "When the context is cancelled in the middle of a list, it soon ends with an error that is context.Canceled, not as if it were complete."},
		{name: "listing/cancelled", run: listingCancelled,
			rule: "With a context that is done, nothing is sent and the error is the context's."},
		{name: "listing/concurrency", run: listingConcurrency,
			rule: "A provider is safe for concurrent use: ten users at once see what one sees."},
		{name: "get/rows", can: psa.CanGet, run: getRows,
			rule: "Get returns the row that List yields; it may know more fields, and none differs."},
		{name: "get/missing", can: psa.CanGet, run: getMissing,
			rule: "Get of a row that does not exist is ErrNotFound; an id that is no id is an error and never reaches another row."},
	}
}

func listingRows(e *env) {
	for _, kind := range e.f.Kinds() {
		rows := e.list(kind, psa.Query{})
		if len(rows) == 0 {
			e.at(kind, "the tenant has no rows to test with")
		}
		seen := map[psa.Ref]bool{}
		parent := e.f[kind].Parent
		for _, r := range rows {
			switch {
			case r.Kind != kind || r.ID == "":
				e.at(kind, "yields %q", r.Ref)
			case seen[r.Ref]:
				e.at(kind, "%s comes twice", r.Ref)
			case r.Unchanged:
				e.at(kind, "%s is Unchanged, but Known was nil", r.Ref)
			case r.Fields == nil:
				e.at(kind, "%s has no fields", r.Ref)
			case r.Parent.Kind != parent && !r.Parent.IsZero(), e.f[kind].PerParent && r.Parent.ID == "":
				e.at(kind, "%s has parent %q, Features says %q", r.Ref, r.Parent, parent)
			}
			seen[r.Ref] = true
		}
	}
}

func listingOrder(e *env) {
	for _, kind := range e.f.Kinds() {
		first, second := e.list(kind, psa.Query{}), e.list(kind, psa.Query{})
		e.same(kind, "listed again", second, first)
		if !e.f.Can(kind, psa.CanResume) {
			continue
		}
		last := map[psa.Ref]string{} // within a parent where the vendor lists them so
		for _, r := range first {
			family := psa.Ref{}
			if e.f[kind].PerParent {
				family = r.Parent
			}
			if before, ok := last[family]; ok && naturalCompare(before, r.ID) >= 0 {
				e.at(kind, "%s comes before %s", before, r.ID)
			}
			last[family] = r.ID
		}
	}
}

// naturalCompare orders ids by their runs of digits, as numbers, and what
// stands between them.
func naturalCompare(a, b string) int {
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na > 0 && nb > 0 {
			if c := compareIDs(a[:na], b[:nb]); c != 0 {
				return c
			}
			a, b = a[na:], b[nb:]
			continue
		}
		if a[0] != b[0] {
			return strings.Compare(a, b)
		}
		a, b = a[1:], b[1:]
	}
	return strings.Compare(a, b)
}

func digits(s string) (n int) {
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

func listingSizes(e *env) {
	for _, kind := range e.fillable() {
		page := e.f[kind].PageSize
		for _, n := range []int{0, 1, page - 1, page, page + 1, 3 * page, 3*page + 1} {
			e.Fill[kind](n)
			rows := e.list(kind, psa.Query{})
			seen := map[psa.Ref]bool{}
			for _, r := range rows {
				seen[r.Ref] = true
			}
			if len(rows) != n || len(seen) != n {
				e.at(kind, "%d rows in pages of %d: the list has %d, %d of them different", n, page, len(rows), len(seen))
			}
		}
	}
}

// slack is how many requests a list may make besides those for its own pages:
// a count, the parents, the vendor's version.
const slack = 3

func listingStreams(e *env) {
	const pages = 8
	kind, _ := e.filled(pages)
	ctx, trace := e.traced()
	size, i := e.f[kind].PageSize, 0
	for _, err := range e.p.List(ctx, kind, psa.Query{}) {
		if err != nil {
			e.at(kind, "list: %v", err)
			return
		}
		if n := trace.Sum().Requests; n > i/size+2+slack {
			e.at(kind, "%d requests were made when row %d was seen", n, i+1)
			return
		}
		i++
	}
}

func listingBreak(e *env) {
	for _, kind := range e.fillable() {
		e.Fill[kind](8 * e.f[kind].PageSize)
		ctx, trace := e.traced()
		for _, err := range e.p.List(ctx, kind, psa.Query{}) {
			if err != nil {
				e.at(kind, "list: %v", err)
			}
			break
		}
		at := trace.Sum().Requests
		e.settle()
		e.pause(time.Minute)
		if n := trace.Sum().Requests; n > at+1 {
			e.at(kind, "%d requests were made after the loop was left", n-at)
		} else if !e.f[kind].PerParent && n > 2+slack {
			e.at(kind, "%d requests were made for one row", n)
		}
	}
}

func listingAgain(e *env) {
	kind, n := e.filled(2)
	list := e.p.List(e.ctx, kind, psa.Query{})
	for _, err := range list {
		if err != nil {
			e.at(kind, "list: %v", err)
		}
		break
	}
	for run := range 2 {
		seen := map[psa.Ref]bool{}
		for r, err := range list {
			if err != nil {
				e.at(kind, "list: %v", err)
			}
			seen[r.Ref] = true
		}
		if len(seen) != n {
			e.at(kind, "run %d yields %d of %d rows", run+2, len(seen), n)
		}
	}
}

func listingGoroutines(e *env) {
	kind, _ := e.filled(4)
	for what, rows := range map[string]int{"ended": 1 << 30, "was left at its first row": 1, "was left at its last page": 3*e.f[kind].PageSize + 1} {
		left := e.goroutines(func(ctx context.Context) {
			i := 0
			for _, err := range e.p.List(ctx, kind, psa.Query{}) {
				if i++; i >= rows || err != nil {
					break
				}
			}
		})
		if left != "" {
			e.at(kind, "after a list that %s there is still:\n%s", what, left)
		}
	}
	left := e.goroutines(func(ctx context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for _, err := range e.p.List(ctx, kind, psa.Query{}) {
			if cancel(); err != nil {
				break
			}
		}
	})
	if left != "" {
		e.at(kind, "after a list that was cancelled there is still:\n%s", left)
	}
}

func listingCancel(e *env) {
	for _, kind := range e.fillable() {
		page := e.f[kind].PageSize
		e.Fill[kind](6 * page)
		ctx, cancel := context.WithCancel(e.ctx)
		after := -1
		var failed error
		for _, err := range e.p.List(ctx, kind, psa.Query{}) {
			if err != nil {
				failed = err
				continue
			}
			if after++; after == 0 {
				cancel()
			}
		}
		cancel()
		if !errors.Is(failed, context.Canceled) {
			e.at(kind, "cancelled at its first row the list ends with %v after %d more", failed, after)
		}
		if after > 2*page {
			e.at(kind, "%d rows were yielded after the context was cancelled, with pages of %d", after, page)
		}
	}
}

func listingCancelled(e *env) {
	ctx, trace := e.traced()
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	for _, kind := range e.f.Kinds() {
		rows, err := e.collect(ctx, kind, psa.Query{})
		if len(rows) > 0 || !errors.Is(err, context.Canceled) {
			e.at(kind, "%d rows and %v", len(rows), err)
		}
		if e.f.Can(kind, psa.CanGet) {
			if _, err := e.p.Get(ctx, psa.Ref{Kind: kind, ID: "1"}); !errors.Is(err, context.Canceled) {
				e.at(kind, "get: %v", err)
			}
		}
	}
	for _, err := range e.attempts(ctx) {
		if !errors.Is(err, context.Canceled) {
			e.Errorf("%v, want context.Canceled", err)
		}
	}
	if n := trace.Sum().Requests; n > 0 {
		e.Errorf("%d requests were made", n)
	}
	late, stop := context.WithDeadline(e.ctx, time.Unix(1, 0))
	defer stop()
	kind := e.f.Kinds()[0]
	if _, err := e.collect(late, kind, psa.Query{}); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(psa.ErrorClass(err), psa.ErrTimeout) {
		e.at(kind, "after its deadline the list ends with %v", err)
	}
}

// attempts makes one call of each extra that makes requests and needs no row.
func (e *env) attempts(ctx context.Context) (errs []error) {
	if p, ok := e.p.(psa.Instancer); ok {
		_, err := p.Instance(ctx)
		errs = append(errs, err)
	}
	if p, ok := e.p.(psa.ServerTimer); ok {
		_, err := p.ServerTime(ctx)
		errs = append(errs, err)
	}
	if p, ok := e.p.(psa.Checker); ok {
		_, err := p.Check(ctx, e.f.Kinds()...)
		errs = append(errs, err)
	}
	for _, kind := range e.kinds(psa.CanCount) {
		_, err := psa.Count(ctx, e.p, kind, psa.Query{})
		errs = append(errs, err)
	}
	return errs
}

func listingConcurrency(e *env) {
	want := map[psa.Kind][]psa.Ref{}
	for _, kind := range e.f.Kinds() {
		want[kind] = refsOf(e.list(kind, psa.Query{}))
	}
	var wg sync.WaitGroup
	for user := range 10 {
		wg.Go(func() {
			kinds := e.f.Kinds()
			for i := range kinds {
				kind := kinds[(i+user)%len(kinds)]
				var got []psa.Ref
				for r, err := range e.p.List(e.ctx, kind, psa.Query{}) {
					if err != nil {
						e.at(kind, "list: %v", err)
						break
					}
					got = append(got, r.Ref)
				}
				if !slices.Equal(got, want[kind]) {
					e.at(kind, "user %d sees %d rows, alone %d", user, len(got), len(want[kind]))
				}
				if e.f.Can(kind, psa.CanGet) && len(got) > 0 {
					if r, err := e.p.Get(e.ctx, got[user%len(got)]); err != nil || r.Ref != got[user%len(got)] {
						e.at(kind, "get %s: %s, %v", got[user%len(got)], r.Ref, err)
					}
				}
			}
		})
	}
	wg.Wait()
}

func getRows(e *env) {
	for _, kind := range e.kinds(psa.CanGet) {
		rows := e.list(kind, psa.Query{})
		for _, i := range []int{0, len(rows) / 2, len(rows) - 1} {
			if len(rows) == 0 {
				break
			}
			want := rows[i]
			got, err := e.p.Get(e.ctx, want.Ref)
			if err != nil {
				e.at(kind, "get %s: %v", want.Ref, err)
				continue
			}
			if got.Ref != want.Ref || got.Parent != want.Parent || got.Active != want.Active || !got.Updated.Equal(want.Updated) || got.Unchanged || got.Err != nil {
				e.at(kind, "get %s: ref, parent, active or updated differ from the list", want.Ref)
			}
			for name, v := range want.Fields {
				if !psa.ValuesEqual(got.Fields[name], v) {
					e.at(kind, "get %s: %s differs from the list", want.Ref, name)
				}
			}
		}
	}
}

func getMissing(e *env) {
	for _, kind := range e.kinds(psa.CanGet) {
		rows := e.list(kind, psa.Query{})
		if len(rows) == 0 {
			continue
		}
		id := rows[0].ID
		if _, err := e.p.Get(e.ctx, psa.Ref{Kind: kind, ID: missingID(id)}); !errors.Is(err, psa.ErrNotFound) {
			e.at(kind, "get %s: %v, want ErrNotFound", missingID(id), err)
		}
		for _, bad := range []string{"", "../" + id, id + "/../" + id, id + "?fields=id", id + "#", "%2e%2e%2f" + id, "x' or '1'='1", id + "\r\nHost: x", strings.Repeat("9", 300)} {
			r, err := e.p.Get(e.ctx, psa.Ref{Kind: kind, ID: bad})
			if err == nil {
				e.at(kind, "get %q returns %s", bad, r.Ref)
			} else if !errors.Is(err, psa.ErrNotFound) && !errors.Is(err, psa.ErrInvalid) {
				e.at(kind, "get %q: %v, want ErrNotFound or ErrInvalid", bad, err)
			}
		}
	}
}

// missingID returns an id of the same form that no row has.
func missingID(id string) string {
	end := len(id)
	for end > 0 && digits(id[end-1:]) == 0 {
		end--
	}
	start := end
	for start > 0 && digits(id[start-1:]) > 0 {
		start--
	}
	return id[:start] + "987654321" + id[end:]
}

// firstError ranges over a list and returns its error.
func firstError[T any](list iter.Seq2[T, error]) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

func plural(n int, what string) string { return fmt.Sprintf("%d %s", n, what) }
