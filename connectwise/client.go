package connectwise

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

// A Budget hands out the requests of one account to everything in this process
// that uses it, in the order of asking. It is safe for concurrent use.
type Budget = rest.Budget

// BudgetConfig describes the limits of an account. ConnectWise promises no
// quota; above about 1,000 requests a minute it "will likely" answer "too many
// requests" (developer guide, Rate Limiting). The zero value holds the
// defaults.
type BudgetConfig struct {
	Requests int     // per rolling minute, over all integrations; 0: 1000
	Share    float64 // of Requests that this process spends at most; 0: 0.8
	InFlight int     // requests under way at the same moment; 0: 8
}

// NewBudget returns a budget for [Config.Budget]. nil: the defaults.
func NewBudget(cfg *BudgetConfig) *Budget {
	var c BudgetConfig
	if cfg != nil {
		c = *cfg
	}
	return rest.NewBudget(rest.BudgetConfig{
		Windows: []rest.Window{{
			Requests: cmp.Or(c.Requests, 1000), Per: time.Minute,
			Share: 1 - min(cmp.Or(c.Share, 0.8), 1), // what is left to others
		}},
		InFlight: cmp.Or(c.InFlight, 8),
	})
}

const (
	// alias is the codebase that every server knows, whatever its release.
	alias = "v4_6_release"
	// fresh is how long an answer of companyinfo is good for: nobody is helped
	// by asking twice because two requests failed at once.
	fresh = time.Minute
)

// client sends requests to one account.
type client struct {
	api  *rest.Client // with credentials
	open *rest.Client // without, for companyinfo

	host     string
	company  string
	fixed    string // codebase that is never looked up; "" if it is
	version  string
	versions map[string]string
	creds    func(context.Context) (Credentials, error)
	clientID string

	turn   chan struct{} // held by the one caller that reads companyinfo
	mu     sync.Mutex    // never held across a wait
	place  place
	quirks quirks
}

// A place is where the API answers.
type place struct {
	codebase string
	info     companyInfo
	read     time.Time // when companyinfo was read; zero: not yet
	clock    time.Time // the server's, at that moment
}

func newClient(cfg Config, base *url.URL, codebase string) (*client, error) {
	c := &client{
		host: base.Host, company: cfg.Company,
		version: cfg.APIVersion, versions: cfg.APIVersions,
		creds: cfg.Credentials, clientID: cfg.ClientID,
		turn:  make(chan struct{}, 1),
		place: place{codebase: codebase},
	}
	if strings.EqualFold(codebase, alias) {
		c.fixed = codebase
	}
	conf := rest.Config{
		Provider: name, Base: base, Transport: cfg.Transport,
		Classify: classify, Budget: cfg.Budget,
		Retry:     rest.Retry{Max: cfg.Retries},
		UserAgent: cmp.Or(cfg.UserAgent, "psasync"),
	}
	if conf.Budget == nil {
		conf.Budget = NewBudget(nil)
	}
	var err error
	if c.open, err = rest.New(conf); err != nil {
		return nil, err
	}
	conf.Authorize, conf.Renew = c.authorize, c.rotated
	c.api, err = rest.New(conf)
	return c, err
}

// usedKey is the key of the Credentials a call was sent with last.
type usedKey struct{}

// rotated reports whether there are other keys by now than those the server
// has just refused: a request may be on its way while keys are exchanged.
func (c *client) rotated(ctx context.Context, _ *rest.Response) bool {
	used, ok := ctx.Value(usedKey{}).(*Credentials)
	if !ok {
		return false
	}
	keys, err := c.creds(ctx)
	return err == nil && keys != *used
}

// authorize sets the headers of the developer guide, Authentication: the "+"
// is part of the user name.
func (c *client) authorize(ctx context.Context, r *http.Request) error {
	keys, err := c.creds(ctx)
	if err != nil {
		return err
	}
	if keys.PublicKey == "" || keys.PrivateKey == "" {
		return errors.New("Config.Credentials returned an empty key")
	}
	if used, ok := ctx.Value(usedKey{}).(*Credentials); ok {
		*used = keys
	}
	r.SetBasicAuth(c.company+"+"+keys.PublicKey, keys.PrivateKey)
	r.Header.Set("clientId", c.clientID)
	return nil
}

// accept names the model version of an endpoint.
func (c *client) accept(endpoint string) string {
	version, own := c.versions[endpoint]
	if !own {
		version = c.version
	}
	if version == "" {
		return "application/json"
	}
	return "application/vnd.connectwise.com+json; version=" + version + ", application/json"
}

