package psatest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
)

func TestExampleConforms(t *testing.T) { conformance(t) }

// A program is tested against an account that loses the right to read boards
// and answers its second list of members with an error after two rows.
func ExampleNewProvider() {
	ctx := context.Background()
	p := psatest.NewProvider(psatest.Boards())
	p.Put(psatest.Row(psa.KindBoard, "4", psa.Fields{"name": "Night Shift"}))
	p.Edit(psa.Ref{Kind: psa.KindBoard, ID: "2"}, psa.Fields{"name": "Internal"})
	for r, err := range p.List(ctx, psa.KindBoard, psa.Query{ActiveOnly: true}) {
		fmt.Println(r.Ref, r.Name(), err)
	}

	p.Refuse(psa.KindBoard, psa.ErrDenied)
	for _, err := range p.List(ctx, psa.KindBoard, psa.Query{}) {
		fmt.Println(err)
	}

	p.Fail(psatest.Fault{Kind: psa.KindMember, Op: psatest.OpList, Nth: 2, After: 2, Err: psa.ErrUnavailable})
	for range 2 {
		n := 0
		for _, err := range p.List(ctx, psa.KindMember, psa.Query{}) {
			if n++; err != nil {
				fmt.Println(err)
			}
		}
		fmt.Println(n)
	}
	// Output:
	// board/1 Managed Services <nil>
	// board/2 Internal <nil>
	// board/4 Night Shift <nil>
	// boards: list board: permission denied
	// 5
	// boards: list member: service unavailable
	// 3
}
