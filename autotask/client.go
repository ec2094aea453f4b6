package autotask

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// A Budget hands out the requests of one database to everything in this
// process that uses it, in the order of asking. It is safe for concurrent use.
type Budget = rest.Budget

// BudgetConfig describes the limits of a database (REST API, Thresholds and
// limits; General, Thread limiting). The zero value holds the defaults.
type BudgetConfig struct {
	Requests int     // per rolling hour, over all integrations of the database; 0: 10,000
	Share    float64 // of what others leave of Requests that this process spends at most; 0: 0.5
	InFlight int     // requests under way at the same moment; 0: 8
	Threads  int     // requests under way to one entity; 0: 3, which is what the vendor allows an integration code
}

// NewBudget returns a budget for [Config.Budget]. nil: the defaults.
func NewBudget(cfg *BudgetConfig) *Budget {
	var c BudgetConfig
	if cfg != nil {
		c = *cfg
	}
	return rest.NewBudget(rest.BudgetConfig{
		Windows: []rest.Window{{
			Requests: cmp.Or(c.Requests, 10_000), Per: time.Hour,
			Share: 1 - min(cmp.Or(c.Share, 0.5), 1), // what is left to others
		}},
		InFlight:    cmp.Or(c.InFlight, 8),
		PerEndpoint: cmp.Or(c.Threads, 3),
		Bucket:      entityOf,
	})
}

// entityOf names what threads are counted by: the first segment of a path,
// metadata and counts included.
func entityOf(endpoint string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(endpoint, "/"), "/")
	return strings.ToLower(first)
}

const (
	// discovery is the host that knows the zone of every API user.
	discovery = "webservices.autotask.net"
	apiRoot   = "/ATServicesRest/V1.0"
	// fresh is how long an answer is good for where it is asked for because of
	// a doubt: nobody is helped by asking twice because two requests failed at
	// once.
	fresh = time.Minute
	// stale is when the zone is looked up again without a doubt.
	stale = 12 * time.Hour
	// census is how often the vendor is asked how many requests all
	// integrations have made.
	census = 5 * time.Minute
	// patience is how long that may hold a request up.
	patience = 10 * time.Second
)

// client sends requests to one database.
type client struct {
	open   *rest.Client // without credentials, for zoneInformation
	conf   rest.Config  // of the clients of zones, less Base
	domain string       // zones must be hosts of it; "": any loopback host
	creds  func(context.Context) (Credentials, error)

	turn    chan struct{} // held by the one caller that looks the zone up
	mu      sync.Mutex    // never held across a wait
	place   place
	counted time.Time // when the vendor's count of requests was last asked for
	quirks  quirks
}

// A place is where the database answers.
type place struct {
	api   *rest.Client
	base  string // of the API
	user  string // the zone was looked up for
	info  zoneInfo
	read  time.Time // when zoneInformation was read; zero: not yet
	clock time.Time // the server's, at that moment
}

func newClient(cfg Config, base *url.URL) (*client, error) {
	c := &client{creds: cfg.Credentials, turn: make(chan struct{}, 1)}
	if !loopback(base.Hostname()) {
		_, c.domain, _ = strings.Cut(strings.ToLower(base.Hostname()), ".")
	}
	c.conf = rest.Config{
		Provider: name, Base: base, Transport: cfg.Transport,
		Classify: classify, Budget: cfg.Budget,
		Retry:     rest.Retry{Max: cfg.Retries, Limited: time.Minute},
		UserAgent: cmp.Or(cfg.UserAgent, "psasync"),
	}
	if c.conf.Budget == nil {
		c.conf.Budget = NewBudget(nil)
	}
	var err error
	c.open, err = rest.New(c.conf)
	c.conf.Authorize, c.conf.Renew = c.authorize, c.rotated
	return c, err
}

// usedKey is the key of the Credentials a call was sent with last.
type usedKey struct{}

