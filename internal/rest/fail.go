package rest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"unicode"

	"github.com/psasync/psasync/psa"
)

// byStatus is the class of an answer that the vendor's rules say nothing of.
func byStatus(status int) error {
	switch status {
	case http.StatusUnauthorized:
		return psa.ErrAuth
	case http.StatusForbidden:
		return psa.ErrDenied
	case http.StatusNotFound, http.StatusGone:
		return psa.ErrNotFound
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return psa.ErrUnsupported
	case http.StatusRequestTimeout, http.StatusGatewayTimeout, 522, 524: // 52x: Cloudflare
		return psa.ErrTimeout
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusLocked:
		return psa.ErrConflict
	case http.StatusTooManyRequests:
		return psa.ErrRateLimited
	}
	switch {
	case status >= 500:
		return psa.ErrUnavailable
	case status >= 400:
		return psa.ErrInvalid
	default:
		return psa.ErrData
	}
}

// statusDetail shows words of an answer only if they are no JSON, which may
// hold a payload; reading JSON is up to Classify.
func statusDetail(r *Response, kind look) string {
	if kind == looksText {
		return describe(r)
	}
	return fmt.Sprintf("HTTP %d", r.Status)
}

var title = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// describe tells what came instead of JSON.
func describe(r *Response) string {
	body := r.Body[:min(len(r.Body), 4096)]
	if len(body) > 0 && body[0] == '<' {
		if m := title.FindSubmatch(body); m != nil {
			return fmt.Sprintf("HTTP %d, a page titled %q", r.Status, bound(string(m[1]), 80))
		}
		return fmt.Sprintf("HTTP %d, a page of HTML or XML", r.Status)
	}
	return fmt.Sprintf("HTTP %d, text: %s", r.Status, bound(string(body), 160))
}

// asError returns err as an error of its own that the caller may fill in.
func asError(err error) *psa.Error {
	var e *psa.Error
	if errors.As(err, &e) {
		own := *e
		return &own
	}
	return &psa.Error{Err: hide(err)}
}

func asErrorOrNil(err error) *psa.Error {
	if err == nil {
		return nil
	}
	return asError(err)
}

// ended is the error of a call whose context is over.
func ended(err error) *psa.Error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &psa.Error{Code: psa.ErrTimeout, Err: err}
	}
	return &psa.Error{Err: err}
}

// hide keeps an error's chain and replaces its text, which may quote an
// address with its query.
func hide(err error, v ...*veil) error {
	for {
		u, ok := err.(*url.Error) //nolint:errorlint // only the outermost wrappers
		if !ok {
			break
		}
		err = u.Err
	}
	text := redact(err.Error(), v...)
	if text == err.Error() {
		return err
	}
	return &cause{text: text, err: err}
}

type cause struct {
	text string
	err  error
}

func (c *cause) Error() string { return c.text }
func (c *cause) Unwrap() error { return c.err }

// neverSent reports whether an error proves that no byte of the request
// reached the server.
func neverSent(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.Is(err, syscall.ECONNREFUSED) || untrusted(err)
}

// untrusted reports whether the server could not prove who it is, which
// repeating does not change.
func untrusted(err error) bool {
	var verify *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	return errors.As(err, &verify) || errors.As(err, &authority) || errors.As(err, &invalid) || errors.As(err, &host)
}

// errTooLarge is returned by readBody.
var errTooLarge = errors.New("the answer is too large")

// errEncoding is returned by readBody.
var errEncoding = errors.New("the answer is compressed in an unknown way")

func bodyFault(err error) *psa.Error {
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errEncoding):
		return &psa.Error{Code: psa.ErrData, Detail: err.Error()}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &psa.Error{Code: psa.ErrUnavailable, Detail: "the answer broke off", Err: err}
	default:
		return &psa.Error{Code: psa.ErrUnavailable, Detail: "the answer broke off", Err: hide(err)}
	}
}

// secretsOf returns the header values that Authorize added, and what is in
// them.
func secretsOf(before, after http.Header) []string {
	var all []string
	add := func(s string) {
		if len(s) >= 4 {
			all = append(all, s)
		}
	}
	for name, values := range after {
		if slices.Equal(before[name], values) {
			continue
		}
		for _, v := range values {
			add(v)
			scheme, token, ok := strings.Cut(v, " ")
			if !ok {
				continue
			}
			add(token)
			if plain, err := base64.StdEncoding.DecodeString(token); err == nil && strings.EqualFold(scheme, "basic") {
				user, pass, _ := strings.Cut(string(plain), ":")
				add(string(plain))
				add(user)
				add(user[strings.LastIndexByte(user, '+')+1:]) // ConnectWise: company+key
				add(pass)
			}
		}
	}
	// The longest first, so that no half of one remains.
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}

const gone = "[redacted]"

var (
	urlQuery   = regexp.MustCompile(`(?i)\b([a-z][a-z0-9+.-]*://[^\s?"'<>]*)\?[^\s"'<>]*`)
	pathQuery  = regexp.MustCompile(`(/[^\s?"'<>]*)\?[^\s"'<>]*=[^\s"'<>]*`)
	userInfo   = regexp.MustCompile(`://[^\s/@"'<>]+@`)
	scheme     = regexp.MustCompile(`(?i)\b(basic|bearer)\s+[a-z0-9+/=._~-]{4,}`)
	assignment = regexp.MustCompile(`(?i)\b([a-z_-]*(?:password|passwd|pwd|secret|token|api[_-]?key|private[_-]?key|public[_-]?key|authorization|client[_-]?id|integration[_-]?code)[a-z_-]*["']?\s*[:=]\s*["']?)[^\s"',;&}]+`)
	mail       = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+`)
	opaque     = regexp.MustCompile(`[A-Za-z0-9+/_=-]{24,}`)
)

const maxDetail = 300

// redact bounds a text for people and takes out of it: what veils hide, queries
// and user names of URLs, credentials, e-mail addresses and long opaque words.
func redact(s string, veils ...*veil) string {
	s = bound(s, 4096)
	for _, v := range veils {
		s = v.hide(s)
	}
	s = userInfo.ReplaceAllString(s, "://"+gone+"@")
	s = urlQuery.ReplaceAllString(s, "$1")
	s = pathQuery.ReplaceAllString(s, "$1")
	s = scheme.ReplaceAllString(s, "$1 "+gone)
	s = assignment.ReplaceAllString(s, "${1}"+gone)
	s = mail.ReplaceAllString(s, gone)
	s = opaque.ReplaceAllStringFunc(s, func(w string) string {
		if strings.ContainsAny(w, "0123456789") && !strings.Contains(w, "/") || len(w) > 64 {
			return gone
		}
		return w
	})
	return bound(s, maxDetail)
}

// bound makes one line of at most n bytes, without characters that do not
// print or that turn the text around.
func bound(s string, n int) string {
	var b strings.Builder
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		if b.Len()+4 > n {
			return b.String() + "…"
		}
		b.WriteRune(r)
	}
	return b.String()
}
