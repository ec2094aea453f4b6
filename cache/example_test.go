package cache_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// helpdesk is what a resync would have committed.
func helpdesk() *cache.Memory {
	row := func(kind psa.Kind, id, board string, f psa.Fields) psa.Record {
		r := psa.Record{Ref: psa.Ref{Kind: kind, ID: id}, Active: true, Fields: f}
		if board != "" {
			r.Parent = psa.Ref{Kind: psa.KindBoard, ID: board}
		}
		return r
	}
	read := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	store := cache.NewMemory()
	_, err := store.Commit(context.Background(), "acme/connectwise", 0, cache.Batch{
		Put: []psa.Record{
			row(psa.KindBoard, "1", "", psa.Fields{"name": "Managed Services"}),
			row(psa.KindBoard, "2", "", psa.Fields{"name": "Internal IT"}),
			row(psa.KindStatus, "10", "1", psa.Fields{"name": "New", "default": true}),
			row(psa.KindStatus, "11", "1", psa.Fields{"name": "Closed", "closed": true}),
			row(psa.KindStatus, "20", "2", psa.Fields{"name": "Triage"}),
		},
		Kinds: map[psa.Kind]cache.KindMeta{
			psa.KindBoard:  {Fresh: read},
			psa.KindStatus: {Fresh: read, Scopes: []psa.Scope{{Kind: psa.KindBoard}}},
			psa.KindTicket: {Required: []string{"summary", "board"}},
		},
		At: read,
	})
	if err != nil {
		log.Fatal(err)
	}
	return store
}

func Example() {
	ctx := context.Background()
	var store cache.Store = helpdesk()

	snap, err := store.Current(ctx, "acme/connectwise")
	if err != nil {
		log.Fatal(err)
	}
	board, ok := snap.Find(psa.KindBoard, "", "managed services")
	if !ok {
		log.Fatal("no such board")
	}
	for _, status := range snap.Options(psa.KindStatus, board.ID) {
		fmt.Println(status.ID, status.Name)
	}
	// Output:
	// 11 Closed
	// 10 New
}

func ExampleSnapshot_Form() {
	snap, err := helpdesk().Current(context.Background(), "acme/connectwise")
	if err != nil {
		log.Fatal(err)
	}
	// What the user has chosen so far.
	form := snap.Form(psa.KindTicket, psa.Fields{"board": psa.Reference{ID: "2"}.Fields()})
	for _, f := range form.Fields {
		if f.Required || f.Listed {
			fmt.Println(f.Name, "required:", f.Required, "options:", len(f.Options), "narrowed by:", f.NarrowedBy)
		}
	}
	// Output:
	// summary required: true options: 0 narrowed by: []
	// board required: true options: 2 narrowed by: []
	// status required: false options: 1 narrowed by: [board]
}

func ExampleSnapshot_Check() {
	snap, err := helpdesk().Current(context.Background(), "acme/connectwise")
	if err != nil {
		log.Fatal(err)
	}
	ticket := psa.Fields{
		"board":  psa.Reference{ID: "1"}.Fields(),
		"status": psa.Fields{"name": "Triage"},
	}
	for _, f := range snap.Check(psa.KindTicket, ticket) {
		fmt.Println(f.Code, "-", f.Message)
	}
	// Output:
	// required - summary: a value is required
	// out-of-scope - status: "Triage" does not go with board "Managed Services"
}

func ExampleSnapshot_Explain() {
	snap, err := helpdesk().Current(context.Background(), "acme/connectwise")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(snap.Explain(psa.KindStatus, "1", "Triage").Message)
	fmt.Println(snap.Explain(psa.KindStatus, "1", "Clossed").Message)
	// Output:
	// "Triage" is not offered for board "Managed Services", but for board "Internal IT".
	// There is no status called "Clossed" for board "Managed Services". Did you mean "Closed"?
}

func ExampleDiffVersions() {
	ctx := context.Background()
	store := helpdesk()
	_, err := store.Commit(ctx, "acme/connectwise", 1, cache.Batch{End: []psa.Ref{{Kind: psa.KindStatus, ID: "20"}}})
	if err != nil {
		log.Fatal(err)
	}
	changes, err := cache.DiffVersions(ctx, store, "acme/connectwise", 1, 2)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range changes {
		fmt.Println(c.Ref, "removed:", c.After == nil)
	}
	// Output:
	// status/20 removed: true
}

func ExampleAcquire() {
	ctx := context.Background()
	store := cache.NewMemory()
	lease, err := cache.Acquire(ctx, store, "acme/connectwise", "worker-1", time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		if err := lease.Release(ctx); err != nil {
			log.Print(err)
		}
	}()

	_, err = cache.Acquire(ctx, store, "acme/connectwise", "worker-2", time.Minute)
	var leased *cache.LeasedError
	if errors.As(err, &leased) {
		fmt.Println("held by", leased.Holder)
	}
	// A commit carries the token: if the lease is lost meanwhile, it is refused.
	_, err = store.Commit(ctx, "acme/connectwise", 0, cache.Batch{Token: lease.Token()})
	fmt.Println(err)
	// Output:
	// held by worker-1
	// <nil>
}
