package adaptertest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/psasync/psasync/psa"
)

// Answer is a responder that says the vendor's clock too. header holds names,
// each followed by its value.
func Answer(status int, body string, header ...string) httpmock.Responder {
	return func(r *http.Request) (*http.Response, error) {
		resp := httpmock.NewStringResponse(status, body)
		resp.Request = r
		resp.Header.Set("Content-Type", "application/json; charset=utf-8")
		resp.Header.Set("Date", "Mon, 15 Jun 2026 10:00:00 GMT")
		for i := 0; i < len(header); i += 2 {
			resp.Header.Set(header[i], header[i+1])
		}
		return resp, nil
	}
}

// List returns all rows of a kind and fails on any error.
func List(t testing.TB, p psa.Provider, kind psa.Kind, q psa.Query) (rows []psa.Record) {
	t.Helper()
	for r, err := range p.List(t.Context(), kind, q) {
		if err != nil || r.Err != nil {
			t.Fatalf("%s: %v %v", kind, err, r.Err)
		}
		rows = append(rows, r)
	}
	return rows
}

// ListError lists a kind and returns what its list ends with.
func ListError(ctx context.Context, p psa.Provider, kind psa.Kind) error {
	for _, err := range p.List(ctx, kind, psa.Query{}) {
		if err != nil {
			return err
		}
	}
	return nil
}

// Copies are rows that are alike but for their ids, for a server that costs
// next to nothing. The first has the id FirstCopy, the others follow.
type Copies struct{ head, tail []byte }

// FirstCopy is the id of the first of Copies.
const FirstCopy = 1_000_000_000

var anID = regexp.MustCompile(`"id":\d+`)

// CopiesOf returns copies of the first row that p lists of a kind, whose first
// "id" is its own.
func CopiesOf(t testing.TB, p psa.Provider, kind psa.Kind) *Copies {
	t.Helper()
	for r, err := range p.List(t.Context(), kind, psa.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		at := anID.FindIndex(r.Raw)
		if at == nil {
			t.Fatalf("%s has no id of its own", r.Ref)
		}
		return &Copies{head: append(bytes.Clone(r.Raw[:at[0]]), `"id":`...), tail: bytes.Clone(r.Raw[at[1]:])}
	}
	t.Fatalf("there is no %s", kind)
	return nil
}

// Page answers r with head, the n copies that begin with the id first, divided
// by commas, and tail.
func (c *Copies) Page(r *http.Request, first, n int, head, tail string) (*http.Response, error) {
	body := make([]byte, 0, len(head)+n*(len(c.head)+len(c.tail)+11)+len(tail))
	body = append(body, head...)
	for i := range n {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, c.head...)
		body = strconv.AppendInt(body, int64(first+i), 10)
		body = append(body, c.tail...)
	}
	body = append(body, tail...)
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}, r.Context().Err()
}
