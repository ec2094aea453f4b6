package autotask

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// An APIError is what Autotask said about a refused request. It is the cause
// inside a [psa.Error], to be found with errors.As; classes are tested with
// errors.Is and the psa.Err values.
type APIError struct {
	Status   int      // of the HTTP answer
	Messages []string // in Autotask's words, without the values they quote
}

// Error returns the status; the words stand in psa.Error.Detail.
func (e *APIError) Error() string { return fmt.Sprintf("HTTP %d", e.Status) }

// errThreads is the cause of a request that was one too many for its endpoint.
var errThreads = errors.New("too many requests to one endpoint at the same moment")

// threadPause is the wait after errThreads, which holds up everything that
// uses the budget: other programs with the same integration code are busy.
const threadPause = 2 * time.Second

// The shapes of an error body: a list of texts (or of objects with a message),
// and the one of the web server.
type errorBody struct {
	Errors  []json.RawMessage `json:"errors"`
	Message string            `json:"Message"`
}

func (b errorBody) messages() []string {
	var all []string
	for _, raw := range b.Errors {
		var text string
		var object struct {
			Message string `json:"message"`
		}
		if json.Unmarshal(raw, &text) != nil && json.Unmarshal(raw, &object) == nil {
			text = object.Message
		}
		all = append(all, text)
	}
	if b.Message != "" {
		all = append(all, b.Message)
	}
	return all
}

// classify turns an answer into an error, or nil for a good one.
func classify(r *rest.Response) error {
	if r.Status >= 200 && r.Status < 300 {
		if r.IsHTML() {
			return vendorError(r, nil, psa.ErrData, "a web page instead of JSON")
		}
		return nil
	}
	body, isJSON := parseError(r.Body)
	messages := body.messages()
	detail := strings.Join(messages, " ")
	switch {
	case isJSON:
	case r.IsHTML():
		detail = "a web page instead of JSON"
	default:
		detail = string(r.Body)
	}
	return vendorError(r, messages, class(r, body, strings.ToLower(detail)), detail)
}

// class maps status and body to an error class; text is in lower case.
//
// Autotask answers 500 to everything that it understood and refused, with the
// reasons in errors; a 500 without them is a failure that may pass.
func class(r *rest.Response, body errorBody, text string) error {
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	if says("itgenatr005", "thread threshold") || says("external requests") && says("threshold") {
		return psa.ErrRateLimited // whatever the status
	}
	switch r.Status {
	case http.StatusUnauthorized:
		return psa.ErrAuth
	case http.StatusForbidden:
		return psa.ErrDenied
	case http.StatusNotFound:
		// The web server's page is about the address. Only the API itself
		// says that a row is missing.
		if r.IsHTML() {
			return psa.ErrUnsupported
		}
		return psa.ErrNotFound
	case http.StatusMethodNotAllowed:
		return psa.ErrUnsupported
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return psa.ErrTimeout
	case http.StatusConflict:
		return psa.ErrConflict
	case http.StatusTooManyRequests:
		return psa.ErrRateLimited
	}
	switch {
	case says("adequate permission", "required permission"):
		return psa.ErrDenied
	case r.Status >= 500 && says("deadlock", "timeout expired", "timed out"):
		return psa.ErrTimeout
	case r.Status >= 500 && len(body.Errors) == 0:
		return psa.ErrUnavailable
	case r.Status >= 400:
		return psa.ErrInvalid
	}
	return psa.ErrData
}

func vendorError(r *rest.Response, messages []string, code error, detail string) error {
	api := &APIError{Status: r.Status}
	for _, m := range messages {
		api.Messages = append(api.Messages, clean(m, 200))
	}
	e := &psa.Error{Provider: name, Op: r.Op, Ref: r.Ref, Code: code, Detail: clean(detail, 200), Err: api}
	if low := strings.ToLower(detail); errors.Is(code, psa.ErrRateLimited) && (strings.Contains(low, "itgenatr005") || strings.Contains(low, "thread threshold")) {
		e.RetryAfter, e.Err = threadPause, errors.Join(api, errThreads)
	}
	return e
}

func parseError(b []byte) (errorBody, bool) {
	var e errorBody
	if b = bytes.TrimSpace(b); len(b) == 0 || b[0] != '{' || json.Unmarshal(b, &e) != nil {
		return errorBody{}, false
	}
	return e, true
}

// quoted is a value that the vendor repeats, in quotes or brackets.
var quoted = regexp.MustCompile(`"[^"]*"|(^|\s)'[^']*'|\[[^\]]*\]`)

// clean makes the vendor's words fit for an error text; see [rest.Clean].
func clean(s string, limit int) string { return rest.Clean(s, limit, quoted) }
