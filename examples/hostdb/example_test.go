package hostdb_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	_ "modernc.org/sqlite" // or any other driver of SQLite

	"github.com/psasync/psasync/examples/hostdb"
	"github.com/psasync/psasync/psa"
)

// People work at their desks; a bridge sees it, and writes beside them.
func Example() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", hostdb.DSN(":memory:")) // a file, outside of examples
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection to :memory: has a database of its own
	host, err := hostdb.New(ctx, db, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := host.Demo(ctx); err != nil {
		log.Fatal(err)
	}

	// What has changed since the last look?
	since, err := host.ServerTime(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := host.Desk("ana").SetStatus(ctx, psa.Ref{Kind: psa.KindTicket, ID: "2"}, "Working"); err != nil {
		log.Fatal(err)
	}
	for r, err := range host.List(ctx, psa.KindTicket, psa.Query{Since: since}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Fields["number"], r.Fields["summary"], r.Fields.Ref("status").Name, "by", r.Fields["updated_by"])
	}

	// A note of the PSA comes over. The second time nothing happens.
	note := psa.Fields{
		"ticket": psa.Fields{"id": "2"}, "text": "Laptop ordered.", "visibility": "public", "external_ref": "psasync:note/5512",
	}
	for range 2 {
		r, err := host.Create(ctx, psa.KindNote, note, psa.NotifyNone)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Ref, r.Fields["text"])
	}
	// Output:
	// HD-2 New starter: laptop and accounts Working by ana
	// note/4 Laptop ordered.
	// note/4 Laptop ordered.
}
