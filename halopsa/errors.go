package halopsa

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// An APIError is what Halo said about a refused request. It is the cause
// inside a [psa.Error], to be found with errors.As; classes are tested with
// errors.Is and the psa.Err values.
type APIError struct {
	Status int      // of the HTTP answer
	Code   string   // OAuth error, class of a .NET exception or result code; may be ""
	Fields []string // vendor's paths that are wrong, e.g. "[0].outcome_id"
}

// Error returns status, code and fields, never a value.
func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP %d", e.Status)
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	if len(e.Fields) > 0 {
		b.WriteString(" (" + strings.Join(e.Fields, ", ") + ")")
	}
	return b.String()
}

// errRefused is the cause of a 401, which has two meanings.
var errRefused = errors.New("the token or a right was refused")

// A refusal is what a body says, in whichever of the vendor's shapes.
type refusal struct {
	code   string
	text   string
	fields []string
}

// parseError reads the shapes seen on real instances; there is no standard one:
// an object of paths and messages (model binding), an object of one key, a
// JSON string, a .NET exception, an OAuth error, a result code, and text.
func parseError(body []byte) refusal {
	body = bytes.TrimSpace(body)
	var text string
	if json.Unmarshal(body, &text) == nil {
		return refusal{text: text}
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		if len(body) > 0 && (body[0] == '<' || body[0] == '[') {
			return refusal{}
		}
		return refusal{text: string(body)}
	}
	str := func(keys ...string) string {
		for _, k := range keys {
			var s string
			if json.Unmarshal(object[k], &s) == nil && s != "" {
				return s
			}
		}
		return ""
	}
	var inner struct {
		Code string `json:"error"`
		Text string `json:"error_description"`
	}
	switch {
	case object["error"] != nil:
		r := refusal{code: str("error"), text: str("error_description", "message")}
		if json.Unmarshal(object["error"], &inner) == nil {
			r.code, r.text = inner.Code, inner.Text
		}
		return r
	case object["ClassName"] != nil, object["Message"] != nil, object["message"] != nil:
		return refusal{code: str("ClassName"), text: str("Message", "message")}
	case object["resultCode"] != nil, object["errorMessage"] != nil:
		return refusal{code: strings.Trim(string(object["resultCode"]), `"`), text: str("errorMessage")}
	}
	var r refusal
	for _, k := range slices.Sorted(maps.Keys(object)) {
		var many []string
		if json.Unmarshal(object[k], &many) != nil {
			many = []string{str(k)}
		}
		if said := strings.Join(many, " "); said != "" {
			r.fields = append(r.fields, k)
			r.text = strings.TrimSpace(r.text + " " + said)
		}
	}
	return r
}

// classify turns an answer into an error, or nil for a good one.
func classify(r *rest.Response) error {
	if r.Status >= 200 && r.Status < 300 {
		return nil // a web page is no JSON
	}
	said := parseError(r.Body)
	code, cause := class(r, strings.ToLower(said.text))
	return vendorError(r, said, code, cause)
}

// class maps status and text to an error class; a nil class leaves it to the
// status.
func class(r *rest.Response, text string) (code, cause error) {
	switch r.Status {
	case http.StatusBadRequest:
		switch {
		case strings.Contains(text, "invoiced"):
			return psa.ErrConflict, nil
		case strings.HasPrefix(r.Op, "create ") && strings.Contains(text, "access to this action"):
			// The ticket's type or workflow step does not allow the action type.
			return psa.ErrInvalid, nil
		}
		if strings.Contains(text, "do not have access") || strings.Contains(text, "do not have permission") {
			return psa.ErrDenied, nil
		}
		return psa.ErrInvalid, nil
	case http.StatusUnauthorized:
		return psa.ErrAuth, errRefused
	case http.StatusNotFound:
		if r.Ref.IsZero() && r.Op != "discover" {
			// A collection cannot be gone: this build has none, or the address
			// leads elsewhere.
			return psa.ErrUnsupported, nil
		}
	case http.StatusInternalServerError:
		if strings.Contains(text, "timeout") || strings.Contains(text, "timed out") {
			return psa.ErrTimeout, nil
		}
	}
	return nil, nil
}

// classifyToken is classify for the authorisation server: whatever it refuses
// is about the application.
func classifyToken(r *rest.Response) error {
	if r.Status >= 200 && r.Status < 300 {
		if said := parseError(r.Body); said.code != "" { // some servers refuse with 200
			return vendorError(r, said, psa.ErrAuth, nil)
		}
		return nil
	}
	said := parseError(r.Body)
	switch r.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		return vendorError(r, said, psa.ErrAuth, nil)
	case http.StatusNotFound:
		return vendorError(r, said, psa.ErrData, nil)
	}
	return vendorError(r, said, nil, nil)
}

func vendorError(r *rest.Response, said refusal, code, cause error) error {
	api := &APIError{Status: r.Status, Code: clean(said.code, 64)}
	for _, f := range said.fields[:min(len(said.fields), 20)] {
		api.Fields = append(api.Fields, clean(f, 64))
	}
	err := error(api)
	if cause != nil {
		err = &causedError{APIError: api, cause: cause}
	}
	return &psa.Error{Provider: name, Op: r.Op, Ref: r.Ref, Code: code, Detail: clean(said.text, 200), Err: err}
}

// A causedError is an APIError with a cause this package reacts to.
type causedError struct {
	*APIError
	cause error
}

func (e *causedError) Unwrap() []error { return []error{e.APIError, e.cause} }

// Values that the vendor repeats: in quotes, and "Could not convert string to
// integer: abc. Path ...".
var (
	quoted    = regexp.MustCompile(`"[^"]*"|(^|\s)'[^']*'`)
	converted = regexp.MustCompile(`(?is)(could not convert [^:]*): .*?(\. Path|$)`)
)

// clean makes the vendor's words fit for an error text; see [rest.Clean].
func clean(s string, limit int) string {
	return rest.Clean(converted.ReplaceAllString(s, "$1: …$2"), limit, quoted)
}
