package bridge_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
	"github.com/psasync/psasync/psa/resync"
)

// migration is a bridge between a PSA and a platform that has no records yet.
func migration() (*bridge.Bridge, *psatest.Provider, *psatest.Provider) {
	left := psatest.NewProvider(psatest.Boards())
	right := psatest.NewProvider(psatest.Boards().Only(psa.KindCompany, psa.KindTicket, psa.KindContact, psa.KindSite, psa.KindBoard, psa.KindStatus).Empty())
	m, err := mapping.Parse("map.yaml", []byte(`
version: 1
psa: boards
app: platform
kinds:
  company:
    fields:
      name: name
      identifier: identifier
  ticket:
    scope: {company: [Contoso Ltd]}
    create: # left to each side
      psa: {contact: ~, site: ~}
      app: {contact: ~, site: ~}
    fields:
      summary: summary
      company: company
`), nil)
	if err != nil {
		log.Fatal(err)
	}
	b, err := bridge.New(left, right, cache.NewMemory(), bridge.Options{
		Source: "acme/bridge", Map: m, Now: left.Now, LeftCatalog: catalog(left), RightCatalog: catalog(right),
	})
	if err != nil {
		log.Fatal(err)
	}
	return b, left, right
}

// catalog reads what a system offers.
func catalog(p psa.Provider) psa.Catalog {
	store := cache.NewMemory()
	s, err := resync.New(p, store, &resync.Options{Source: "example"})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := s.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	snapshot, err := store.Current(context.Background(), "example")
	if err != nil {
		log.Fatal(err)
	}
	return snapshot
}

