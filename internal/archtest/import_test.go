package archtest

import (
	"slices"
	"strings"
	"testing"
)

// A rule says which packages of this module and of others one package may
// import, and why that is enough. A name that ends in "/..." allows what is
// below it.
type rule struct {
	own   []string
	third []string
	why   string
}

var importRules = map[string]rule{
	"psa":      {why: "the vocabulary is frozen early and costs an importer nothing"},
	"conflict": {why: "strategies are plain functions on plain values"},
	"cache":    {own: []string{"psa"}, why: "a store keeps what a provider yields"},
	"mapping":  {own: []string{"psa", "conflict"}, third: []string{"gopkg.in/yaml.v3"}, why: "maps name strategies and speak canonical fields; a snapshot reaches lint as psa.Catalog"},
	"mapping/transform": {
		own: []string{"psa", "mapping"},
		third: []string{
			"github.com/JohannesKaufmann/html-to-markdown/v2/...", "github.com/yuin/goldmark/...", "github.com/microcosm-cc/bluemonday",
			"github.com/nyaruka/phonenumbers", "golang.org/x/net/html/...", "golang.org/x/net/idna", "golang.org/x/text/...",
		},
		why: "transforms with libraries; only hosts that name them in a map link it, neither mapping nor an adapter does",
	},
	"psa/resync":  {own: []string{"psa", "cache", "internal/text"}, third: []string{"github.com/netresearch/go-cron", "golang.org/x/sync/..."}, why: "the engine knows stores and providers, no vendor"},
	"psa/bridge":  {own: []string{"psa", "cache", "conflict", "mapping", "internal/text"}, why: "never a vendor"},
	"psa/psatest": {own: []string{"psa", "internal/canary"}, third: []string{"github.com/google/go-cmp/..."}, why: "the suite binds every provider alike"},

	"connectwise": {own: adapter, why: adapterWhy},
	"autotask":    {own: adapter, why: adapterWhy},
	"halopsa":     {own: adapter, third: []string{"golang.org/x/sync/...", "golang.org/x/oauth2/..."}, why: adapterWhy},

	"connectwise/connectwisetest": {own: []string{"internal/simulator"}, why: simulatorWhy},
	"autotask/autotasktest":       {own: []string{"internal/simulator"}, why: simulatorWhy},
	"halopsa/halopsatest":         {own: []string{"internal/simulator"}, why: simulatorWhy},
	"internal/simulator":          {why: simulatorWhy},

	"internal/canary":          {why: "tests look for planted values with it; nothing of the SDK takes part, and no library but the suite links it"},
	"internal/canary/accounts": {own: []string{"internal/canary", "connectwise/connectwisetest", "autotask/autotasktest", "halopsa/halopsatest"}, why: "tests only"},

	"internal/rest": {own: []string{"psa"}, third: []string{"github.com/hashicorp/go-retryablehttp", "golang.org/x/sync/...", "golang.org/x/time/rate"}, why: "one HTTP core for all vendors"},

	"cache/sqlite":                 {own: []string{"psa", "cache", "cache/internal/sqlstore"}, why: "the user picks the engine"},
	"cache/internal/sqlstore":      {own: []string{"psa", "cache"}, why: "the user picks the engine"},
	"cache/cachetest":              {own: []string{"psa", "cache"}, third: []string{"github.com/google/go-cmp/..."}, why: "the suite binds every store alike"},
	"cache/enginetest":             {why: "its tests import engines; nobody imports it"},
	"internal/simulation":          {own: []string{"psa", "cache", "conflict", "mapping", "psa/bridge"}, why: "tests only; it proves the bridge against systems of its own"},
	"internal/simulation/simulate": {own: []string{"internal/simulation"}, why: "the command that runs histories, for tests and people"},
	"internal/adaptertest":         {own: []string{"psa", "psa/psatest", "internal/simulator"}, third: []string{"github.com/google/go-cmp/...", "github.com/jarcoal/httpmock"}, why: "what the tests of the adapters share, of no vendor"},
	"internal/text":                {why: "how both engines write values for people"},
	"internal/archtest":            {why: "rules only"},
	"internal/endtoend":            {why: "tests only"},
}

var (
	adapter = []string{"psa", "mapping", "internal/rest"}
)

const (
	adapterWhy   = "an importer of one vendor links that vendor only: no engine, no store, no other vendor"
	simulatorWhy = "a simulator is checked against the vendor's documents; sharing code with the adapter would hide errors of both"
)

// TestImports holds the rooms of the house apart.
func TestImports(t *testing.T) {
	for _, p := range allPackages(t) {
		name := p.short()
		if strings.HasPrefix(name, "examples/") {
			continue // programs may use everything
		}
		r, ok := importRules[name]
		if !ok {
			t.Errorf("%s: add it to importRules with the reason for its imports", name)
			continue
		}
		for _, imp := range p.Imports {
			own, isOwn := strings.CutPrefix(imp, module+"/")
			switch {
			case isOwn && !allowed(r.own, own):
				t.Errorf("%s must not import %s: %s", name, own, r.why)
			case !isOwn && strings.Contains(strings.Split(imp, "/")[0], ".") && !allowed(r.third, imp):
				t.Errorf("%s must not import %s: an importer stays light (%s)", name, imp, r.why)
			}
		}
	}
}

func allowed(list []string, path string) bool {
	return slices.ContainsFunc(list, func(a string) bool {
		below, tree := strings.CutSuffix(a, "/...")
		return a == path || tree && (path == below || strings.HasPrefix(path, below+"/"))
	})
}

// TestNoTestingInLibraries keeps the testing package out of every binary but
// tests: only the suites import it.
func TestNoTestingInLibraries(t *testing.T) {
	suites := []string{"psa/psatest", "cache/cachetest", "internal/adaptertest"}
	for _, p := range allPackages(t) {
		if slices.Contains(suites, p.short()) {
			continue
		}
		if slices.Contains(p.Deps, "testing") {
			t.Errorf("%s links the testing package", p.short())
		}
	}
}

// TestEnginesInTestsOnly keeps SQL engines out of the tests of packages that
// an importer imports, since module pruning looks at those tests too.
func TestEnginesInTestsOnly(t *testing.T) {
	for _, p := range allPackages(t) {
		name := p.short()
		if strings.HasPrefix(name, "examples/") || name == "cache/enginetest" || name == "internal/endtoend" {
			continue // no importer imports these
		}
		for _, imp := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if strings.HasPrefix(imp, "modernc.org/") || strings.HasPrefix(imp, "github.com/mattn/") {
				t.Errorf("%s or its tests import %s", name, imp)
			}
		}
	}
}
