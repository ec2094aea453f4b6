package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/psasync/psasync/psa"
)

// Defaults of [Config] and [Retry].
const (
	DefaultMaxBody       = 64 << 20
	DefaultTimeout       = 2 * time.Minute
	DefaultRetries       = 4
	DefaultBase          = 500 * time.Millisecond
	DefaultCap           = 30 * time.Second
	DefaultLimited       = 30 * time.Second
	DefaultMaxRetryAfter = 5 * time.Minute

	maxHeader = 256 << 10 // bytes of an answer's header
)

// Config describes one connection to a vendor.
type Config struct {
	Provider string // name in errors and traces

	// Base is the address that paths are joined to. It is https, or http on a
	// loopback host. Its origin (scheme, host and port) is the only one that
	// credentials are sent to.
	Base *url.URL
	// Discovery lists further origins that may be asked, by absolute address
	// and without credentials, e.g. "https://webservices.autotask.net".
	Discovery []string

	// Transport sends single requests. It must obey the request's context and
	// must not follow redirects. nil: a pool of its own, which
	// CloseIdleConnections empties.
	Transport http.RoundTripper

	// Authorize sets the headers that carry credentials, before every attempt
	// to the origin of Base. It must not wait for Budget. An error that is no
	// *psa.Error becomes psa.ErrAuth. nil: none.
	Authorize func(context.Context, *http.Request) error
	// Renew is called once per call when the vendor answered psa.ErrAuth. true
	// means that credentials were renewed and the request is worth repeating;
	// the vendor refused it before it took effect. nil: never.
	Renew func(context.Context, *Response) bool
	// Classify reads the vendor's error format. It is called with every answer
	// other than 2xx, and with a 2xx answer unless its body is empty or a JSON
	// array; wrapped pages come by too, so look at Status first. It returns a
	// *psa.Error with Code, Detail and perhaps RetryAfter set (the rest is filled
	// in), or nil to let the status decide. The class decides what is repeated:
	// always ErrRateLimited; ErrUnavailable and ErrTimeout only if the request
	// reads. nil: by status.
	Classify func(*Response) error

	// Budget is shared by everything that uses the account's quota. nil: no
	// quota of its own, but a Retry-After still holds up all calls of the
	// client.
	Budget *Budget
	Retry  Retry

	Timeout   time.Duration // of one attempt, its body included; 0: DefaultTimeout
	MaxBody   int64         // decoded bytes of one answer; 0: DefaultMaxBody
	UserAgent string
}

// Retry says how often and how fast requests are repeated. Zero fields are the
// defaults.
type Retry struct {
	Max  int           // repetitions of one call; below 0: none
	Base time.Duration // wait before the first repetition, doubled each time, with jitter
	Cap  time.Duration // longest such wait
	// Limited is the wait after "too many requests" without a Retry-After,
	// doubled each time up to MaxRetryAfter.
	Limited time.Duration
	// MaxRetryAfter is the longest Retry-After that is waited for. Beyond it a
	// call fails at once, and so does every later one until the time has come.
	MaxRetryAfter time.Duration
}

// A Client sends requests to one origin. It is safe for concurrent use.
type Client struct {
	cfg    Config
	origin string
	open   map[string]bool // discovery origins
	pool   *http.Transport // nil with a transport of the user
	agent  http.RoundTripper
	sizes  sizes
}

// New returns a client, or an error that is psa.ErrInvalid.
func New(cfg Config) (*Client, error) {
	c := &Client{cfg: cfg, agent: cfg.Transport, open: map[string]bool{}}
	invalid := func(detail string) error {
		return &psa.Error{Provider: cfg.Provider, Op: "configure", Code: psa.ErrInvalid, Detail: detail}
	}
	if cfg.Base == nil {
		return nil, invalid("the base URL is missing")
	}
	base := *cfg.Base
	c.cfg.Base = &base
	if base.RawQuery != "" || base.Fragment != "" || base.Opaque != "" {
		return nil, invalid("the base URL has a query or a fragment")
	}
	if err := checkURL(&base); err != nil {
		return nil, invalid("base URL: " + err.Error())
	}
	c.origin = originOf(&base)
	for _, s := range cfg.Discovery {
		u, err := url.Parse(s)
		if err != nil {
			return nil, invalid("a discovery origin is no URL")
		}
		if err := checkURL(u); err != nil {
			return nil, invalid("discovery origin: " + err.Error())
		}
		c.open[originOf(u)] = true
	}
	if c.agent == nil {
		c.pool = newPool()
		c.agent = c.pool
	}
	if cfg.Budget == nil {
		c.cfg.Budget = NewBudget(BudgetConfig{})
	}
	orDefault(&c.cfg.Timeout, DefaultTimeout)
	orDefault(&c.cfg.MaxBody, DefaultMaxBody)
	orDefault(&c.cfg.Retry.Max, DefaultRetries)
	orDefault(&c.cfg.Retry.Base, DefaultBase)
	orDefault(&c.cfg.Retry.Cap, DefaultCap)
	orDefault(&c.cfg.Retry.Limited, DefaultLimited)
	orDefault(&c.cfg.Retry.MaxRetryAfter, DefaultMaxRetryAfter)
	c.cfg.Retry.Max = max(c.cfg.Retry.Max, 0)
	return c, nil
}

func orDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// newPool is http.DefaultTransport without the environment's proxy, with more
// connections per host and smaller headers.
func newPool() *http.Transport {
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           32,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    15 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// CloseIdleConnections closes the client's unused connections. It does nothing
// to a transport of the user.
func (c *Client) CloseIdleConnections() {
	if c.pool != nil {
		c.pool.CloseIdleConnections()
	}
}

// A Request is one call. Its Header and Body are not modified.
type Request struct {
	Method string // "" is GET
	// Path is joined to the base; ids in it are escaped with url.PathEscape. An
	// absolute address, such as a link in an answer, must lead to the base's
	// origin or to a discovery origin.
	Path     string
	Endpoint string     // Path as a template without ids, for traces and budgets; "": made from Path
	Query    url.Values // added to the query of an absolute Path
	Header   http.Header
	Body     []byte // JSON unless Header says otherwise
	Op       string // for errors, e.g. "list status"; "": method and endpoint
	Ref      psa.Ref
	Safe     bool // a POST that only reads
}

// A Response is a complete answer.
type Response struct {
	Status   int
	Header   http.Header
	Body     []byte    // complete, without a byte order mark; empty if there was none
	Date     time.Time // the vendor's clock, UTC; zero if it does not tell
	Endpoint string    // of the Request
	Op       string
	Ref      psa.Ref
}

// Do sends a request, repeated where that is safe, and returns the answer if
// its status is 2xx and its body is empty or looks like complete JSON. Every
// error is a *psa.Error; after a cancelled context it wraps context.Canceled
// and has no class.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	k := &call{c: c, req: r}
	if err := k.prepare(); err != nil {
		return nil, k.fail(err)
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, k.method, k.url.String(), k.body())
	if err != nil {
		return nil, k.fail(&psa.Error{Code: psa.ErrInvalid, Err: hide(err)})
	}
	k.dress(req.Header)
	k.idle = time.Now()
	agent := &retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: k, CheckRedirect: refuseRedirect},
		RetryMax:     c.cfg.Retry.Max + 1, // one for Renew; k counts
		CheckRetry:   k.again,
		Backoff:      k.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	answer, err := agent.Do(req)
	if answer != nil {
		answer.Body.Close() // in memory
	}
	if e := ctx.Err(); e != nil && (err != nil || k.err != nil) {
		return nil, k.fail(ended(e))
	}
	if k.err != nil {
		return nil, k.fail(k.err)
	}
	if err != nil {
		return nil, k.fail(&psa.Error{Code: psa.ErrUnavailable, Err: hide(err)})
	}
	return k.resp, nil
}

// JSON is Do, with the body decoded into a value. An answer that is empty,
// null, no JSON, nested too deeply or of another shape is psa.ErrData.
func (c *Client) JSON(ctx context.Context, r Request, into any) (*Response, error) {
	resp, err := c.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	if detail := decode(resp.Body, into); detail != "" {
		return nil, &psa.Error{Provider: c.cfg.Provider, Op: resp.Op, Ref: r.Ref, Code: psa.ErrData, Detail: detail}
	}
	return resp, nil
}

// decode says what is wrong, without the payload that errors of encoding/json
// quote.
func decode(body []byte, into any) (detail string) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return "an empty answer where a body is expected"
	}
	if string(body) == "null" {
		return "null where a value is expected"
	}
	if err := wholeValue(body); err != nil {
		return err.Error()
	}
	err := json.Unmarshal(body, into)
	var shape *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &shape):
		what, _, _ := strings.Cut(shape.Value, " ") // "number 12": the value is payload
		if shape.Field == "" {
			return fmt.Sprintf("JSON of another shape: %s", what)
		}
		return fmt.Sprintf("JSON of another shape: %s in %s", what, shape.Field)
	case errors.As(err, &syntax):
		return fmt.Sprintf("malformed JSON at byte %d", syntax.Offset)
	default:
		return "JSON of another shape"
	}
}
