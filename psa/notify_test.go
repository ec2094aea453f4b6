package psa_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/psasync/psasync/psa"
)

func TestNotifyAsText(t *testing.T) {
	type doc struct {
		Notify psa.Notify `json:"notify,omitempty"`
	}
	for n, want := range map[psa.Notify]string{
		psa.NotifyNone: `{}`, psa.NotifyContact: `{"notify":"contact"}`, psa.NotifyResources: `{"notify":"resources"}`,
		psa.NotifyContact | psa.NotifyResources: `{"notify":"contact,resources"}`,
	} {
		b, err := json.Marshal(doc{n})
		if err != nil || string(b) != want {
			t.Errorf("%s: %s, %v, want %s", n, b, err, want)
		}
		var back doc
		if err := json.Unmarshal(b, &back); err != nil || back.Notify != n {
			t.Errorf("%s: back as %s, %v", b, back.Notify, err)
		}
	}
	if _, err := json.Marshal(doc{4}); !errors.Is(err, psa.ErrInvalid) {
		t.Errorf("an unknown value: %v", err)
	}
	for in, want := range map[string]psa.Notify{
		`0`: 0, `1`: 1, `2`: 2, `3`: 3, `"none"`: 0, `"contact"`: 1, `"resources,contact"`: 3, `"2"`: 2, `null`: 0,
	} {
		var got psa.Notify
		if err := json.Unmarshal([]byte(in), &got); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{`4`, `-1`, `256`, `1.5`, `"all"`, `"contact,contact"`, `"contact,"`, `""`, `true`, `[]`, `{}`} {
		got := psa.NotifyResources
		if err := json.Unmarshal([]byte(in), &got); err == nil || got != psa.NotifyResources {
			t.Errorf("%s: %s, %v, want an error", in, got, err)
		}
	}
}
