package bridge

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// BenchmarkMerge decides about a record of 30 fields: an echo, a change on one
// side of which the other was not read, and one change on each side.
func BenchmarkMerge(b *testing.B) {
	const n = 30
	var yaml strings.Builder
	yaml.WriteString("version: 1\nkinds:\n  ticket:\n    fields:\n")
	left, right := psa.Fields{"custom": psa.Fields{}}, psa.Fields{}
	base := [2]psa.Fields{{}, {}}
	writes := []string{"custom"}
	for i := range n {
		name, value := fmt.Sprintf("custom.%d", i), any(fmt.Sprint("value ", i))
		rule := fmt.Sprintf("{app: f%d}", i)
		if i%3 == 1 {
			value, rule = json.Number(fmt.Sprint(i)), fmt.Sprintf("{app: f%d, transform: {scale: 60}}", i)
		}
		fmt.Fprintf(&yaml, "      %s: %s\n", name, rule)
		writes = append(writes, fmt.Sprintf("f%d", i))
		mapped := value
		if i%3 == 1 {
			mapped = json.Number(fmt.Sprint(i * 60))
		}
		left["custom"].(psa.Fields)[fmt.Sprint(i)], right[fmt.Sprintf("f%d", i)] = value, mapped
		base[Left][name], base[Right][name] = value, mapped
	}
	m, err := mapping.Parse("map.yaml", []byte(yaml.String()), nil)
	if err != nil {
		b.Fatal(err)
	}
	can := psa.Features{psa.KindTicket: {Can: psa.CanList | psa.CanGet | psa.CanCreate | psa.CanUpdate, Writes: writes}}
	c, err := compile(m, &mapping.Config{}, [2]psa.Features{can, can})
	if err != nil {
		b.Fatal(err)
	}
	k := c.kinds[psa.KindTicket]
	if len(k.units) != n {
		b.Fatalf("%d units", len(k.units))
	}
	none := func(psa.Kind, string) (string, bool) { return "", false }
	record := func(f psa.Fields) view {
		return view{known: true, rec: psa.Record{Ref: psa.Ref{Kind: psa.KindTicket, ID: "1"}, Fields: f}}
	}
	changed := newPath("custom.3").with(left, "changed")
	other := newPath("f6").with(right, "changed, too")
	for _, bench := range []struct {
		name   string
		view   [2]view
		writes [2]bool
	}{
		{"echo", [2]view{record(left), {}}, [2]bool{}},
		{"one change", [2]view{record(changed), {}}, [2]bool{false, true}},
		{"both read, a change each", [2]view{record(changed), record(other)}, [2]bool{true, true}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			in := &input{link: &cache.Link{Kind: psa.KindTicket, IDs: [2]string{"1", "2"}, Base: base}, view: bench.view,
				policy: &Policy{Strategy: conflict.PreferLeft}, peer: [2]func(psa.Kind, string) (string, bool){none, none}}
			b.ReportAllocs()
			for b.Loop() {
				out, err := c.merge(b.Context(), k, in)
				if err != nil {
					b.Fatal(err)
				}
				if (out.patch[Left] != nil) != bench.writes[Left] || (out.patch[Right] != nil) != bench.writes[Right] {
					b.Fatal(out.patch)
				}
			}
		})
	}
}
