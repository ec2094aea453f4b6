package endtoend

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/halopsa"
)

// TestCredentialsAreNotWritten prints and logs credentials in every way, also as
// a part of something else.
func TestCredentialsAreNotWritten(t *testing.T) {
	for name, creds := range map[string]any{
		"connectwise": connectwise.Credentials{PublicKey: "canary-1", PrivateKey: "canary-2"},
		"autotask":    autotask.Credentials{IntegrationCode: "canary-1", UserName: "canary-2", Secret: "canary-3"},
		"halopsa":     halopsa.Credentials{ClientID: "canary-1", ClientSecret: "canary-2"},
	} {
		w := newWatch(t)
		for _, v := range []any{creds, []any{creds}, map[string]any{"x": creds}, struct{ C any }{creds}} {
			w.value(inLog, v)
			w.logger().Info("signing in", "creds", v)
			slog.New(slog.NewJSONHandler(w.writer(inLog), nil)).Info("signing in", "creds", v)
		}
		said := w.held(inLog)
		if strings.Contains(said, "canary-") || strings.Count(said, name+".Credentials{…}") < 12 {
			t.Errorf("%s: %s", name, said)
		}
	}
	var c connectwise.Credentials // as a host may keep them in a file
	if err := json.Unmarshal([]byte(`{"PublicKey":"a","PrivateKey":"b"}`), &c); err != nil || c.PublicKey != "a" || c.PrivateKey != "b" {
		t.Error(err)
	}
}
