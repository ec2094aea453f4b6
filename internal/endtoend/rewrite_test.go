package endtoend

import (
	"encoding/json"
	"net/http"
	"strings"
)

// firstRows keeps the first n rows of a list.
func firstRows(n int) func([]byte) []byte {
	return func(body []byte) []byte {
		var rows []json.RawMessage
		if err := json.Unmarshal(body, &rows); err != nil || len(rows) <= n {
			return body
		}
		out, err := json.Marshal(rows[:n])
		if err != nil {
			return body
		}
		return out
	}
}

// stripLinks takes the links off the answers of one path.
func (w *world) stripLinks(path string) {
	next := w.cfg.Transport
	w.cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err == nil && strings.HasSuffix(r.URL.Path, path) {
			resp.Header.Del("Link")
		}
		return resp, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