// rotated reports whether there is another login by now than the one that was
// just refused: a request may be on its way while secrets are exchanged.
func (c *client) rotated(ctx context.Context, _ *rest.Response) bool {
	used, ok := ctx.Value(usedKey{}).(*Credentials)
	if !ok {
		return false
	}
	login, err := c.creds(ctx)
	return err == nil && login != *used
}

// login returns the credentials; what is missing is an error.
func (c *client) login(ctx context.Context) (Credentials, error) {
	login, err := c.creds(ctx)
	switch {
	case err != nil:
		return Credentials{}, err
	case login.IntegrationCode == "" || login.UserName == "" || login.Secret == "":
		return Credentials{}, errors.New("Config.Credentials returned an empty integration code, user name or secret")
	}
	return login, nil
}

// authorize sets the three headers of the API (REST API, Security and
// authentication).
func (c *client) authorize(ctx context.Context, r *http.Request) error {
	login, err := c.login(ctx)
	if err != nil {
		return err
	}
	if used, ok := ctx.Value(usedKey{}).(*Credentials); ok {
		*used = login
	}
	r.Header.Set("ApiIntegrationCode", login.IntegrationCode)
	r.Header.Set("UserName", login.UserName)
	r.Header.Set("Secret", login.Secret)
	return nil
}

// do sends a request whose Path and Endpoint begin below the API's root. A
// request that was refused is sent once more if the database is in another
// zone by now: the vendor moves databases, and the old zone knows no login of
// theirs any more.
func (c *client) do(ctx context.Context, r rest.Request) (*rest.Response, error) {
	at, err := c.here(ctx)
	if err != nil {
		return nil, err
	}
	c.count(ctx, at)
	ctx = context.WithValue(ctx, usedKey{}, new(Credentials))
	resp, err := at.api.Do(ctx, r)
	if err == nil || !errors.Is(err, psa.ErrAuth) {
		return resp, err
	}
	now, moved, lookErr := c.moved(ctx, at)
	if lookErr != nil || !moved {
		return nil, err // the first error says more
	}
	if strings.Contains(r.Path, "://") {
		return nil, &psa.Error{Provider: name, Op: r.Op, Ref: r.Ref, Code: psa.ErrUnavailable, Detail: "the database moved to another zone while the list was read"}
	}
	return now.api.Do(ctx, r)
}

// here returns where the database answers, asking the vendor the first time.
func (c *client) here(ctx context.Context) (place, error) {
	login, err := c.login(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return place{}, &psa.Error{Provider: name, Op: "discover", Err: ctx.Err()}
		}
		return place{}, &psa.Error{Provider: name, Op: "discover", Code: psa.ErrAuth, Err: err}
	}
	good := func(p place) bool { return p.api != nil && p.user == login.UserName && time.Since(p.read) < stale }
	c.mu.Lock()
	p := c.place
	c.mu.Unlock()
	if good(p) {
		return p, nil
	}
	return c.look(ctx, login.UserName, good)
}

// moved reports whether the database is in another zone than it was.
func (c *client) moved(ctx context.Context, at place) (now place, moved bool, err error) {
	now, err = c.look(ctx, at.user, func(p place) bool { return p.base != at.base || time.Since(p.read) < fresh })
	return now, err == nil && now.base != at.base, err
}

// look reads zoneInformation unless what is known by now is good enough. One
// caller at a time reads; who waited meanwhile takes over what it found. A
// caller that is cancelled leaves its turn to the next.
func (c *client) look(ctx context.Context, user string, good func(place) bool) (place, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return place{}, &psa.Error{Provider: name, Op: "discover", Err: ctx.Err()}
	}
	c.mu.Lock()
	old := c.place
	c.mu.Unlock()
	if good(old) {
		return old, nil
	}
	p, err := c.readZone(ctx, user)
	if err != nil {
		return place{}, err
	}
	if p.base == old.base {
		p.api = old.api
	} else {
		conf := c.conf
		if conf.Base, err = url.Parse(p.base); err == nil {
			p.api, err = rest.New(conf)
		}
		if err != nil {
			return place{}, &psa.Error{Provider: name, Op: "discover", Code: psa.ErrData, Detail: "zoneInformation names no address that can be used"}
		}
		if old.api != nil {
			old.api.CloseIdleConnections()
		}
	}
	c.mu.Lock()
	c.place = p
	c.mu.Unlock()
	return p, nil
}

