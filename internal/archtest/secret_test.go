package archtest

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var secretShapes = []*regexp.Regexp{
	regexp.MustCompile(`(?i)authorization["']?\s*[:=]\s*["']?(basic|bearer)\s+[A-Za-z0-9+/=_-]{20,}`),
	regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`),
	regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.`), // a signed token
	regexp.MustCompile(`AKIA[0-9A-Z]{16}`),
}

// hosts that fixtures may name: reserved names, and the vendors' own, which
// the adapters must know.
var hostOK = regexp.MustCompile(`(?i)(^|\.)(example|test|invalid|localhost)$|(^|\.)example\.(com|org|net)$|` +
	`(^|\.)myconnectwise\.net$|(^|\.)connectwisedev\.com$|(^|\.)autotask\.net$|(^|\.)halopsa\.com$|(^|\.)haloitsm\.com$|^127\.|^\[?::1`)

var urlHost = regexp.MustCompile(`https?://([A-Za-z0-9.-]+|\[[0-9a-f:]+\])`)

// TestFixturesHoldNoSecret reads every fixture and recording.
func TestFixturesHoldNoSecret(t *testing.T) {
	for _, name := range files(t) {
		b, err := os.ReadFile(filepath.Join(root(), name))
		if os.IsNotExist(err) {
			continue // deleted, not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, re := range secretShapes {
			if m := re.Find(b); m != nil {
				t.Errorf("%s: looks like a secret: %.12s...", name, m)
			}
		}
		if !strings.Contains(name, "testdata/") || bytes.IndexByte(b, 0) >= 0 {
			continue
		}
		for _, m := range urlHost.FindAllSubmatch(b, -1) {
			if host := string(m[1]); !hostOK.MatchString(host) {
				t.Errorf("%s: names the host %s; use a reserved one such as msp.example", name, host)
			}
		}
	}
}
