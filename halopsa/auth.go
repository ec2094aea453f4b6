package halopsa

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const (
	// early is how long before its end a token is replaced.
	early = time.Minute
	// calm is for how long a token that replaced a refused one is believed: the
	// next 401 is about rights.
	calm = time.Minute
)

// A place is where tokens come from.
type place struct {
	auth   string // URL of the authorisation server
	tenant string
	told   bool      // by the instance
	clock  time.Time // the server's, when it was asked
}

// where returns where tokens come from, as the instance tells at authinfo
// (vendor's API guide). Builds without it have the server at /auth.
func (c *client) where(ctx context.Context) (place, error) {
	return c.place.Get(ctx, "discover", "", 0, c.discover)
}

func (c *client) discover(ctx context.Context) (place, error) {
	fail := func(detail string) (place, error) {
		return place{}, &psa.Error{Provider: name, Op: "discover", Code: psa.ErrData, Detail: detail}
	}
	app := *c.base
	app.Path = strings.TrimSuffix(app.Path, "/api")
	at := place{auth: app.String() + "/auth"}
	var info struct {
		AuthURL  string          `json:"auth_url"`
		TenantID json.RawMessage `json:"tenant_id"`
	}
	resp, err := c.open.JSON(ctx, rest.Request{Path: "/AuthInfo", Endpoint: "/AuthInfo", Op: "discover"}, &info)
	switch {
	case errors.Is(err, psa.ErrNotFound), errors.Is(err, psa.ErrUnsupported):
	case err != nil:
		return place{}, err
	default:
		at.told, at.clock = true, resp.Date
		if at.tenant = strings.Trim(string(info.TenantID), `" `); at.tenant == "null" {
			at.tenant = ""
		}
		if strings.ContainsAny(at.tenant, "\\/?#&= \t\r\n{[") {
			return fail("authinfo names a tenant that is none")
		}
		if u := strings.TrimRight(strings.TrimSpace(info.AuthURL), "/"); u != "" {
			at.auth = u
		}
	}
	if c.authURL != "" {
		at.auth = c.authURL
	}
	if c.tenant != "" {
		at.tenant = c.tenant
	}
	if _, err := server(at.auth); err != nil {
		return fail("the authorisation server that authinfo names " + err.Error())
	}
	return at, nil
}

// tokens holds the one token of an instance.
type tokens struct {
	turn chan struct{} // held by the one caller that asks for a token
	mu   sync.Mutex    // never held across a wait
	now  token
	door door
}

type token struct {
	text    string
	creds   Credentials // it was given for
	ends    time.Time   // zero: not known
	renewed time.Time   // when it replaced a refused one; zero: it did not
	good    bool        // a request was accepted with it
}

// A door is the authorisation server, with an origin, retries and pauses of
// its own: the bearer token never goes there, nor the secret anywhere else.
type door struct {
	auth   string
	client *rest.Client
}

func (t *token) fits(creds Credentials, refused string) bool {
	return t.text != "" && t.text != refused && t.creds == creds && (t.ends.IsZero() || time.Now().Before(t.ends))
}

// token returns a token that is not the refused one. One caller at a time asks
// for a new one; who waited meanwhile takes it over. A caller that is
// cancelled leaves its turn to the next.
func (c *client) token(ctx context.Context, refused string) (string, error) {
	creds, err := c.creds(ctx)
	if err != nil {
		return "", err
	}
	if creds.ClientID == "" || creds.ClientSecret == "" {
		return "", errors.New("Config.Credentials returned an empty value")
	}
	t := &c.tokens
	look := func() (string, bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.now.text, t.now.fits(creds, refused)
	}
	if text, ok := look(); ok {
		return text, nil
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", &psa.Error{Provider: name, Op: opToken, Err: ctx.Err()}
	}
	if text, ok := look(); ok {
		return text, nil
	}
	next, err := c.login(ctx, creds)
	if err != nil {
		return "", err
	}
	if refused != "" {
		next.renewed = time.Now()
	}
	t.mu.Lock()
	t.now = next
	t.mu.Unlock()
	return next.text, nil
}

const opToken = "get a token"

