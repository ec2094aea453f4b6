package halopsa_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/psa"
)

// BenchmarkKnownContacts is the rate at which known rows are skipped, with a
// server that costs nothing but a copy of the page.
func BenchmarkKnownContacts(b *testing.B) {
	const n = 100_000
	var row []byte
	q, _ := open(b, halopsatest.Small(), nil, nil)
	for r, err := range q.List(b.Context(), psa.KindContact, psa.Query{}) {
		if err != nil {
			b.Fatal(err)
		}
		row = r.Raw
		break
	}
	p, _ := open(b, halopsatest.Small(), &halopsatest.Options{LogSize: 1}, func(c *halopsa.Config) {
		c.Budget = halopsa.NewBudget(&halopsa.BudgetConfig{Requests: 1 << 30})
		c.Transport = newCanned(c.Transport, row, n)
	})
	benchList(b, p, n, indexOf(b, p, n))
}

// canned answers pages of one user with other ids, and leaves the rest to next.
type canned struct {
	next       http.RoundTripper
	head, tail []byte // of the row, around its id
	n          int
}

var ownID = regexp.MustCompile(`"id":\d+`)

func newCanned(next http.RoundTripper, row []byte, n int) *canned {
	at := ownID.FindIndex(row)
	return &canned{next: next, head: append(bytes.Clone(row[:at[0]]), `"id":`...), tail: bytes.Clone(row[at[1]:]), n: n}
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	q := r.URL.Query()
	if !strings.EqualFold(r.URL.Path, "/api/users") {
		return c.next.RoundTrip(r)
	}
	size, err := strconv.Atoi(q.Get("page_size"))
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(q.Get("page_no"))
	if err != nil {
		return nil, err
	}
	body := make([]byte, 0, size*(len(c.head)+len(c.tail)+12)+100)
	body = fmt.Appendf(body, `{"record_count":%d,"users":[`, c.n)
	for i := (number - 1) * size; i < min(number*size, c.n); i++ {
		if i > (number-1)*size {
			body = append(body, ',')
		}
		body = append(body, c.head...)
		body = strconv.AppendInt(body, int64(1_000_000_000+i), 10)
		body = append(body, c.tail...)
	}
	body = append(body, "]}"...)
	resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: r}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, r.Context().Err()
}