// run is one cycle, a few minutes after the last one.
func run(b *bridge.Bridge, systems ...*psatest.Provider) *bridge.Report {
	for _, p := range systems {
		p.Advance(5 * time.Minute)
	}
	rep, err := b.Once(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	return rep
}

// A plan shows what a run would do. Applying it does that and nothing else.
func ExampleBridge_Plan() {
	b, _, right := migration()
	ctx := context.Background()
	plan, err := b.Plan(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, item := range plan.Items {
		fmt.Println(item.Op, item.Kind, "on the", item.Side, "side:", item.Title)
	}
	rep, err := b.Apply(ctx, plan)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rep.Created[bridge.Right], "created,", len(right.Refs(psa.KindTicket)), "ticket on the platform")
	// Output:
	// create company on the right side: Northwind Traders
	// create company on the right side: Contoso Ltd
	// create company on the right side: Łódź & Søn – 東京
	// create ticket on the right side: New starter: laptop and accounts
	// 4 created, 1 ticket on the platform
}

// Both sides changed the same field, and a person decides.
func ExampleBridge_Resolve() {
	b, left, right := migration()
	ctx := context.Background()
	run(b, left, right)
	left.Edit(psa.Ref{Kind: psa.KindTicket, ID: "1002"}, psa.Fields{"summary": "New starter on Monday"})
	right.Edit(psa.Ref{Kind: psa.KindTicket, ID: "1"}, psa.Fields{"summary": "New starter: laptop only"})
	run(b, left, right)

	for task, err := range b.Tasks(ctx, bridge.TaskFilter{Types: []string{bridge.TaskConflict}}) {
		if err != nil {
			log.Fatal(err)
		}
		for _, f := range task.Fields {
			fmt.Printf("%s %s: was %q, left %q, right %q\n", task.Kind, f.Field, f.Base, f.Left, f.Right)
		}
		answer := bridge.Answer{Action: bridge.AnswerTake, Side: "platform", Actor: "kim@acme.example"}
		if err := b.Resolve(ctx, task.ID, answer); err != nil {
			log.Fatal(err)
		}
	}
	run(b, left, right)
	row, _ := left.Row(psa.Ref{Kind: psa.KindTicket, ID: "1002"})
	fmt.Println(row.Fields.String("summary"))
	// Output:
	// ticket summary: was "New starter: laptop and accounts", left "New starter on Monday", right "New starter: laptop only"
	// New starter: laptop only
}

// A ticket was deleted on the platform. What becomes of the other one is for a
// person to say, unless Options.Deletes says it for all.
func ExampleBridge_ResolveAll() {
	b, left, right := migration()
	ctx := context.Background()
	run(b, left, right)
	right.Remove(psa.Ref{Kind: psa.KindTicket, ID: "1"})
	run(b, left, right) // it is not there,
	left.Advance(time.Hour)
	right.Advance(time.Hour)
	run(b, left, right) // and still is not
	for task, err := range b.Tasks(ctx, bridge.TaskFilter{Types: []string{bridge.TaskDeleted}}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(task.Kind, task.IDs[bridge.Left], "takes", strings.Join(task.Answers, ", "))
	}
	n, err := b.ResolveAll(ctx, bridge.TaskFilter{Types: []string{bridge.TaskDeleted}}, bridge.Answer{Action: bridge.AnswerKeep, Actor: "kim@acme.example"})
	if err != nil {
		log.Fatal(err)
	}
	run(b, left, right)
	_, there := left.Row(psa.Ref{Kind: psa.KindTicket, ID: "1002"})
	fmt.Println(n, "answered; the PSA has its ticket:", there)
	// Output:
	// ticket 1002 takes delete, keep, restore
	// 1 answered; the PSA has its ticket: true
}

// The PSA owns what is billed, and takes part in what the platform says of
// tickets; notes go to the platform only, and a change there is told to the
// client.
func ExamplePolicy() {
	policy := bridge.Policy{
		Name: "billing stays",
		Owners: []bridge.Owner{
			{Field: "class:" + string(psa.ClassBilling), Side: bridge.Left, OnEdit: conflict.Ask},
			{Kind: psa.KindTicket, Field: "summary", Nobody: true},
			{Kind: psa.KindTicket, Side: bridge.Right},
		},
		Strategy: conflict.First(conflict.Newest(nil), conflict.NoteLoser(conflict.PreferRight)),
		Flow:     map[psa.Kind]bridge.Flow{psa.KindNote: bridge.ToRight, psa.KindTimeEntry: bridge.NoFlow},
		Notify: func(c bridge.Change) psa.Notify {
			if c.Kind == psa.KindNote && c.Fields.String("visibility") == string(psa.Public) {
				return psa.NotifyContact
			}
			return psa.NotifyNone
		},
	}
	public := bridge.Change{Side: bridge.Right, Kind: psa.KindNote, Op: "create", Fields: psa.Fields{"visibility": "public"}}
	fmt.Println("notes go", policy.Flow[psa.KindNote], "and tell the", policy.Notify(public))
	// Output:
	// notes go to right and tell the contact
}

// Three friendly companies go first.
func ExampleBridge_SetPhase() {
	b, left, right := migration()
	ctx := context.Background()
	run(b, left, right)
	if err := b.SetPhase(ctx, "1"); err != nil {
		log.Fatal(err)
	}
	if err := b.SetPhase(ctx, "2", "2"); err != nil {
		log.Fatal(err)
	}
	for _, company := range []string{"1", "2"} {
		phase, err := b.PhaseOf(ctx, company)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("company", company, "is in phase", phase)
	}
	fmt.Println(b.SetPhase(ctx, "4"))
	// Output:
	// company 1 is in phase 1
	// company 2 is in phase 2
	// bridge: invalid request: unknown phase "4"; it is one of 1, 2, 3, 3-read-only
}

// A connection pauses itself when a run does more than is plausible, or because
// somebody says so.
func ExampleBridge_Pause() {
	b, left, right := migration()
	ctx := context.Background()
	if err := b.Pause(ctx, "the PSA is being upgraded"); err != nil {
		log.Fatal(err)
	}
	_, err := b.Once(ctx)
	fmt.Println(err)
	if err := b.Resume(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(run(b, left, right).Created)
	// Output:
	// bridge: acme/bridge: the connection is paused: the PSA is being upgraded
	// [0 4]
}

// What stands in the way of the next phase.
func ExampleBridge_Readiness() {
	b, left, right := migration()
	rep, err := b.Readiness(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rep.Ready)
	fmt.Println(strings.Join(rep.Blockers, "\n"))
	run(b, left, right)
	if rep, err = b.Readiness(context.Background(), "2"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(rep.Ready)
	// Output:
	// false
	// company was never read completely on the left side
	// company was never read completely on the right side
	// ticket was never read completely on the left side
	// ticket was never read completely on the right side
	// true
}

// Links are taken along when a connection ends.
func ExampleBridge_WriteLinks() {
	b, left, right := migration()
	run(b, left, right)
	ctx := context.Background()
	if _, err := b.Disconnect(ctx); err != nil {
		log.Fatal(err)
	}
	var csv strings.Builder
	if err := b.WriteLinks(ctx, &csv); err != nil {
		log.Fatal(err)
	}
	fmt.Print(csv.String())
	// Output:
	// left_id,right_id,kind,since,state
	// 1,1,company,2026-03-02T08:05:00Z,live
	// 2,2,company,2026-03-02T08:05:00Z,live
	// 3,3,company,2026-03-02T08:05:00Z,live
	// 1002,1,ticket,2026-03-02T08:05:00Z,live
}
