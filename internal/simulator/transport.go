package simulator

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"syscall"
)

// headLimit is how much of a body may be written before the answer starts
// being streamed; a shorter one gets a Content-Length, as net/http does it.
const headLimit = 4 << 10

// Transport returns a RoundTripper that calls h in this process. It streams
// bodies, honours the request's context, drops the connection when h panics
// with http.ErrAbortHandler, and unpacks gzip like [http.Transport]. Requests
// for which own is false are refused as an unknown host and logged as strays.
func (c *Core) Transport(h http.Handler, own func(*url.URL) bool) http.RoundTripper {
	return &transport{core: c, handler: h, own: own}
}

type transport struct {
	core    *Core
	handler http.Handler
	own     func(*url.URL) bool
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !t.own(req.URL) {
		return nil, t.stray(req)
	}
	ctx, cancel := context.WithCancel(req.Context())
	in := req.Clone(ctx)
	in.Host = cmp.Or(req.Host, req.URL.Host)
	in.URL.Scheme, in.URL.Host, in.URL.User = "", "", nil
	in.RequestURI = req.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	if in.Body == nil {
		in.Body = http.NoBody
	}
	unzip := in.Header.Get("Accept-Encoding") == "" && in.Header.Get("Range") == "" && in.Method != http.MethodHead
	if unzip {
		in.Header.Set("Accept-Encoding", "gzip")
	}
	w := &exchange{req: req, header: http.Header{}, out: make(chan result, 1)}
	go func() {
		defer cancel()
		defer in.Body.Close()
		defer w.finish()
		t.handler.ServeHTTP(w, in)
	}()
	select {
	case res := <-w.out:
		if res.err != nil {
			if err := req.Context().Err(); err != nil {
				return nil, err
			}
			return nil, res.err
		}
		return deliver(res, cancel, unzip)
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

// deliver prepares the body for the client.
func deliver(res result, cancel func(), unzip bool) (*http.Response, error) {
	resp := res.resp
	if res.stop != nil {
		resp.Body = &body{ReadCloser: resp.Body, done: func() { res.stop(); cancel() }}
	}
	if unzip && resp.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(resp.Body)
		if err != nil {
			resp.Body.Close()
			return nil, err
		}
		resp.Body = &unzipped{Reader: zr, raw: resp.Body}
		resp.Header.Del("Content-Encoding")
		resp.Header.Del("Content-Length")
		resp.ContentLength = -1
		resp.Uncompressed = true
	}
	return resp, nil
}

// stray refuses a request to a foreign host.
func (t *transport) stray(req *http.Request) error {
	if req.Body != nil {
		req.Body.Close()
	}
	secret := false
	for _, name := range []string{"Authorization", "Clientid", "Cookie", "Secret", "Username", "Apiintegrationcode", "X-Api-Key"} {
		secret = secret || len(req.Header.Values(name)) > 0
	}
	t.core.Log.Add(Request{
		Time: t.core.Clock.Now(), Host: req.URL.Scheme + "://" + req.URL.Host, Method: req.Method,
		Path: req.URL.Path, Query: req.URL.RawQuery, Stray: true, Secret: secret,
	})
	return fmt.Errorf("simulator: dial %s://%s: no such host", req.URL.Scheme, req.URL.Host)
}

type result struct {
	resp *http.Response
	stop func() bool // set if the body is still being written: forget the request's context
	err  error
}

// exchange is the ResponseWriter of one request.
type exchange struct {
	req    *http.Request
	header http.Header
	out    chan result

	status int
	head   bytes.Buffer
	pipe   *io.PipeWriter
	length int64 // declared; -1: not
	sent   int64
}

func (w *exchange) Header() http.Header { return w.header }

func (w *exchange) WriteHeader(code int) {
	if w.status == 0 && code >= 200 {
		w.status = code
	}
}

func (w *exchange) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.pipe == nil {
		if w.head.Len()+len(p) <= headLimit {
			return w.head.Write(p)
		}
		if err := w.start(); err != nil {
			return 0, err
		}
	}
	n, err := w.pipe.Write(p)
	w.sent += int64(n)
	return n, err
}

// Flush starts streaming what is held.
func (w *exchange) Flush() {
	if w.pipe == nil {
		w.WriteHeader(http.StatusOK)
		_ = w.start() // the next Write reports it
	}
}

// start hands the answer over and streams the rest.
func (w *exchange) start() error {
	pr, pw := io.Pipe()
	w.pipe = pw
	resp := w.response(pr, w.declared())
	w.length = resp.ContentLength
	// A client that gives up, even before it got the answer, ends the writes.
	ctx := w.req.Context()
	stop := context.AfterFunc(ctx, func() { pw.CloseWithError(ctx.Err()) })
	w.out <- result{resp: resp, stop: stop}
	n, err := pw.Write(w.head.Bytes())
	w.sent += int64(n)
	w.head = bytes.Buffer{}
	return err
}

func (w *exchange) declared() int64 {
	n, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func (w *exchange) response(b io.ReadCloser, length int64) *http.Response {
	resp := &http.Response{
		Status:     fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)),
		StatusCode: w.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        w.header.Clone(),
		Body:          b,
		ContentLength: length,
		Request:       w.req,
	}
	if length < 0 {
		resp.TransferEncoding = []string{"chunked"}
	}
	return resp
}

// finish ends the answer when the handler returned or panicked.
func (w *exchange) finish() {
	aborted := false
	if p := recover(); p != nil {
		if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		aborted = true
	}
	switch {
	case w.pipe != nil && (aborted || w.length >= 0 && w.sent < w.length):
		w.pipe.CloseWithError(io.ErrUnexpectedEOF)
	case w.pipe != nil:
		w.pipe.Close()
	case aborted:
		w.out <- result{err: fmt.Errorf("simulator: read: %w", syscall.ECONNRESET)}
	default:
		w.WriteHeader(http.StatusOK)
		length := int64(w.head.Len())
		var b io.ReadCloser = http.NoBody
		if length > 0 {
			b = io.NopCloser(bytes.NewReader(w.head.Bytes()))
		}
		w.out <- result{resp: w.response(b, length)}
	}
}

// body calls done once when it is closed or at its end.
type body struct {
	io.ReadCloser
	once sync.Once
	done func()
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.once.Do(b.done)
	}
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(b.done)
	return err
}

type unzipped struct {
	io.Reader
	raw io.ReadCloser
}

func (u *unzipped) Close() error { return u.raw.Close() }
