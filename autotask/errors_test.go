package autotask

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
	html := http.Header{"Content-Type": {"text/html"}}
	for _, tt := range []struct {
		name   string
		status int
		header http.Header
		body   string
		class  error  // nil: a good answer
		detail string // part of the error's text
	}{
		{name: "page", status: 200, body: `{"items":[],"pageDetails":{}}`},
		{name: "page with errors in a row", status: 200, body: `{"items":[{"errors":["x"]}],"pageDetails":{}}`},
		{name: "login page", status: 200, header: html, body: "<!DOCTYPE html>", class: psa.ErrData},
		{name: "page without a type", status: 200, body: "\n <html>", class: psa.ErrData},
		{name: "login, nothing said", status: 401, class: psa.ErrAuth},
		{name: "right", status: 403, body: `{"errors":["The logged in Resource does not have the adequate permissions for this entity."]}`, class: psa.ErrDenied},
		{name: "right, as 500", status: 500, body: `{"errors":["The logged in Resource may not have the required permissions to delete the data."]}`, class: psa.ErrDenied, detail: "required permissions"},
		{name: "validation", status: 500, body: `{"errors":["Picklist value [99] does not exist for priority.","title is required"]}`, class: psa.ErrInvalid, detail: "does not exist for priority. title is required"},
		{name: "validation in objects", status: 500, body: `{"errors":[{"message":"Unable to find foo in the Ticket Entity."}]}`, class: psa.ErrInvalid, detail: "Unable to find foo"},
		{name: "nothing said", status: 500, class: psa.ErrUnavailable},
		{name: "no reasons", status: 500, body: `{"Message":"An error has occurred."}`, class: psa.ErrUnavailable, detail: "An error has occurred"},
		{name: "empty reasons", status: 500, body: `{"errors":[]}`, class: psa.ErrUnavailable},
		{name: "page of a web server", status: 500, header: html, body: "<html>Runtime Error</html>", class: psa.ErrUnavailable},
		{name: "database is busy", status: 500, body: `{"errors":["Transaction (Process ID 7) was deadlocked on lock resources. Rerun the transaction."]}`, class: psa.ErrTimeout},
		{name: "database is slow", status: 500, body: `{"errors":["Timeout expired. The timeout period elapsed prior to completion."]}`, class: psa.ErrTimeout},
		{name: "threads", status: 500, body: `{"errors":["Itgenatr005: Thread Threshold Exceeded."]}`, class: psa.ErrRateLimited},
		{name: "threads, as 403", status: 403, body: `{"errors":["Thread threshold exceeded"]}`, class: psa.ErrRateLimited},
		{name: "quota", status: 500, body: `{"errors":["The number of external requests exceeds the threshold for this database."]}`, class: psa.ErrRateLimited},
		{name: "too many", status: 429, class: psa.ErrRateLimited},
		{name: "row that is gone", status: 404, class: psa.ErrNotFound},
		{name: "address", status: 404, header: html, body: "<html>404 - File or directory not found.</html>", class: psa.ErrUnsupported, detail: "a web page"},
		{name: "method", status: 405, body: `{"Message":"The requested resource does not support http method 'GET'."}`, class: psa.ErrUnsupported, detail: "does not support http method"},
		{name: "conflict", status: 409, class: psa.ErrConflict},
		{name: "query", status: 400, body: `{"errors":["Invalid query syntax."]}`, class: psa.ErrInvalid},
		{name: "gateway", status: 502, header: html, body: "<html>bad gateway</html>", class: psa.ErrUnavailable},
		{name: "maintenance", status: 503, class: psa.ErrUnavailable},
		{name: "gateway timeout", status: 504, class: psa.ErrTimeout},
		{name: "redirect", status: 304, class: psa.ErrData},
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
				t.Errorf("%v is %v, want %v", err, got, tt.class)
			}
			var api *APIError
			if !errors.As(err, &api) || api.Status != tt.status {
				t.Errorf("%v holds no APIError of status %d", err, tt.status)
			}
			if !strings.Contains(err.Error(), tt.detail) || strings.Contains(err.Error(), "html>") {
				t.Errorf("%v does not say %q, or quotes a page", err, tt.detail)
			}
			if errors.Is(err, errThreads) != strings.Contains(tt.name, "threads") || errors.Is(err, errThreads) && psa.RetryAfter(err) != threadPause {
				t.Errorf("%v: threads %v, retry after %s", err, errors.Is(err, errThreads), psa.RetryAfter(err))
			}
		})
	}
}

// The vendor repeats values in brackets and quotes.
func TestErrorsQuoteNothing(t *testing.T) {
	err := classify(&rest.Response{Status: 500, Header: http.Header{}, Body: []byte(
		`{"errors":["A ContactGroup already exists with Name [Board of Harbor Dental]\nand \"secret words\"","second 'third' [x]"]}`)})
	var api *APIError
	if !errors.As(err, &api) {
		t.Fatal(err)
	}
	want := []string{`A ContactGroup already exists with Name "…" and "…"`, `second "…" "…"`}
	if diff := cmp.Diff(want, api.Messages); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, word := range []string{"Harbor", "secret words", "third"} {
		if strings.Contains(err.Error(), word) {
			t.Errorf("%v quotes %q", err, word)
		}
	}
}
