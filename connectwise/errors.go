package connectwise

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// An APIError is what ConnectWise said about a refused request. It is the
// cause inside a [psa.Error], to be found with errors.As; classes are tested
// with errors.Is and the psa.Err values.
type APIError struct {
	Status    int          // of the HTTP answer
	Code      string       // e.g. "InvalidObject"; "" where the answer had none
	RequestID string       // ConnectWise's name for the request, for its support; may be ""
	Fields    []FieldError // what is wrong with single fields
}

// A FieldError is what ConnectWise said about one field.
type FieldError struct {
	Code  string // e.g. "MissingRequiredField"
	Field string // vendor's name
}

// Error returns status, code and fields, never a value.
func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP %d", e.Status)
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	for i, f := range e.Fields {
		sep := ", "
		if i == 0 {
			sep = " ("
		}
		b.WriteString(sep + f.Field + ": " + f.Code)
	}
	if len(e.Fields) > 0 {
		b.WriteByte(')')
	}
	return b.String()
}

// Causes that this package reacts to.
var (
	errMisrouted = errors.New("the request reached no endpoint")    // wrong codebase, company or path
	errCondition = errors.New("a name or value was not recognised") // in conditions, fields or orderBy
)

// The two shapes of an error body: ErrorResponseMessage, and the one of the
// rate limiter, which has error instead of code.
type errorBody struct {
	Code    string        `json:"code"`
	Error   string        `json:"error"`
	Message string        `json:"message"`
	Errors  []vendorField `json:"errors"`
}

type vendorField struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field"`
}

// classify turns an answer into an error, or nil for a good one.
func classify(r *rest.Response) error {
	body, isJSON := parseError(r.Body)
	if r.Status >= 200 && r.Status < 300 {
		switch {
		case r.IsHTML():
			return vendorError(r, body, psa.ErrData, "a web page instead of JSON", nil)
		case isJSON && body.Code == "Security": // the host of the user interface, or plain http
			return vendorError(r, body, psa.ErrData, body.Message, errMisrouted)
		}
		return nil
	}
	detail := body.Message
	for _, f := range body.Errors {
		detail += " " + f.Message
	}
	if !isJSON {
		if detail = "a web page instead of JSON"; !r.IsHTML() {
			detail = string(r.Body)
		}
	}
	code, cause := class(r, body, isJSON, strings.ToLower(detail))
	return vendorError(r, body, code, detail, cause)
}

// class maps status and body to an error class; text is in lower case.
func class(r *rest.Response, body errorBody, isJSON bool, text string) (code, cause error) {
	switch r.Status {
	case http.StatusBadRequest:
		switch {
		case strings.Contains(text, "cannot route"):
			// The company is part of the login, so this is no missing row.
			return psa.ErrAuth, errMisrouted
		case body.Code == "ApiFindCondition", strings.Contains(text, "recognized name"), strings.Contains(text, "enum value supplied"):
			return psa.ErrInvalid, errCondition
		case strings.Contains(text, "api version"):
			return psa.ErrUnsupported, nil
		case len(body.Errors) > 0 && !slices.ContainsFunc(body.Errors, func(f vendorField) bool { return f.Code != "ObjectExists" }):
			return psa.ErrConflict, nil // nothing is wrong but that there is such a row
		}
		return psa.ErrInvalid, nil
	case http.StatusUnauthorized:
		return psa.ErrAuth, nil
	case http.StatusForbidden:
		// Reported for a missing clientId too; UserNotAuthenticated is about
		// keys, not about rights.
		if strings.Contains(text, "clientid") || strings.Contains(text, "client id") || strings.Contains(text, "usernotauthenticated") {
			return psa.ErrAuth, nil
		}
		return psa.ErrDenied, nil
	case http.StatusNotFound:
		// Only the vendor's own "not found" proves that a row is gone. On a
		// cloud host a stale codebase and refused keys answer 404 as well.
		switch {
		case isJSON && strings.EqualFold(body.Code, "NotFound"):
			return psa.ErrNotFound, nil
		case isJSON && strings.Contains(text, "endpoint does not exist"), strings.Contains(text, "api version"):
			return psa.ErrUnsupported, errMisrouted
		}
		return psa.ErrData, errMisrouted
	case http.StatusMethodNotAllowed:
		return psa.ErrUnsupported, nil
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return psa.ErrTimeout, nil
	case http.StatusConflict:
		return psa.ErrConflict, nil
	case http.StatusTooManyRequests:
		return psa.ErrRateLimited, nil
	}
	switch {
	case r.Status >= 500 && (strings.Contains(text, "timeout") || strings.Contains(text, "timed out")):
		return psa.ErrTimeout, nil // of a query
	case r.Status >= 500 && strings.Contains(text, "was not recognized as a valid"):
		return psa.ErrInvalid, nil // a client's mistake that the server did not catch
	case r.Status >= 500:
		return psa.ErrUnavailable, nil
	case r.Status >= 400:
		return psa.ErrInvalid, nil // 414 URL too long, 415 wrong media type
	}
	return psa.ErrData, nil
}

func vendorError(r *rest.Response, body errorBody, code error, detail string, cause error) error {
	api := &APIError{Status: r.Status, Code: body.Code, RequestID: clean(r.Header.Get("x-cw-request-id"), 64)}
	if api.Code == "" {
		api.Code = body.Error
	}
	api.Code = clean(api.Code, 64)
	for _, f := range body.Errors {
		api.Fields = append(api.Fields, FieldError{Code: clean(f.Code, 64), Field: clean(f.Field, 64)})
	}
	err := error(api)
	if cause != nil {
		err = &routedError{APIError: api, cause: cause}
	}
	return &psa.Error{Provider: name, Op: r.Op, Ref: r.Ref, Code: code, Detail: clean(detail, 200), Err: err}
}

// A routedError is an APIError with a cause this package reacts to.
type routedError struct {
	*APIError
	cause error
}

func (e *routedError) Unwrap() []error { return []error{e.APIError, e.cause} }

func parseError(b []byte) (errorBody, bool) {
	var e errorBody
	if b = bytes.TrimSpace(b); len(b) == 0 || b[0] != '{' || json.Unmarshal(b, &e) != nil {
		return errorBody{}, false
	}
	return e, e.Code != "" || e.Error != "" || e.Message != ""
}

// quoted is a value that the vendor repeats.
var quoted = regexp.MustCompile(`"[^"]*"|(^|\s)'[^']*'`)

// clean makes the vendor's words fit for an error text; see [rest.Clean].
func clean(s string, limit int) string { return rest.Clean(s, limit, quoted) }
