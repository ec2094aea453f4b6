package rest

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/psasync/psasync/psa"
)

// checkURL refuses what no credential may be sent to.
func checkURL(u *url.URL) error {
	switch {
	case u.User != nil:
		return errors.New("user name and password do not belong into a URL")
	case u.Hostname() == "":
		return errors.New("no host")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	default:
		return errors.New("only https is allowed (http on loopback hosts)")
	}
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// originOf returns scheme, host and port in one form.
func originOf(u *url.URL) string {
	scheme := strings.ToLower(u.Scheme)
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[scheme]
	}
	return scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// place names an address in an error: no path, no query.
func place(u *url.URL) string { return u.Scheme + "://" + u.Host }

// resolve turns Request.Path and Query into an address of an allowed origin.
func (c *Client) resolve(path string, query url.Values) (*url.URL, error) {
	if !strings.HasPrefix(path, "/") && strings.Contains(path, "://") {
		return c.follow(path, query)
	}
	if strings.ContainsAny(path, "?#\\") || !strings.HasPrefix(path, "/") && path != "" {
		return nil, &psa.Error{Code: psa.ErrInvalid, Detail: "a path starts with a slash and has its ids escaped"}
	}
	base := *c.cfg.Base
	base.RawQuery, base.Fragment = "", ""
	u, err := url.Parse(strings.TrimSuffix(base.String(), "/") + path)
	if err != nil {
		return nil, &psa.Error{Code: psa.ErrInvalid, Detail: "the path is malformed"}
	}
	for _, segment := range strings.Split(u.Path, "/") {
		if segment == "." || segment == ".." {
			return nil, &psa.Error{Code: psa.ErrInvalid, Detail: "the path leaves its folder"}
		}
	}
	u.RawQuery = query.Encode()
	return u, nil
}

// follow admits an absolute address.
func (c *Client) follow(link string, query url.Values) (*url.URL, error) {
	u, err := url.Parse(link)
	if err != nil {
		return nil, &psa.Error{Code: psa.ErrData, Detail: "a link is no URL"}
	}
	if err := c.admit(u); err != nil {
		return nil, err
	}
	u.Fragment, u.RawFragment = "", ""
	if len(query) > 0 {
		all := u.Query()
		for k, v := range query {
			all[k] = v
		}
		u.RawQuery = all.Encode()
	}
	return u, nil
}

// admit is the check of every address, right before it is used too.
func (c *Client) admit(u *url.URL) error {
	if err := checkURL(u); err != nil {
		return &psa.Error{Code: psa.ErrData, Detail: "refused to go to " + place(u) + ": " + err.Error()}
	}
	if o := originOf(u); o != c.origin && !c.open[o] {
		return &psa.Error{Code: psa.ErrData, Detail: "refused to go to " + place(u) + ": not the host of this connection"}
	}
	return nil
}

func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// redirected describes a 3xx answer. Following it could hand custom credential
// headers to another host, and turns a POST into a GET.
func redirected(from *url.URL, h http.Header) *psa.Error {
	e := &psa.Error{Code: psa.ErrData, Detail: "a redirect, which is never followed"}
	loc := h.Get("Location")
	if loc == "" {
		return e
	}
	if u, err := from.Parse(loc); err == nil && u.Host != "" {
		e.Detail = "a redirect to " + bound(place(u), 200) + ", which is never followed"
	}
	return e
}

// template guesses Request.Endpoint: what has a digit is an id.
func template(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if strings.ContainsAny(s, "0123456789") {
			segments[i] = "{id}"
		}
	}
	return strings.Join(segments, "/")
}
