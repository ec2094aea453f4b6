package endtoend

import (
	"context"
	"flag"
	"fmt"
	"os"
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

// vendors are providers made without a request.
func vendors(t *testing.T) []psa.Provider {
	t.Helper()
	cw, err := connectwise.New(connectwise.Config{
		URL: "na.myconnectwise.net", Company: "acme", ClientID: "00000000-0000-0000-0000-000000000000",
		Credentials: func(context.Context) (connectwise.Credentials, error) { return connectwise.Credentials{}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	at, err := autotask.New(autotask.Config{
		Credentials: func(context.Context) (autotask.Credentials, error) { return autotask.Credentials{}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	halo, err := halopsa.New(halopsa.Config{
		URL:         "acme.halopsa.com",
		Credentials: func(context.Context) (halopsa.Credentials, error) { return halopsa.Credentials{}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return []psa.Provider{cw, at, halo}
}

func featureTable(t *testing.T) string {
	providers := vendors(t)
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
				fmt.Fprintf(&b, " %s |", cell(f))
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

// cell names what can be done beside listing.
func cell(f psa.Feature) string {
	text := "list"
	if f.Term != "" {
		text = f.Term
	}
	if more := (f.Can &^ (psa.CanList | psa.CanCount | psa.CanGet | psa.CanResume)).String(); more != "" {
		text += ": " + more
	}
	return text
}
