package autotasktest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// apiError is an error answer. The vendor has four shapes: {"errors":[...]},
// {"Message":"..."} for a wrong method, an HTML page of IIS for a wrong route,
// and nothing.
type apiError struct {
	status  int
	errors  []string
	message string
	html    bool
}

func (e *apiError) Error() string { return strings.Join(append(e.errors, e.message), "; ") }

// failf is a refused request: validation and business errors are HTTP 500.
func failf(format string, args ...any) *apiError {
	return &apiError{status: http.StatusInternalServerError, errors: []string{fmt.Sprintf(format, args...)}}
}

// noEntity is the 403 of entities whose lack of a right shows.
func noEntity() *apiError {
	return &apiError{status: http.StatusForbidden, errors: []string{"The logged in Resource does not have the adequate permissions for this entity."}}
}

func noRoute() *apiError { return &apiError{status: http.StatusNotFound, html: true} }

func noMethod(method string) *apiError {
	return &apiError{status: http.StatusMethodNotAllowed, message: "The requested resource does not support http method '" + method + "'."}
}

// iisNotFound is what the web server in front of the API says.
const iisNotFound = `<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
<head><title>404 - File or directory not found.</title></head>
<body><div id="header"><h1>Server Error</h1></div><h2>404 - File or directory not found.</h2></body>
</html>
`

const jsonType = "application/json; charset=utf-8"

func writeError(w http.ResponseWriter, e *apiError) {
	switch {
	case e.html:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(e.status)
		_, _ = w.Write([]byte(iisNotFound)) // fails only when the client has left
	case e.message != "":
		writeJSON(w, e.status, map[string]string{"Message": e.message})
	case len(e.errors) > 0:
		writeJSON(w, e.status, map[string][]string{"errors": e.errors})
	default:
		w.WriteHeader(e.status)
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_, _ = w.Write(raw) // fails only when the client has left
}

// tooMany answers a request over the hour's limit. The vendor shows no sample
// of it; clients are known to handle 429 with Retry-After.
func tooMany(w http.ResponseWriter, _ *http.Request, wait time.Duration) {
	w.Header().Set("Retry-After", simulator.RetryAfter(wait))
	writeJSON(w, http.StatusTooManyRequests, map[string][]string{"errors": {"The number of external requests exceeds the threshold for this database."}})
}
