package halopsatest

import (
	"encoding/json"
	"net/http"
)

// ErrorShape is the form of a refused write. The vendor has no standard form;
// the first shape of the list is what each call of the simulator uses by itself.
type ErrorShape int

// The shapes of error bodies seen on real tenants.
const (
	ErrorNatural   ErrorShape = iota // each call's own
	ErrorBinding                     // {"[0].key":["message"]}
	ErrorOneKey                      // {"key":"message"}
	ErrorText                        // "message", a JSON string
	ErrorException                   // {"ClassName":"System.Exception","Message":"message"}
	ErrorOAuth                       // {"error":{"error_description":"message"}}
	ErrorResult                      // {"resultCode":1,"errorMessage":"message"}
	ErrorPlain                       // message as text/plain
)

// apiError is a refused request.
type apiError struct {
	status int
	shape  ErrorShape
	key    string
	msg    string
}

// notFound is a missing row, or one the application may not see.
func notFound() *apiError {
	return &apiError{status: http.StatusNotFound, shape: ErrorException, msg: "The requested item could not be found."}
}

// noRoute is a path the API does not have.
func noRoute() *apiError { return &apiError{status: http.StatusNotFound} }

func notAllowed() *apiError { return &apiError{status: http.StatusMethodNotAllowed} }

// binding is a value of the wrong type; path is where it is in the body.
func binding(path, msg string) *apiError {
	return &apiError{status: http.StatusBadRequest, shape: ErrorBinding, key: path, msg: msg}
}

// refused is a rule that the row breaks.
func refused(key, msg string) *apiError {
	return &apiError{status: http.StatusBadRequest, shape: ErrorOneKey, key: key, msg: msg}
}

// refusedText is a refusal as a JSON string.
func refusedText(msg string) *apiError {
	return &apiError{status: http.StatusBadRequest, shape: ErrorText, msg: msg}
}

// writeError answers in the error's shape. Status 401 and 403 of the rights
// checks and unknown routes have no body at all.
func (c *call) writeError(err *apiError) {
	shape := err.shape
	if c.s.opts.Errors != ErrorNatural && err.status == http.StatusBadRequest {
		shape = c.s.opts.Errors
	}
	key := err.key
	if key == "" {
		key = "id"
	}
	var body any
	switch shape {
	case ErrorBinding:
		body = map[string][]string{key: {err.msg}}
	case ErrorOneKey:
		body = map[string]string{key: err.msg}
	case ErrorText:
		body = err.msg
	case ErrorException:
		body = map[string]any{"ClassName": "System.Exception", "Message": err.msg, "Data": nil, "InnerException": nil}
	case ErrorOAuth:
		body = map[string]any{"error": map[string]string{"error_description": err.msg}}
	case ErrorResult:
		body = map[string]any{"resultCode": 1, "errorMessage": err.msg}
	case ErrorPlain:
		c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		c.w.WriteHeader(err.status)
		_, _ = c.w.Write([]byte(err.msg)) // fails only when the client has left
		return
	default:
		c.w.WriteHeader(err.status)
		return
	}
	writeJSON(c.w, err.status, body)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeRaw(w, status, raw)
}

func writeRaw(w http.ResponseWriter, status int, raw []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // fails only when the client has left
}
