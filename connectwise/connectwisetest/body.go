package connectwisetest

import (
	"io"
	"net/http"

	"github.com/psasync/psasync/internal/simulator"
)

// maxBody bounds the body of a request.
const maxBody = 16 << 20

// body reads and decodes the request's body.
func (c *call) body() (any, *apiError) {
	raw, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	if err != nil {
		return nil, failf(http.StatusBadRequest, "InvalidObject", "The body cannot be read: %v", err)
	}
	v, err := simulator.Decode(raw)
	if err != nil {
		return nil, failf(http.StatusBadRequest, "InvalidObject", "The body is not valid JSON.")
	}
	return v, nil
}

// object reads a body that must be an object.
func (c *call) object() (Row, *apiError) {
	v, err := c.body()
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, failf(http.StatusBadRequest, "InvalidObject", "The body must be an object.")
	}
	return m, nil
}
