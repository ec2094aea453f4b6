package rest

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/psasync/psasync/psa"
	"pgregory.net/rapid"
)

const note = "Their contract ends in May;\r\n\r\ndon't tell them \"yet\" & call the höchste Instanz."

// TestVeil sends credentials and a text, which the server repeats.
func TestVeil(t *testing.T) {
	body, err := json.Marshal(map[string]any{"text": note, "member": map[string]any{"id": 3}, "hours": 0.5, "short": "insolvent"})
	if err != nil {
		t.Fatal(err)
	}
	inJSON, err := json.Marshal(note)
	if err != nil {
		t.Fatal(err)
	}
	for name, said := range map[string]string{
		"note":           "The value " + note + " is too long.",
		"half of it":     "The value " + note[:40] + "...",
		"in HTML":        "The value " + html.EscapeString(note),
		"on one row":     "The value " + strings.Join(strings.Fields(note), " "),
		"short":          "The value insolvent is none",
		"key":            "s&cret+key/7 is refused",
		"key in a query": url.QueryEscape("s&cret+key/7") + " is refused",
		"key in base64":  base64.StdEncoding.EncodeToString([]byte("s&cret+key/7")) + " is refused",
		"key in hex":     hex.EncodeToString([]byte("s&cret+key/7")) + " is refused",
		"string":         string(inJSON),
		"object":         `{"message":` + string(inJSON) + `,"s&cret+key/7":["` + url.PathEscape("s&cret+key/7") + `"],"n":12345678901234567890}`,
	} {
		var seen []string
		var judged *Response
		s := &script{t: t, replies: []reply{{status: 400, body: said, header: map[string]string{"X-Request-Id": strings.Join(strings.Fields(said), " ")}}}}
		c := newTestClient(t, Config{
			Transport: s, Retry: Retry{Max: -1},
			Authorize: func(_ context.Context, r *http.Request) error { r.Header.Set("Secret", "s&cret+key/7"); return nil },
			Classify: func(r *Response) error {
				judged = r
				return &psa.Error{Code: psa.ErrInvalid, Detail: string(r.Body), Err: fmt.Errorf("told: %s", r.Body)}
			},
		})
		trace := psa.Trace{OnRequest: func(r psa.Request) { seen = append(seen, fmt.Sprintf("%v %+v", r.Err, r)) }}
		_, err := c.Do(psa.WithTrace(t.Context(), &trace), Request{Method: http.MethodPost, Path: "/notes", Body: body})
		seen = append(seen, fmt.Sprintf("%v %+v", err, err), string(judged.Body), fmt.Sprint(judged.Header))
		for _, text := range seen {
			text = strings.Join(strings.Fields(html.UnescapeString(text)), " ")
			for _, part := range []string{"contract ends", "in May", "Instanz", "insolvent", "cret+key", "cret%2B", "cyZjcmV0", "7326637265"} {
				if strings.Contains(text, part) {
					t.Errorf("%s: %q is told in %q", name, part, text)
				}
			}
		}
		if !strings.Contains(seen[0], gone) {
			t.Errorf("%s: nothing is left: %q", name, seen[0])
		}
		if name == "object" && !strings.Contains(string(judged.Body), "12345678901234567890") {
			t.Errorf("a number was changed: %s", judged.Body)
		}
	}
}

// TestVeilLeavesTheRest: names of fields and the vendor's own words are needed
// to mend what is wrong.
func TestVeilLeavesTheRest(t *testing.T) {
	patch := Request{Method: http.MethodPatch, Body: []byte(`[{"op":"replace","path":"/requiredDateUtc","value":"tomorrow at noon"}]`)}
	filter := Request{Method: http.MethodPost, Safe: true, Body: []byte(`{"filter":[{"op":"gt","field":"lastTrackedModification","value":"2026-01-01T00:00:00Z"}]}`)}
	form := Request{Method: http.MethodPost, Safe: true, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte("client_secret=abcd-efgh&scope=all")}
	for _, c := range []struct {
		r        *Request
		in, want string
	}{
		{&patch, "requiredDateUtc cannot be tomorrow at noon", "requiredDateUtc cannot be " + gone},
		{&filter, "Unable to find lastTrackedModification", "Unable to find lastTrackedModification"},
		{&form, "invalid_client: abcd-efgh", "invalid_client: " + gone},
		{&Request{Method: http.MethodPost, Body: []byte(`{"title":"test","fields":[{"name":"Serial number","value":"ABCD-1"}]}`)}, "the latest test of Serial number ABCD-1", "the latest " + gone + " of Serial number " + gone},
		{&Request{}, "The summary field is required.", "The summary field is required."},
	} {
		if got := newVeil([]string{"s3cret"}, c.r).hide(c.in); got != c.want {
			t.Errorf("%q became %q, want %q", c.in, got, c.want)
		}
	}
	v := newVeil(nil, &patch)
	if in := []byte(`{"b":1.50,"a":"fine"}`); string(v.body(in)) != string(in) {
		t.Errorf("%s", v.body(in))
	}
}

// TestVeilHidesAllRuns: no part of a text of some length comes through, whatever
// stands around it.
func TestVeilHidesAllRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-zäöß ]{20,60}`).Draw(t, "text")
		before, after := rapid.String().Draw(t, "before"), rapid.String().Draw(t, "after")
		b, err := json.Marshal(map[string]string{"text": text})
		if err != nil {
			t.Fatal(err)
		}
		got := newVeil(nil, &Request{Body: b}).hide(before + text + after)
		if strings.Contains(got, text[:run]) && !strings.Contains(before+after, text[:run]) || strings.Contains(got, text) {
			t.Errorf("%q in %q", text, got)
		}
	})
}
