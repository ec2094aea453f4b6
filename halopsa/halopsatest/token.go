package halopsatest

import (
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// token is an access token that was issued.
type token struct {
	expires time.Time // by the vendor's clock
	scope   string
}

// SetTokenLife changes how long tokens issued from now on are good.
func (s *Server) SetTokenLife(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life = d
}

// RevokeTokens makes all tokens issued so far worthless before they expire:
// requests with them answer 401.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// TokensIssued returns how many tokens were issued.
func (s *Server) TokensIssued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issued
}

// issue makes a token; the second value is its life in seconds.
func (s *Server) issue(scope string) (string, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.core.Clock.Now()
	for k, t := range s.tokens {
		if now.After(t.expires) {
			delete(s.tokens, k)
		}
	}
	s.issued++
	// Opaque to clients; it looks like the JWTs of the vendor.
	part := func(v string) string { return base64.RawURLEncoding.EncodeToString([]byte(v)) }
	t := part(`{"alg":"RS256"}`) + "." + part(guidOf(s.creds.Tenant, s.issued)) + "." + part(guidOf("signature", s.creds.ClientSecret, s.issued))
	s.tokens[t] = token{expires: now.Add(s.life), scope: scope}
	return t, int(s.life / time.Second)
}

// tokenGood reports whether a bearer token is accepted now.
func (s *Server) tokenGood(t string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, ok := s.tokens[t]
	return ok && s.core.Clock.Now().Before(have.expires)
}

// token answers POST {auth}/token, the client credentials grant (OpenIddict).
func (c *call) token() {
	refuse := func(code, description string) {
		writeJSON(c.w, http.StatusBadRequest, map[string]string{"error": code, "error_description": description, "error_uri": "https://documentation.openiddict.com/errors/ID2055"})
	}
	if c.r.Method != http.MethodPost {
		c.w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if !strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		refuse("invalid_request", "The specified 'Content-Type' header is not valid.")
		return
	}
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, 1<<16)
	if err := c.r.ParseForm(); err != nil {
		refuse("invalid_request", "The form cannot be read.")
		return
	}
	creds := c.s.Credentials()
	form := c.r.PostForm
	switch {
	case c.s.opts.SharedAuth && !strings.EqualFold(c.r.URL.Query().Get("tenant"), creds.Tenant):
		refuse("invalid_request", "The specified 'tenant' is not known.")
	case form.Get("grant_type") == "":
		refuse("invalid_request", "The mandatory 'grant_type' parameter is missing.")
	case form.Get("grant_type") != "client_credentials":
		refuse("unsupported_grant_type", "The specified 'grant_type' is not supported.")
	case !strings.EqualFold(form.Get("client_id"), creds.ClientID):
		refuse("invalid_client", "The specified 'client_id' is invalid.")
	case form.Get("client_secret") != creds.ClientSecret:
		refuse("invalid_client", "The specified client credentials are invalid.")
	case form.Get("scope") == "":
		refuse("invalid_scope", "The mandatory 'scope' parameter is missing.")
	default:
		t, life := c.s.issue(form.Get("scope"))
		writeJSON(c.w, http.StatusOK, struct {
			Token   string `json:"access_token"`
			Type    string `json:"token_type"`
			Expires int    `json:"expires_in"`
			Scope   string `json:"scope"`
		}{t, "Bearer", life, form.Get("scope")})
	}
}
