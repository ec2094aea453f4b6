package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

// decodeID is the Decode of tests: strict JSON with an id and a name.
func decodeID(row []byte, _ psa.Ref) psa.Record {
	var v struct {
		ID   json.Number
		Name string
	}
	if err := json.Unmarshal(row, &v); err != nil {
		return psa.Record{Err: &psa.Error{Code: psa.ErrData, Detail: "bad row"}}
	}
	return psa.Record{Ref: psa.Ref{ID: string(v.ID)}, Active: true, Fields: psa.Fields{"name": v.Name}}
}

// pagesOf serves pages under the cursors "", "1", "2", ...
func pagesOf(bodies ...string) func(context.Context, string) (Page, error) {
	return func(_ context.Context, cursor string) (Page, error) {
		n := 0
		if cursor != "" {
			fmt.Sscan(cursor, &n)
		}
		p := Page{Body: []byte(bodies[n])}
		if n+1 < len(bodies) {
			p.Next = fmt.Sprint(n + 1)
		}
		return p, nil
	}
}

func TestRecordsBasic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listing{
			Provider: "vendor", Op: "list board", Kind: psa.KindBoard, Decode: decodeID,
			Shape: NewShape(ShapeConfig{Deny: []string{"cost"}}),
			Page:  pagesOf(`[{"id":1,"name":"a","cost":5},{"id":2,"name":"b"}]`, `[{"id":3,"name":7}]`, ` [ {"id":4,"name":"d"} ] `),
		}
		var got []string
		for rec, err := range Records(t.Context(), l) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s %s %v %v", rec.Ref, rec.Raw, rec.Hash.IsZero(), errors.Is(rec.Err, psa.ErrData)))
		}
		want := []string{
			`board/1 {"id":1,"name":"a"} false false`,
			`board/2 {"id":2,"name":"b"} false false`,
			`board/  true true`,
			`board/4 {"id":4,"name":"d"} false false`,
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		_ = strings.Join
	})
}
