package simulator

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter formats a wait as the seconds of a Retry-After header, at least 1.
func RetryAfter(wait time.Duration) string {
	return strconv.Itoa(max(1, int((wait+time.Second-1)/time.Second)))
}

// recorder counts what is sent and stamps the Date header with the vendor's
// clock.
type recorder struct {
	http.ResponseWriter
	date   string
	status int
	sent   int64
}

func (w *recorder) WriteHeader(code int) {
	if w.status == 0 && code >= 200 {
		w.status = code
	}
	if _, set := w.Header()["Date"]; !set {
		w.Header().Set("Date", w.date)
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.sent += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController flush the writer below.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) flush() {
	// A writer that cannot flush sends the bytes a little later: no harm.
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// buffer holds an answer back.
type buffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *buffer) Header() http.Header { return b.header }

func (b *buffer) WriteHeader(code int) {
	if b.status == 0 {
		b.status = code
	}
}

func (b *buffer) Write(p []byte) (int, error) {
	b.WriteHeader(http.StatusOK)
	return b.body.Write(p)
}

// answerFault sends a made-up answer, or none.
func answerFault(w *recorder, f *Fault) {
	if f.Drop {
		panic(http.ErrAbortHandler)
	}
	for k, v := range f.Header {
		w.Header().Set(k, v)
	}
	if w.Header().Get("Content-Type") == "" && f.Body != "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(f.Status)
	if f.Body != "" {
		// A failed write means the client left: nobody to tell.
		_, _ = w.Write([]byte(f.Body))
	}
}

// sendFaulty sends the vendor's answer rewritten, cut or slowly.
func sendFaulty(w *recorder, r *http.Request, held *buffer, f *Fault) {
	body := held.body.Bytes()
	if f.Rewrite != nil {
		body = f.Rewrite(body)
	}
	h := w.Header()
	h.Del("Content-Length")
	status := max(held.status, http.StatusOK)
	half := body[:len(body)/2]
	switch f.Cut {
	case CutLength:
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(half)
		w.flush()
		panic(http.ErrAbortHandler)
	case CutChunk:
		w.WriteHeader(status)
		_, _ = w.Write(half)
		w.flush()
		panic(http.ErrAbortHandler)
	case CutValid:
		body = half
	}
	if f.SlowChunk <= 0 {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body)
		return
	}
	w.WriteHeader(status)
	for len(body) > 0 {
		n := min(f.SlowChunk, len(body))
		if _, err := w.Write(body[:n]); err != nil {
			return
		}
		w.flush()
		body = body[n:]
		if !sleep(r.Context(), f.SlowEvery) {
			panic(http.ErrAbortHandler)
		}
	}
}

func acceptsGzip(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
}

// gzipWriter compresses a body if there is one.
type gzipWriter struct {
	http.ResponseWriter
	zw *gzip.Writer
}

func newGzipWriter(w http.ResponseWriter) *gzipWriter { return &gzipWriter{ResponseWriter: w} }

func (w *gzipWriter) WriteHeader(code int) {
	if code != http.StatusNoContent && code != http.StatusNotModified && w.zw == nil {
		w.Header().Del("Content-Length")
		w.Header().Set("Content-Encoding", "gzip")
		w.zw = gzip.NewWriter(w.ResponseWriter)
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *gzipWriter) Write(p []byte) (int, error) {
	if w.zw == nil {
		w.WriteHeader(http.StatusOK)
	}
	return w.zw.Write(p)
}

func (w *gzipWriter) close() {
	if w.zw != nil {
		// A failed write means the client left: nobody to tell.
		_ = w.zw.Close()
	}
}
