package rest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
)

const (
	maxErrorBody = 1 << 20 // of an answer other than 2xx; the rest is dropped
	firstBuffer  = 4 << 10
	trustLength  = 8 << 20 // up to here a Content-Length is believed
)

var bom = []byte("\xEF\xBB\xBF")

// readBody reads a body to its end, at most limit decoded bytes of it: a
// Content-Length says nothing about what a compressed body becomes. expect is
// how many bytes it may have. What was read is returned with an error too.
func readBody(ctx context.Context, resp *http.Response, limit, expect int64) ([]byte, error) {
	defer resp.Body.Close()
	// A transport that only looks at the context until the header arrived is
	// unblocked by Close.
	defer context.AfterFunc(ctx, func() { resp.Body.Close() })()
	if resp.StatusCode == http.StatusNoContent {
		return nil, nil
	}
	var in io.Reader = resp.Body
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
	case "", "identity":
	case "gzip": // by a server that did not wait to be asked
		zr, err := gzip.NewReader(resp.Body)
		if errors.Is(err, io.EOF) {
			return nil, nil // no body
		}
		if err != nil {
			return nil, err
		}
		in = zr
	default:
		return nil, errEncoding
	}
	if resp.ContentLength > 0 && !resp.Uncompressed {
		expect = resp.ContentLength
	}
	size := max(firstBuffer, min(expect, trustLength, limit)+bytes.MinRead)
	buf := bytes.NewBuffer(make([]byte, 0, size))
	_, err := buf.ReadFrom(io.LimitReader(in, limit+1))
	if int64(buf.Len()) > limit {
		buf.Truncate(int(limit))
		if err == nil {
			err = errTooLarge
		}
	}
	if err == nil && resp.ContentLength > 0 && !resp.Uncompressed && in == resp.Body && int64(buf.Len()) < resp.ContentLength {
		err = io.ErrUnexpectedEOF // a transport that does not count
	}
	if err == nil {
		err = ctx.Err()
	}
	return buf.Bytes(), err
}

// sizes remembers how long the last answer of each endpoint was, since pages
// of a list are about equal and most come without a length.
type sizes struct {
	mu   sync.Mutex
	last map[string]int64
}

func (s *sizes) get(endpoint string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.last[endpoint]
	return n + n/8
}

func (s *sizes) set(endpoint string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil || len(s.last) > 1000 { // endpoints are few; ids in them are a caller's mistake
		s.last = map[string]int64{}
	}
	s.last[endpoint] = int64(n)
}

func headerSize(h http.Header) int {
	n := 0
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}
	return n
}

// A look is what a body is, judged by its first and last byte.
type look uint8

const (
	looksEmpty look = iota
	looksArray
	looksValue // JSON other than an array
	looksText  // no JSON
	looksCut   // JSON whose end is missing
)

func sniff(body []byte) look {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return looksEmpty
	}
	last := body[len(body)-1]
	switch c := body[0]; {
	case c == '[' && last == ']':
		return looksArray
	case c == '{' && last == '}', c == '"' && last == '"' && len(body) > 1:
		return looksValue
	case c == '[', c == '{', c == '"':
		return looksCut
	case c == '-', c >= '0' && c <= '9':
		return looksValue
	}
	switch string(body[:min(len(body), 6)]) {
	case "true", "false", "null":
		return looksValue
	}
	return looksText
}
