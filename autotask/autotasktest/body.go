package autotasktest

import (
	"io"
	"unicode/utf8"

	"github.com/psasync/psasync/internal/simulator"
)

// maxBody is the longest request body that is read.
const maxBody = 16 << 20

// body reads the request.
func (c *call) body() ([]byte, *apiError) {
	raw, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody+1))
	if err != nil || len(raw) > maxBody {
		return nil, failf("The request body could not be read.")
	}
	return raw, nil
}

// object reads the body of a write.
func (c *call) object() (Row, *apiError) {
	raw, err := c.body()
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(raw) {
		return nil, failf("The request body is not valid UTF-8.")
	}
	v, derr := simulator.Decode(raw)
	m, ok := v.(map[string]any)
	if derr != nil || !ok {
		return nil, failf("The request body is missing or is not a JSON object.")
	}
	return m, nil
}
