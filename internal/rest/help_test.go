package rest

import (
	"net/http"
	"net/url"
	"testing"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

const testBase = "https://psa.example.test/api"

func newTestClient(tb testing.TB, cfg Config) *Client {
	tb.Helper()
	if cfg.Base == nil {
		u, err := url.Parse(testBase)
		if err != nil {
			tb.Fatal(err)
		}
		cfg.Base = u
	}
	if cfg.Provider == "" {
		cfg.Provider = "vendor"
	}
	c, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
