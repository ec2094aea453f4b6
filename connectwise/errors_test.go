package connectwise

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

func TestClassify(t *testing.T) {
	html := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	for _, tt := range []struct {
		name   string
		status int
		header http.Header
		body   string
		class  error // nil: a good answer
		cause  error
		detail string // part of the error's text
	}{
		{name: "row", status: 200, body: `{"id":1,"name":"x"}`},
		{name: "row with a code of its own", status: 200, body: `{"id":1,"code":"X","message":"y"}`},
		{name: "null", status: 200, body: `null`},
		{name: "login page", status: 200, header: html, body: "<!DOCTYPE html>", class: psa.ErrData},
		{name: "page without a type", status: 200, body: "\ufeff\n <html>", class: psa.ErrData},
		{name: "host of the user interface", status: 200, body: `{"code":"Security","message":"SSL is required.","errors":null}`, class: psa.ErrData, cause: errMisrouted, detail: "SSL is required"},
		{name: "validation", status: 400, body: `{"code":"InvalidObject","message":"ticket object is invalid","errors":[{"code":"MissingRequiredField","message":"The summary field is required.","resource":"ticket","field":"summary"}]}`, class: psa.ErrInvalid, detail: "summary field is required"},
		{name: "condition", status: 400, body: `{"code":"ApiFindCondition","message":"foo is not a recognized name."}`, class: psa.ErrInvalid, cause: errCondition, detail: "foo is not a recognized name"},
		{name: "enum", status: 400, body: `{"code":"ConnectWiseApi","message":"Enum value supplied was invalid"}`, class: psa.ErrInvalid, cause: errCondition},
		{name: "route", status: 400, body: "Cannot route. Codebase/company is invalid", class: psa.ErrAuth, cause: errMisrouted},
		{name: "version", status: 400, body: `{"code":"ConnectWiseApi","message":"The HTTP resource that matches the request URI 'https://x/y?conditions=secret' does not support the API version '0.0'."}`, class: psa.ErrUnsupported},
		{name: "keys", status: 401, body: `{"code":"ConnectWiseApi","message":"UserNotAuthenticated"}`, class: psa.ErrAuth},
		{name: "nothing said", status: 401, class: psa.ErrAuth},
		{name: "right", status: 403, body: `{"code":"Security","message":"You do not have permission."}`, class: psa.ErrDenied},
		{name: "clientId", status: 403, body: `{"code":"Unauthorized","message":"A clientId is required."}`, class: psa.ErrAuth, detail: "clientId"},
		{name: "keys as 403", status: 403, body: `{"code":"ConnectWiseApi","message":"UserNotAuthenticated"}`, class: psa.ErrAuth},
		{name: "firewall", status: 403, header: html, body: "<html>denied</html>", class: psa.ErrDenied},
		{name: "row that is gone", status: 404, body: `{"code":"NotFound","message":"Ticket 48999 not found"}`, class: psa.ErrNotFound},
		{name: "endpoint", status: 404, body: `{"code":"ConnectWiseApi","message":"The endpoint does not exist."}`, class: psa.ErrUnsupported, cause: errMisrouted},
		{name: "page of a web server", status: 404, header: html, body: "<html>404</html>", class: psa.ErrData, cause: errMisrouted},
		{name: "bare 404", status: 404, class: psa.ErrData, cause: errMisrouted},
		{name: "method", status: 405, class: psa.ErrUnsupported},
		{name: "in use", status: 409, body: `{"code":"Conflict","message":"The record is in use."}`, class: psa.ErrConflict},
		{name: "long address", status: 414, body: "Request-URI Too Long", class: psa.ErrInvalid},
		{name: "media type", status: 415, class: psa.ErrInvalid},
		{name: "too many", status: 429, body: `{"error":"ConnectWiseAPI","message":"Too many requests. Please try again in 30 seconds."}`, class: psa.ErrRateLimited, detail: "30 seconds"},
		{name: "timeout of a query", status: 500, body: `{"code":"ConnectWiseApi","message":"A timeout has occured. Please try again."}`, class: psa.ErrTimeout}, //nolint:misspell // the vendor spells it so
		{name: "client's mistake", status: 500, body: `{"code":"ConnectWiseApi","message":"String was not recognized as a valid Boolean."}`, class: psa.ErrInvalid},
		{name: "server", status: 500, class: psa.ErrUnavailable},
		{name: "gateway", status: 502, header: html, body: "<html>bad gateway</html>", class: psa.ErrUnavailable},
		{name: "maintenance", status: 503, class: psa.ErrUnavailable},
		{name: "gateway timeout", status: 504, class: psa.ErrTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := tt.header
			if h == nil {
				h = http.Header{}
			}
			err := classify(&rest.Response{Status: tt.status, Header: h, Body: []byte(tt.body), Op: "list board"})
			if tt.class == nil {
				if err != nil {
					t.Fatalf("%v, want a good answer", err)
				}
				return
			}
			if got := psa.ErrorClass(err); !errors.Is(got, tt.class) {
				t.Fatalf("class %v of %v, want %v", got, err, tt.class)
			}
			if errors.Is(err, errMisrouted) != errors.Is(tt.cause, errMisrouted) || errors.Is(err, errCondition) != errors.Is(tt.cause, errCondition) {
				t.Errorf("cause of %v, want %v", err, tt.cause)
			}
			if !strings.Contains(err.Error(), tt.detail) {
				t.Errorf("%q does not say %q", err, tt.detail)
			}
			for _, payload := range []string{"<html", "secret"} {
				if strings.Contains(err.Error(), payload) {
					t.Errorf("%q holds %q", err, payload)
				}
			}
			var api *APIError
			if !errors.As(err, &api) || api.Status != tt.status {
				t.Errorf("%v holds no APIError of status %d", err, tt.status)
			}
		})
	}
}

func TestAPIError(t *testing.T) {
	err := classify(&rest.Response{
		Status: 400, Header: http.Header{"X-Cw-Request-Id": {"6dd82302-0000-47c0-8c84-702868125b76"}},
		Body: []byte(`{"code":"InvalidObject","message":"contact object is invalid","errors":[{"code":"InvalidField","message":"no","field":"title"},{"code":"ObjectExists","message":"'Jo Doe' exists","field":"name"}]}`),
	})
	var api *APIError
	if !errors.As(err, &api) {
		t.Fatal(err)
	}
	want := &APIError{Status: 400, Code: "InvalidObject", RequestID: "6dd82302-0000-47c0-8c84-702868125b76", Fields: []FieldError{{"InvalidField", "title"}, {"ObjectExists", "name"}}}
	if diff := cmp.Diff(want, api); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, want := api.Error(), "HTTP 400 InvalidObject (title: InvalidField, name: ObjectExists)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if strings.Contains(err.Error(), "Jo Doe") {
		t.Errorf("%q repeats a value", err)
	}
}
