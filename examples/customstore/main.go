// Command customstore shows a cache.Store of one's own: a JSON file. Its test
// runs the conformance suite on it.
//
//	go run ./examples/customstore
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

func main() {
	dir, err := os.MkdirTemp("", "customstore")
	if err == nil {
		err = run(context.Background(), os.Stdout, filepath.Join(dir, "cache.json"))
		os.RemoveAll(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "customstore:", err)
		os.Exit(1)
	}
}

// run commits two boards, opens the file again and prints what a form offers.
func run(ctx context.Context, w io.Writer, file string) error {
	s, err := Open(file)
	if err != nil {
		return err
	}
	board := func(id, name string) psa.Record {
		return psa.Record{Ref: psa.Ref{Kind: psa.KindBoard, ID: id}, Active: true, Fields: psa.Fields{"name": name}}
	}
	batch := cache.Batch{Put: []psa.Record{board("1", "Managed Services"), board("2", "Internal IT")}, Run: "example"}
	if _, err := s.Commit(ctx, "acme/connectwise", 0, batch); err != nil {
		return err
	}
	if s, err = Open(file); err != nil {
		return err
	}
	snap, err := s.Current(ctx, "acme/connectwise")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s, version %d\n", snap.Source(), snap.Version())
	for _, o := range snap.Options(psa.KindBoard, "") {
		fmt.Fprintf(w, "%s  %s\n", o.ID, o.Name)
	}
	return nil
}
