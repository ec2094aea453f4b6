package halopsa_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/psa"
)

// The shapes of error bodies, for a request that reads one row, and what is
// said about them. No value that the vendor repeats is told.
func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		class  error
		detail string
		api    halopsa.APIError
	}{
		{
			"binding", 400, `{"[0].outcome_id":["Could not convert string to integer: s3cret. Path '[0].outcome_id', line 1, position 139."]}`,
			psa.ErrInvalid, "Could not convert string to integer: ….", halopsa.APIError{Status: 400, Fields: []string{"[0].outcome_id"}},
		},
		{
			"several fields", 400, `{"b":["is bad"],"a":["is worse","than \"s3cret\""]}`,
			psa.ErrInvalid, `is worse than "…" is bad`, halopsa.APIError{Status: 400, Fields: []string{"a", "b"}},
		},
		{"one key", 400, `{"id":"Please select a Site"}`, psa.ErrInvalid, "Please select a Site", halopsa.APIError{Status: 400, Fields: []string{"id"}}},
		{"text in quotes", 400, `"An Outcome must be entered for this Action"`, psa.ErrInvalid, "An Outcome must be entered for this Action", halopsa.APIError{Status: 400}},
		{"no access", 400, `"You do not have access to this Action at the moment"`, psa.ErrDenied, "You do not have access to this Action at the moment", halopsa.APIError{Status: 400}},
		{
			"exception", 500, `{"ClassName":"System.Exception","Message":"Object reference not set","Data":null}`,
			psa.ErrUnavailable, "Object reference not set", halopsa.APIError{Status: 500, Code: "System.Exception"},
		},
		{"timeout inside", 500, `{"Message":"Execution Timeout expired: it timed out"}`, psa.ErrTimeout, "Execution Timeout expired: it timed out", halopsa.APIError{Status: 500}},
		{"message", 403, `{"message":"No permission"}`, psa.ErrDenied, "No permission", halopsa.APIError{Status: 403}},
		{"oauth", 403, `{"error":"insufficient_scope","error_description":"The scope is missing"}`, psa.ErrDenied, "The scope is missing", halopsa.APIError{Status: 403, Code: "insufficient_scope"}},
		{"oauth inside", 403, `{"error":{"error":"x","error_description":"The scope is missing"}}`, psa.ErrDenied, "The scope is missing", halopsa.APIError{Status: 403, Code: "x"}},
		{"result code", 400, `{"resultCode":17,"errorMessage":"Nope"}`, psa.ErrInvalid, "Nope", halopsa.APIError{Status: 400, Code: "17"}},
		{"plain text", 429, "Rate Limit Reached - 700 Requests per rolling 5 minute window.", psa.ErrRateLimited, "Rate Limit Reached - 700 Requests per rolling 5 minute window.", halopsa.APIError{Status: 429}},
		{"page", 504, "<html><h1>504 Gateway Time-out</h1></html>", psa.ErrTimeout, "", halopsa.APIError{Status: 504}},
		{"nothing", 502, "", psa.ErrUnavailable, "", halopsa.APIError{Status: 502}},
		{"list", 409, "[1,2]", psa.ErrConflict, "", halopsa.APIError{Status: 409}},
		{"row is gone", 404, `{"ClassName":"System.Exception","Message":"The requested item could not be found."}`, psa.ErrNotFound, "The requested item could not be found.", halopsa.APIError{Status: 404, Code: "System.Exception"}},
		{"no such call", 405, "", psa.ErrUnsupported, "", halopsa.APIError{Status: 405}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, mock := mocked(t, nil)
			mock.RegisterNoResponder(answer(tt.status, tt.body))
			_, err := p.Get(t.Context(), psa.Ref{Kind: psa.KindSLA, ID: "3"})
			if !errors.Is(err, tt.class) {
				t.Fatalf("%v, want %v", err, tt.class)
			}
			var e *psa.Error
			var api *halopsa.APIError
			if !errors.As(err, &e) || !errors.As(err, &api) {
				t.Fatalf("%T holds no psa.Error and APIError", err)
			}
			if got := strings.ReplaceAll(e.Detail, " Path [0].outcome_id, line 1, position 139.", ""); !strings.HasPrefix(got, tt.detail) {
				t.Errorf("detail %q, want %q", e.Detail, tt.detail)
			}
			if diff := cmp.Diff(&tt.api, api); diff != "" {
				t.Error(diff)
			}
			if e.Ref.ID != "3" || e.Op != "get sla" || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "<h") {
				t.Errorf("%v", err)
			}
			if psa.Advice(err) == "" {
				t.Error("no advice")
			}
		})
	}
}

// A collection that a build does not have is no row that is gone.
func TestNoSuchList(t *testing.T) {
	p, mock := mocked(t, nil)
	mock.RegisterNoResponder(answer(404, ""))
	if err := slas(t.Context(), p); !errors.Is(err, psa.ErrUnsupported) || errors.Is(err, psa.ErrNotFound) {
		t.Errorf("%v, want %v", err, psa.ErrUnsupported)
	}
}

// A lookup list that was renamed is found by its configured number only.
func TestLookupsByName(t *testing.T) {
	for _, tt := range []struct {
		lists string
		class error
	}{
		{`[{"id":23,"name":"Request Source"}]`, nil},
		{`[{"id":23,"name":" request source"},{"id":24,"name":"Source"}]`, nil},
		{`[{"id":23,"name":"Where from"}]`, psa.ErrUnsupported},
		{`[]`, psa.ErrUnsupported},
		{`[{"id":"x","name":"Request Source"}]`, psa.ErrData},
	} {
		p, mock := mocked(t, nil)
		mock.RegisterResponder("GET", "https://acme.halopsa.com/api/Lookup?lookupid=11&showallcodes=true", answer(200, tt.lists))
		mock.RegisterResponder("GET", "https://acme.halopsa.com/api/Lookup?lookupid=23&showallcodes=true", answer(200, `[{"id":1,"name":"Mail"}]`))
		n := 0
		var failed error
		for _, err := range p.List(t.Context(), psa.KindTicketSource, psa.Query{}) {
			if failed = err; err == nil {
				n++
			}
		}
		if !errors.Is(failed, tt.class) || tt.class == nil && n != 1 {
			t.Errorf("%s: %d rows, %v, want %v", tt.lists, n, failed, tt.class)
		}
		if errors.Is(tt.class, psa.ErrUnsupported) && !strings.Contains(failed.Error(), "Config.Lookups") {
			t.Errorf("%v does not say what to do", failed)
		}
	}
}