// zoneInfo is the answer of zoneInformation.
type zoneInfo struct {
	ZoneName string      `json:"zoneName"`
	URL      string      `json:"url"`
	WebURL   string      `json:"webUrl"`
	CI       json.Number `json:"ci"`
}

// readZone asks the vendor where the database of an API user is: no
// credentials. An unknown user is HTTP 500.
func (c *client) readZone(ctx context.Context, user string) (place, error) {
	fail := func(code error, detail string) (place, error) {
		return place{}, &psa.Error{Provider: name, Op: "discover", Code: code, Detail: detail}
	}
	resp, err := c.open.Do(ctx, rest.Request{
		Path: apiRoot + "/zoneInformation", Endpoint: "/zoneInformation", Op: "discover", Query: url.Values{"user": {user}},
	})
	switch {
	case errors.Is(err, psa.ErrInvalid), errors.Is(err, psa.ErrNotFound):
		// The user is part of the login. This must never look like a row that
		// is gone.
		return fail(psa.ErrAuth, "the vendor knows no zone of this API user")
	case err != nil:
		return place{}, err
	}
	p := place{user: user, read: time.Now(), clock: resp.Date}
	if json.Unmarshal(resp.Body, &p.info) != nil || p.info.URL == "" || numeric(p.info.CI.String()) != nil {
		return fail(psa.ErrData, "zoneInformation is no JSON object of the known form")
	}
	u, err := url.Parse(p.info.URL)
	if err != nil || !c.ours(u) {
		// Credentials are about to be sent there.
		return fail(psa.ErrData, "zoneInformation names a zone that is no host of "+cmp.Or(c.domain, "this machine"))
	}
	p.base = strings.TrimSuffix(u.String(), "/") + "/V1.0" // the case of url is kept: it may matter
	return p, nil
}

// ours reports whether a zone belongs to the vendor that was asked.
func (c *client) ours(u *url.URL) bool {
	if c.domain == "" {
		return loopback(u.Hostname())
	}
	return u.Scheme == "https" && strings.HasSuffix(strings.ToLower(u.Hostname()), "."+c.domain)
}

// count tells the budget from time to time what the vendor has counted, since
// the quota is shared with every other integration of the database. Without an
// answer the budget goes on with what it knows: nothing depends on it.
func (c *client) count(ctx context.Context, at place) {
	c.mu.Lock()
	due := c.counted.IsZero() || time.Since(c.counted) >= census
	if due {
		c.counted = time.Now()
	}
	c.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	resp, err := at.api.Do(ctx, rest.Request{Path: "/ThresholdInformation", Endpoint: "/ThresholdInformation", Op: "count requests"})
	if err != nil {
		return
	}
	var t struct {
		Minutes int  `json:"requestThresholdTimeframe"`
		Count   *int `json:"currentTimeframeRequestCount"`
	}
	if json.Unmarshal(resp.Body, &t) == nil && t.Count != nil {
		c.conf.Budget.Used(*t.Count, time.Duration(t.Minutes)*time.Minute)
	}
}

// quirks are what this database turned out not to offer, by entity. They are
// learned once, so that a request is not refused again and again.
type quirks struct {
	mu   sync.Mutex // never held across a wait
	seen map[string]bool
}

func (q *quirks) has(what, entity string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.seen[what+" "+entity]
}

func (q *quirks) learn(what, entity string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.seen == nil {
		q.seen = map[string]bool{}
	}
	q.seen[what+" "+entity] = true
}