// do sends a request whose Path and Endpoint begin below the API's root. A
// request that reached no endpoint is sent once more if companyinfo names
// another codebase by now: the cloud changes it with each release.
func (c *client) do(ctx context.Context, r rest.Request) (*rest.Response, error) {
	at, err := c.here(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := c.send(ctx, at.codebase, r)
	if err == nil || !errors.Is(err, errMisrouted) || c.fixed != "" {
		return resp, err
	}
	now, lookErr := c.look(ctx, func(p place) bool {
		return p.codebase != at.codebase || time.Since(p.read) < fresh
	})
	if lookErr != nil || now.codebase == at.codebase {
		return nil, err // the first error says more
	}
	return c.send(ctx, now.codebase, r)
}

func (c *client) send(ctx context.Context, codebase string, r rest.Request) (*rest.Response, error) {
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Accept", c.accept(r.Endpoint))
	r.Path = "/" + codebase + "/apis/3.0" + r.Path
	return c.api.Do(context.WithValue(ctx, usedKey{}, new(Credentials)), r)
}

// here returns where the API answers, asking the server the first time.
func (c *client) here(ctx context.Context) (place, error) {
	c.mu.Lock()
	p := c.place
	c.mu.Unlock()
	if p.codebase != "" {
		return p, nil
	}
	return c.look(ctx, func(p place) bool { return p.codebase != "" })
}

// look reads companyinfo unless what is known by now is good enough. One
// caller at a time reads; who waited meanwhile takes over what it found. A
// caller that is cancelled leaves its turn to the next.
func (c *client) look(ctx context.Context, good func(place) bool) (place, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return place{}, &psa.Error{Provider: name, Op: "discover", Err: ctx.Err()}
	}
	c.mu.Lock()
	p := c.place
	c.mu.Unlock()
	if good(p) {
		return p, nil
	}
	p, err := c.readInfo(ctx)
	if err != nil {
		return place{}, err
	}
	c.mu.Lock()
	c.place = p
	c.mu.Unlock()
	return p, nil
}

// companyInfo is the answer of /login/companyinfo, less IsCloud, which is a
// boolean or the text of one and changes nothing here.
type companyInfo struct {
	CompanyName string
	CompanyID   string
	Codebase    string
	VersionCode string
}

// readInfo asks the server about the company: no credentials, no clientId.
func (c *client) readInfo(ctx context.Context) (place, error) {
	fail := func(code error, detail string) (place, error) {
		return place{}, &psa.Error{Provider: name, Op: "discover", Code: code, Detail: detail}
	}
	resp, err := c.open.Do(ctx, rest.Request{
		Path: "/login/companyinfo/" + url.PathEscape(c.company), Endpoint: "/login/companyinfo/{id}", Op: "discover",
	})
	p := place{read: time.Now(), codebase: alias}
	switch {
	case errors.Is(err, errMisrouted), errors.Is(err, psa.ErrUnsupported), errors.Is(err, psa.ErrNotFound):
		p.codebase = cmp.Or(c.fixed, alias) // an old server; the alias works everywhere
		return p, nil
	case err != nil:
		return place{}, err
	}
	p.clock = resp.Date
	if strings.TrimSpace(string(resp.Body)) == "null" {
		// The company is part of the login. This must never look like a row
		// that is gone.
		return fail(psa.ErrAuth, "the server knows no company "+clean(c.company, 40))
	}
	if json.Unmarshal(resp.Body, &p.info) != nil {
		return fail(psa.ErrData, "companyinfo is no JSON object of the known form")
	}
	if cb := strings.Trim(p.info.Codebase, "/"); cb != "" {
		if !codebaseForm.MatchString(cb) {
			return fail(psa.ErrData, "companyinfo names a codebase that is no folder name")
		}
		p.codebase = cb
	}
	p.codebase = cmp.Or(c.fixed, p.codebase)
	return p, nil
}

// quirks are what this server turned out not to offer, by endpoint. They are
// learned once, so that a request is not refused again and again.
type quirks struct {
	mu    sync.Mutex // never held across a wait
	seen  map[string]bool
	whole int // a page of this many rows is not cut short
	cut   int // pages are cut short at this many rows; 0: they are not
}

func (q *quirks) has(what, endpoint string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.seen[what+" "+endpoint]
}

func (q *quirks) learn(what, endpoint string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.seen == nil {
		q.seen = map[string]bool{}
	}
	q.seen[what+" "+endpoint] = true
}

// proven notes that a page of n rows was not cut short, or that it was.
func (q *quirks) proven(n int, whole bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if whole {
		q.whole = max(q.whole, n)
	} else {
		q.cut = n
	}
}

// doubtful reports whether a first page of n rows, fewer than were asked for,
// may have been cut short. No server is known to cut below the default page
// size, or at a length that it has exceeded before; round lengths are asked
// about each time, since a single list may have a limit of its own.
func (q *quirks) doubtful(n int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch n {
	case 25, 50, 100, 200, 250, 300, 400, 500, 750, maxPage, q.cut:
		return n > 0
	}
	return n > defaultPage && n > q.whole
}
