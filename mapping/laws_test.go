package mapping

import (
	"fmt"
	"strings"
	"testing"

	"github.com/psasync/psasync/psa"
	"pgregory.net/rapid"
)

// The laws of a map that goes both ways, for any value map and any state of
// the target: what was sent there and comes back changes nothing; what was
// written there reads as what was sent; writing it once more changes nothing.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "left values")
		var values, prefer []string
		first := map[string]string{}
		var lefts []string
		for i := range n {
			left := fmt.Sprintf("L%d", i)
			right := fmt.Sprintf("R%d", rapid.IntRange(0, 3).Draw(t, "right value"))
			lefts = append(lefts, left)
			values = append(values, left+": "+right)
			if was, dup := first[right]; dup {
				if rapid.Bool().Draw(t, "prefer the later") {
					was = left
				}
				prefer = append(prefer, right+": "+was)
			} else {
				first[right] = left
			}
		}
		prefer = last(prefer)
		rule := "contact_name: {app: x, values: {" + strings.Join(values, ", ") + "}"
		if len(prefer) > 0 {
			rule += ", prefer: {" + strings.Join(prefer, ", ") + "}"
		}
		steps := rapid.SampledFrom([]string{"", "{prefix: \"p \"}", "[{prefix: a}, {prefix: b}]"}).Draw(t, "transform")
		if steps != "" {
			rule += ", transform: " + steps
		}
		rule += "}"
		m, err := Parse("f", []byte("version: 1\nkinds: {ticket: {fields: {"+rule+"}}}\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		mp, err := m.Compile(nil)
		if err != nil {
			t.Fatal(err)
		}
		to := func(side Side, f, present psa.Fields) psa.Fields {
			out, issues := mp.To(side, ticket(f), &Env{Present: present})
			if len(issues) > 0 {
				t.Fatalf("%s of %v: %v", rule, f, issues)
			}
			return out
		}
		left := psa.Fields{"contact_name": rapid.SampledFrom(lefts).Draw(t, "left")}
		other := psa.Fields{"contact_name": rapid.SampledFrom(lefts).Draw(t, "other")}
		right := to(Right, left, psa.Fields{})
		if back := to(Left, right, left); !back.Equal(left) {
			t.Fatalf("%s: %v became %v and changed its source to %v", rule, left, right, back)
		}
		wrote := to(Left, right, other)
		if again := to(Right, wrote, psa.Fields{}); !again.Equal(right) {
			t.Fatalf("%s: %v was written as %v, which reads as %v", rule, right, wrote, again)
		}
		if twice := to(Left, right, wrote); !twice.Equal(wrote) {
			t.Fatalf("%s: writing %v twice gives %v and %v", rule, right, wrote, twice)
		}
		if d := mp.Differ(psa.KindTicket, wrote, right); d != nil {
			t.Fatalf("%s: %v and %v differ after a write", rule, wrote, right)
		}
		if same := to(Right, other, psa.Fields{}).Equal(right); same != (mp.Differ(psa.KindTicket, other, right) == nil) {
			t.Fatalf("%s: Differ of %v and %v is not whether they map to the same", rule, other, right)
		}
	})
}

// last keeps the last preference for each right value.
func last(prefer []string) []string {
	by := map[string]string{}
	var order []string
	for _, p := range prefer {
		k, _, _ := strings.Cut(p, ":")
		if by[k] == "" {
			order = append(order, k)
		}
		by[k] = p
	}
	for i, k := range order {
		order[i] = by[k]
	}
	return order
}
