package endtoend

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/psa"
)

var update = flag.Bool("update", false, "rewrite the table of features in README.md")

const (
	readme = "../../README.md"
	begin  = "<!-- features: generated, run go test ./internal/endtoend -run Readme -update -->\n"
	end    = "<!-- end of features -->\n"
)

// TestReadmeFeatures keeps the README's table what the providers say.
func TestReadmeFeatures(t *testing.T) {
	b, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(b), begin)
	got, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s lacks the lines %q and %q", readme, begin, end)
	}
	want := featureTable(t)
	if *update {
		if err := os.WriteFile(readme, []byte(head+begin+want+end+tail), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-providers +README):\n%s", d)
	}
}

// vendors are providers made without a request, with what a Config has to tell
// for all that they can do, or with what it must tell.
func vendors(t *testing.T, full bool) []psa.Provider {
	t.Helper()
	cw, err := connectwise.New(connectwise.Config{
		URL: "na.myconnectwise.net", Company: "acme", ClientID: "00000000-0000-0000-0000-000000000000",
		Credentials: func(context.Context) (connectwise.Credentials, error) { return connectwise.Credentials{}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	owner, outcomes := "", halopsa.Outcomes{}
	if full {
		owner, outcomes = "29682885", halopsa.Outcomes{Internal: 7, Public: 1, Time: 2}
	}
	at, err := autotask.New(autotask.Config{
		CompanyOwnerID: owner,
		Credentials:    func(context.Context) (autotask.Credentials, error) { return autotask.Credentials{}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	halo, err := halopsa.New(halopsa.Config{
		URL:         "acme.halopsa.com",
		Outcomes:    outcomes,
		Credentials: func(context.Context) (halopsa.Credentials, error) { return halopsa.Credentials{}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return []psa.Provider{cw, at, halo}
}

func featureTable(t *testing.T) string {
	providers, bare := vendors(t, true), vendors(t, false)
	var b strings.Builder
	b.WriteString("\n| kind |")
	for _, p := range providers {
		fmt.Fprintf(&b, " %s |", p.Name())
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(providers)) + "\n")
	reasons := make([]strings.Builder, len(providers))
	for _, k := range append(psa.ConfigKinds(), psa.RecordKinds()...) {
		fmt.Fprintf(&b, "| %s |", k)
		for i, p := range providers {
			f, ok := p.Features()[k]
			switch {
			case !ok || f.Can == 0:
				b.WriteString(" - |")
			default:
				fmt.Fprintf(&b, " %s |", cell(t, f, bare[i].Features()[k]))
			}
			if why := f.Missing[psa.CanList]; why != "" {
				fmt.Fprintf(&reasons[i], "- %s: %s\n", k, why)
			}
		}
		b.WriteString("\n")
	}
	for i, p := range providers {
		if reasons[i].Len() > 0 {
			fmt.Fprintf(&b, "\nNot there with %s, and why:\n\n%s", p.Name(), reasons[i].String())
		}
	}
	b.WriteString("\n")
	return b.String()
}

// configured finds the field of a Config in the reason why something is missing
// without it.
var configured = regexp.MustCompile(`Config\.[A-Za-z.]*[A-Za-z]`)

// cell names what can be done beside listing, and what a Config has to tell for
// it.
func cell(t *testing.T, f, bare psa.Feature) string {
	text := "list"
	if f.Term != "" {
		text = f.Term
	}
	var more []string
	for can := psa.Ability(1); can <= f.Can; can <<= 1 {
		if !f.Can.Has(can) || (psa.CanList | psa.CanCount | psa.CanGet | psa.CanResume).Has(can) {
			continue
		}
		name := can.String()
		if !bare.Can.Has(can) {
			field := configured.FindString(bare.Missing[can])
			if field == "" {
				t.Errorf("%s: %s needs a Config that the reason does not name: %q", text, name, bare.Missing[can])
			}
			name += " (with `" + field + "`)"
		}
		more = append(more, name)
	}
	if len(more) > 0 {
		text += ": " + strings.Join(more, ", ")
	}
	return text
}
