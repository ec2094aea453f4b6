package mapping

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

// coded adds a list of colours to tickets as the vendors tell it: ConnectWise
// has values that are what people see, Autotask codes with labels of their own,
// HaloPSA ids.
func coded(vendor string) (left, right *catalog) {
	left, right = psaCatalog(), hostCatalog()
	f := psa.Field{Name: "custom.30", Caption: "Colour", Type: psa.TypeOption}
	switch vendor {
	case "connectwise":
		f.Options = []string{"Red", "Dark Blue"}
	case "autotask":
		f.Options, f.Labels = []string{"R", "DB"}, []string{"Red", "Dark Blue"}
	case "halopsa":
		f.Options, f.Labels = []string{"1", "2"}, []string{"Red", "Dark Blue"}
	}
	left.fields[psa.KindTicket] = append(left.fields[psa.KindTicket], f)
	right.fields[psa.KindTicket] = append(right.fields[psa.KindTicket],
		psa.Field{Name: "colour", Type: psa.TypeOption, Options: []string{"c7", "c8", "c9"}, Labels: []string{"red", "blue", "Green"}})
	return left, right
}

func TestScaffoldOfLabels(t *testing.T) {
	for vendor, want := range map[string]string{
		"connectwise": "Red: c7  # red\n          Dark Blue: c8  # guess: blue\n",
		"autotask":    "R: c7  # Red = red\n          DB: c8  # guess: Dark Blue = blue\n",
		"halopsa":     "\"1\": c7  # Red = red\n          \"2\": c8  # guess: Dark Blue = blue\n",
	} {
		left, right := coded(vendor)
		src := Scaffold(left, right, &ScaffoldOptions{Kinds: []psa.Kind{psa.KindTicket}})
		lintsClean(t, src, left, right)
		if want = "        right: colour\n        values:\n          " + want; !strings.Contains(string(src), want) {
			t.Errorf("%s: the scaffold lacks\n%s\nin\n%s", vendor, want, src)
		}
	}
}

func TestScaffoldOfLabelsWithoutPartner(t *testing.T) {
	left, right := coded("halopsa")
	fields := right.fields[psa.KindTicket]
	fields[len(fields)-1].Labels = []string{"Crimson", "Navy\nblue", "Green"}
	src := string(Scaffold(left, right, &ScaffoldOptions{Kinds: []psa.Kind{psa.KindTicket}}))
	for _, want := range []string{"          # \"1\" (Red): no value found that is like it", "          \"2\": c8  # guess: Dark Blue = Navy blue\n"} {
		if !strings.Contains(src, want) {
			t.Errorf("the scaffold lacks\n%s\nin\n%s", want, src)
		}
	}
}

func TestLintOfLabels(t *testing.T) {
	for _, tt := range []struct {
		vendor, rules string
		want          []string
	}{
		{"connectwise", `custom.30: {app: colour, direction: to_right, values: {Redd: c7, Red: c7, Dark Blue: blue}}`, []string{
			`5:62 error no-such-option the left side's field "Colour" has no active option "Redd"; did you mean "Red"?`,
			`5:92 error no-such-option the right side's field "colour" has no active option "blue", which is the label of "c8"; write that`}},
		{"autotask", `custom.30: {app: colour, direction: to_right, values: {Red: c7, DB: blu}}`, []string{
			`5:7 warning uncovered-value custom.30: no rule for the left side's "R" (Red), which is held; add it to values`,
			`5:62 error no-such-option the left side's field "Colour" has no active option "Red", which is the label of "R"; write that`,
			`5:75 error no-such-option the right side's field "colour" has no active option "blu"; did you mean "c8" (blue)?`}},
		{"halopsa", `custom.30: {app: colour, direction: to_right, values: {Drak Blue: c8}}`, []string{
			`5:7 warning uncovered-value custom.30: no rule for the left side's "1" (Red), "2" (Dark Blue), which is held; add them to values`,
			`5:62 error no-such-option the left side's field "Colour" has no active option "Drak Blue"; did you mean "2" (Dark Blue)?`}},
	} {
		left, right := coded(tt.vendor)
		var got []string
		for _, f := range findings(mustMap(t, fieldMap(tt.rules)).Lint(left, right)) {
			if !strings.Contains(f, " required ") && !strings.Contains(f, " custom-field-lost ") {
				got = append(got, f)
			}
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: -want +got:\n%s", tt.vendor, d)
		}
	}
}

func TestIssuesTellLabels(t *testing.T) {
	left, right := coded("halopsa")
	mp, err := mustMap(t, fieldMap(`custom.30: {app: colour, values: {"1": c7}}`)).Compile(&Config{Left: left, Right: right})
	if err != nil {
		t.Fatal(err)
	}
	_, issues := mp.To(Right, ticket(psa.Fields{"custom": psa.Fields{"30": "2"}}), nil)
	if len(issues) != 1 || !strings.HasPrefix(issues[0].Message, `no rule for "2" (Dark Blue)`) {
		t.Errorf("%v", issues)
	}
}
