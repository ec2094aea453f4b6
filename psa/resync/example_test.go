package resync_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
	"github.com/psasync/psasync/psa/resync"
)

func Example() {
	ctx := context.Background()
	provider := psatest.NewProvider(psatest.Boards()) // or connectwise.New(...)
	store := cache.NewMemory()
	syncer, err := resync.New(provider, store, &resync.Options{Source: "acme/psa"})
	if err != nil {
		log.Fatal(err)
	}
	report, err := syncer.Run(ctx)
	if err != nil {
		log.Fatal(err, psa.Advice(err))
	}
	fmt.Println(report.Outcome)

	// Somebody renames a priority in the PSA.
	provider.Edit(psa.Ref{Kind: psa.KindPriority, ID: "2"}, psa.Fields{"name": "P2"})
	if report, err = syncer.Run(ctx); err != nil {
		log.Fatal(err, psa.Advice(err))
	}
	for _, kind := range report.Kinds {
		for _, row := range kind.ChangedRows {
			for _, c := range row.Changes {
				fmt.Printf("%s %s: %s: %v -> %v\n", kind.Kind, row.ID, c.Field, c.Old.V, c.New.V)
			}
		}
	}
	snapshot, err := store.Current(ctx, "acme/psa")
	if err != nil {
		log.Fatal(err)
	}
	for _, option := range snapshot.Options(psa.KindPriority, "") {
		fmt.Println(option.ID, option.Name)
	}
	// Output:
	// complete
	// priority 2: name: Priority 2 - High -> P2
	// 1 Priority 1 - Critical
	// 2 P2
	// 3 Priority 3 - Normal
	// 4 Priority 4 - Low
}

// A removal that looks like an accident waits for somebody to confirm it.
func ExampleAccept() {
	ctx := context.Background()
	provider := psatest.NewProvider(psatest.Boards())
	syncer, err := resync.New(provider, cache.NewMemory(), &resync.Options{Source: "acme/psa", Guard: resync.Guard{Rows: 2}})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := syncer.Run(ctx); err != nil {
		log.Fatal(err)
	}
	provider.Remove(provider.Refs(psa.KindPriority)[1:]...)

	_, err = syncer.Run(ctx)
	var removal *resync.RemovalError
	if errors.As(err, &removal) {
		fmt.Println(removal.Kinds[0].Removed, "of", removal.Kinds[0].Before, removal.Kinds[0].Kind)
		report, err := syncer.Run(ctx, resync.Accept(removal.Token))
		fmt.Println(report.Outcome, err)
	}
	// Output:
	// 3 of 4 priority
	// complete <nil>
}
