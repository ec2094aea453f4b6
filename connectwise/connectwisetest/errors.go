package connectwisetest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// apiError is an error answer in the vendor's shape (ConnectWise developer
// guide, Status codes; ErrorResponseMessage of the REST schema).
type apiError struct {
	status  int
	Code    string       `json:"code"`
	Message string       `json:"message"`
	Errors  []fieldError `json:"errors,omitempty"`
}

type fieldError struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	Resource string `json:"resource"`
	Field    string `json:"field"`
}

func (e *apiError) Error() string { return e.Message }

func failf(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

func badCondition(format string, args ...any) *apiError {
	return failf(http.StatusBadRequest, "ApiFindCondition", format, args...)
}

func unknownName(name string) *apiError { return badCondition("%s is not a recognized name.", name) }

func notFound(noun string, id any) *apiError {
	return failf(http.StatusNotFound, "NotFound", "%s %v not found", noun, id)
}

func noEndpoint() *apiError {
	return failf(http.StatusNotFound, "ConnectWiseApi", "The endpoint does not exist.")
}

// invalid is a refused write.
func invalid(resource string, errs ...fieldError) *apiError {
	e := failf(http.StatusBadRequest, "InvalidObject", "%s object is invalid", resource)
	for i := range errs {
		errs[i].Resource = resource
	}
	e.Errors = errs
	return e
}

func missing(name string) fieldError {
	return fieldError{Code: "MissingRequiredField", Message: "The " + name + " field is required.", Field: name}
}

func wrong(name, format string, args ...any) fieldError {
	return fieldError{Code: "InvalidField", Message: fmt.Sprintf(format, args...), Field: name}
}

func exists(name, format string, args ...any) fieldError {
	return fieldError{Code: "ObjectExists", Message: fmt.Sprintf(format, args...), Field: name}
}

const jsonType = "application/json; charset=utf-8"

func writeError(w http.ResponseWriter, e *apiError) {
	writeJSON(w, e.status, e)
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
