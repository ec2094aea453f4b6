package halopsa

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// A Budget hands out the requests of one instance to everything in this
// process that uses it, in the order of asking. It is safe for concurrent use.
type Budget = rest.Budget

// BudgetConfig describes the limits of an instance. Hosted instances take 700
// requests in rolling 5 minutes, over all integrations; older ones took 300,
// and self-hosted ones may have no limit. The zero value holds the defaults.
type BudgetConfig struct {
	Requests int     // per rolling 5 minutes, over all integrations; 0: 700
	Share    float64 // of Requests that this process spends at most; 0: 0.8
	InFlight int     // requests under way at the same moment; 0: 4
}

// NewBudget returns a budget for [Config.Budget]. nil: the defaults.
func NewBudget(cfg *BudgetConfig) *Budget {
	var c BudgetConfig
	if cfg != nil {
		c = *cfg
	}
	return rest.NewBudget(rest.BudgetConfig{
		Windows: []rest.Window{{
			Requests: cmp.Or(c.Requests, 700), Per: 5 * time.Minute,
			Share: 1 - min(cmp.Or(c.Share, 0.8), 1), // what is left to others
		}},
		InFlight: cmp.Or(c.InFlight, 4),
	})
}

// fresh is how long what was read about an instance is good for: nobody is
// helped by asking twice because two lists need it at once.
const fresh = time.Minute

// client sends requests to one instance.
type client struct {
	api  *rest.Client // with a token
	open *rest.Client // without, for authinfo and InstanceInfo
	conf rest.Config  // of open

	base    *url.URL // root of the API
	authURL string
	tenant  string
	scopes  []string
	creds   func(context.Context) (Credentials, error)

	place  *rest.Memo[place]
	tokens tokens
}

func newClient(cfg Config, base *url.URL) (*client, error) {
	c := &client{
		base: base, authURL: strings.TrimRight(strings.TrimSpace(cfg.AuthURL), "/"), tenant: cfg.Tenant,
		scopes: slices.Clone(cfg.Scopes), creds: cfg.Credentials,
		place: rest.NewMemo[place](name), tokens: tokens{turn: make(chan struct{}, 1)},
	}
	if c.authURL != "" && !strings.Contains(c.authURL, "://") {
		c.authURL = "https://" + c.authURL
	}
	if len(c.scopes) == 0 {
		c.scopes = []string{"all"}
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
	if c.open, err = rest.New(c.conf); err != nil {
		return nil, err
	}
	conf := c.conf
	conf.Authorize, conf.Renew = c.authorize, c.renew
	c.api, err = rest.New(conf)
	return c, err
}

func (c *client) closeIdle() {
	c.api.CloseIdleConnections()
	c.open.CloseIdleConnections()
	c.tokens.mu.Lock()
	door := c.tokens.door.client
	c.tokens.mu.Unlock()
	if door != nil {
		door.CloseIdleConnections()
	}
}

// do sends a request whose Path begins below the API's root. A 401 that
// a new token does not cure is a missing right if the server takes that token
// elsewhere.
func (c *client) do(ctx context.Context, r rest.Request) (*rest.Response, error) {
	if _, err := c.where(ctx); err != nil {
		return nil, err // here and not in authorize, which must not wait for the budget
	}
	used := ""
	ctx = context.WithValue(ctx, usedKey{}, &used)
	resp, err := c.api.Do(ctx, r)
	if err == nil {
		c.accepted(used)
		return resp, nil
	}
	if errors.Is(err, errRefused) && used != "" && c.taken(ctx, used) {
		var e *psa.Error
		errors.As(err, &e)
		denied := *e
		denied.Code = psa.ErrDenied
		denied.Detail = "the agent of the API application lacks the right"
		return nil, &denied
	}
	return nil, err
}