// login asks for a token: the client credentials grant, with the secret in the
// form and the tenant in the query. The caller holds the turn.
func (c *client) login(ctx context.Context, creds Credentials) (token, error) {
	at, err := c.where(ctx)
	if err != nil {
		return token{}, err
	}
	door, err := c.enter(at)
	if err != nil {
		return token{}, err
	}
	address := at.auth + "/token"
	if at.tenant != "" {
		address += "?" + url.Values{"tenant": {at.tenant}}.Encode()
	}
	grant := clientcredentials.Config{
		ClientID: creds.ClientID, ClientSecret: creds.ClientSecret,
		TokenURL: address, Scopes: c.scopes, AuthStyle: oauth2.AuthStyleInParams,
	}
	agent := &http.Client{Transport: porter{door}}
	got, err := grant.Token(context.WithValue(ctx, oauth2.HTTPClient, agent))
	if err != nil {
		var e *psa.Error
		if errors.As(err, &e) {
			return token{}, e // less the texts of the wrappers, which hold the address
		}
		// The texts of package oauth2 may hold the answer.
		return token{}, &psa.Error{Provider: name, Op: opToken, Code: psa.ErrData, Detail: "the answer holds no token"}
	}
	if got.Type() != "Bearer" || strings.ContainsAny(got.AccessToken, " \t\r\n") {
		return token{}, &psa.Error{Provider: name, Op: opToken, Code: psa.ErrData, Detail: "the answer holds no bearer token"}
	}
	next := token{text: got.AccessToken, creds: creds}
	if !got.Expiry.IsZero() {
		life := time.Until(got.Expiry)
		next.ends = time.Now().Add(life - min(early, life/2))
	}
	return next, nil
}

// enter returns the client for the authorisation server. The caller holds the
// turn.
func (c *client) enter(at place) (*rest.Client, error) {
	c.tokens.mu.Lock()
	d := c.tokens.door
	c.tokens.mu.Unlock()
	if d.client != nil && d.auth == at.auth {
		return d.client, nil
	}
	base, err := url.Parse(at.auth)
	if err != nil {
		return nil, &psa.Error{Provider: name, Op: opToken, Code: psa.ErrData, Detail: "the authorisation server has no URL"}
	}
	conf := c.conf
	conf.Base, conf.Budget, conf.Classify = base, nil, classifyToken
	client, err := rest.New(conf)
	if err != nil {
		return nil, err
	}
	c.tokens.mu.Lock()
	c.tokens.door = door{auth: at.auth, client: client}
	c.tokens.mu.Unlock()
	return client, nil
}

// A porter carries the request of package oauth2 through a [rest.Client], which
// bounds, repeats, traces and redacts it.
type porter struct{ client *rest.Client }

func (p porter) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	address := *r.URL
	address.RawQuery = ""
	resp, err := p.client.Do(r.Context(), rest.Request{
		Method: r.Method, Path: address.String(), Endpoint: "/token", Query: r.URL.Query(),
		Header: r.Header, Body: body, Op: opToken, Safe: true,
	})
	if closing := r.Body.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: resp.Status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(resp.Body)), Request: r,
	}, nil
}

// usedKey is for the token that an attempt was made with.
type usedKey struct{}

// authorize sets the bearer token, and notes which one it was.
func (c *client) authorize(ctx context.Context, r *http.Request) error {
	used, _ := ctx.Value(usedKey{}).(*string)
	text, err := c.token(ctx, "")
	if err != nil {
		return err
	}
	if used != nil {
		*used = text
	}
	r.Header.Set("Authorization", "Bearer "+text)
	return nil
}

// renew is asked once per call after a 401, which means an expired or revoked
// token, or a right that the agent lacks. The token is replaced, unless it has
// itself just replaced a refused one.
func (c *client) renew(ctx context.Context, _ *rest.Response) bool {
	used, _ := ctx.Value(usedKey{}).(*string)
	if used == nil {
		return false
	}
	c.tokens.mu.Lock()
	now := c.tokens.now
	c.tokens.mu.Unlock()
	if now.text == *used && !now.renewed.IsZero() && time.Since(now.renewed) < calm {
		return false
	}
	_, err := c.token(ctx, *used)
	if errors.Is(err, psa.ErrAuth) {
		// Forgotten, so that the repetition asks for a token first, and tells
		// why there is none.
		c.tokens.mu.Lock()
		if c.tokens.now.text == *used {
			c.tokens.now = token{}
		}
		c.tokens.mu.Unlock()
		return true
	}
	return err == nil
}

// accepted notes that the server took a token.
func (c *client) accepted(text string) {
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	if c.tokens.now.text == text {
		c.tokens.now.good = true
	}
}

// taken reports whether the server took the token a moment ago, or takes it for
// the one request that needs no right at all.
func (c *client) taken(ctx context.Context, text string) bool {
	c.tokens.mu.Lock()
	now := c.tokens.now
	good := now.text == text && now.good && !now.renewed.IsZero() && time.Since(now.renewed) < calm
	c.tokens.mu.Unlock()
	if good {
		return true
	}
	used := ""
	_, err := c.api.Do(context.WithValue(ctx, usedKey{}, &used), rest.Request{Path: "/Agent/me", Endpoint: "/Agent/me", Op: "check"})
	if err == nil || errors.Is(err, psa.ErrDenied) || errors.Is(err, psa.ErrNotFound) {
		c.accepted(used)
		return true
	}
	return false
}
