package psatest_test

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"sync"
	"testing"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
)

// desk is a host's own table of tickets.
type desk struct {
	mu      sync.Mutex
	tickets map[int]string // title by number
	last    int
}

func (d *desk) add(title string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last++
	d.tickets[d.last] = title
}

// provider shows a desk as a psa.Provider.
type provider struct{ desk *desk }

func (provider) Name() string { return "desk" }

func (provider) Features() psa.Features {
	return psa.Features{psa.KindTicket: {
		Can: psa.CanList | psa.CanGet, PageSize: 10,
		Missing: map[psa.Ability]string{psa.CanSince: "the table has no time of change"},
	}}
}

func (p provider) fail(op string, ref psa.Ref, class, cause error) error {
	return &psa.Error{Provider: p.Name(), Op: op, Ref: ref, Code: class, Err: cause}
}

func (p provider) List(ctx context.Context, kind psa.Kind, q psa.Query) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		if kind != psa.KindTicket || !q.Parent.IsZero() || !q.Since.IsZero() || q.After != "" || len(q.Scope) > 0 {
			yield(psa.Record{}, p.fail("list", psa.Ref{}, psa.ErrUnsupported, nil))
			return
		}
		for id := 1; ; id++ {
			p.desk.mu.Lock()
			title, ok := p.desk.tickets[id]
			last := p.desk.last
			p.desk.mu.Unlock()
			switch err := ctx.Err(); {
			case err != nil:
				yield(psa.Record{}, p.fail("list", psa.Ref{}, psa.ErrorClass(err), err))
				return
			case id > last:
				return
			case ok && !yield(record(id, title), nil):
				return
			}
		}
	}
}

func (p provider) Get(ctx context.Context, ref psa.Ref) (psa.Record, error) {
	if ref.Kind != psa.KindTicket {
		return psa.Record{}, p.fail("get", ref, psa.ErrUnsupported, nil)
	}
	if err := ctx.Err(); err != nil {
		return psa.Record{}, p.fail("get", ref, psa.ErrorClass(err), err)
	}
	p.desk.mu.Lock()
	defer p.desk.mu.Unlock()
	id, err := strconv.Atoi(ref.ID)
	title, ok := p.desk.tickets[id]
	if err != nil || !ok {
		return psa.Record{}, p.fail("get", psa.Ref{Kind: ref.Kind}, psa.ErrNotFound, nil)
	}
	return record(id, title), nil
}

func record(id int, title string) psa.Record {
	return psa.Record{Ref: psa.Ref{Kind: psa.KindTicket, ID: strconv.Itoa(id)}, Active: true, Fields: psa.Fields{"summary": title}}
}

// conformance is what a host writes as TestConformance.
func conformance(t *testing.T) {
	known := map[string]string{"query/active": "tickets are never inactive"}
	for _, name := range []string{
		"errors/auth", "errors/denied", "errors/one-kind", "errors/rate-limit", "errors/server", "errors/cut-body", "errors/login-page",
		"errors/mid-list", "errors/timeout", "errors/bad-row", "paging/repeated-page", "paging/capped-page", "paging/wrong-count", "paging/moving-rows",
	} {
		known[name] = "a map in the same process has no network, no rights and no pages"
	}
	known["domain/canaries"] = "the table holds no secrets"
	known["domain/service-tickets"] = "the table holds nothing else"
	psatest.Run(t, psatest.Harness{Known: known, Open: func(testing.TB) *psatest.World {
		d := &desk{tickets: map[int]string{}}
		d.add("Printer offline")
		id := func(ref psa.Ref) int {
			n, err := strconv.Atoi(ref.ID)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		return &psatest.World{
			Provider: provider{d},
			Fill: map[psa.Kind]func(int){psa.KindTicket: func(n int) {
				d.tickets, d.last = map[int]string{}, 0
				for i := range n {
					d.add("Ticket " + strconv.Itoa(i))
				}
			}},
			Rename: func(ref psa.Ref, title string) { d.tickets[id(ref)] = title },
			Remove: func(ref psa.Ref) { delete(d.tickets, id(ref)) },
		}
	}})
}

// A host's own tables as a provider, and the test that proves it.
func Example() {
	p := provider{&desk{tickets: map[int]string{}}}
	p.desk.add("Printer offline")
	for r, err := range p.List(context.Background(), psa.KindTicket, psa.Query{}) {
		fmt.Println(r.Ref, r.Fields.String("summary"), err)
	}
	// Output: ticket/1 Printer offline <nil>
}
