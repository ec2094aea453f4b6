package halopsatest

import (
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// Server answers the REST API of HaloPSA from a tenant. It is safe for
// concurrent use; every setting can be changed while requests run.
type Server struct {
	core  *simulator.Core
	opts  Options
	lists listCache

	mu           sync.Mutex
	tenant       *Tenant
	creds        Credentials
	life         time.Duration
	tokens       map[string]token
	issued       int
	listener     *simulator.Listener
	authListener *simulator.Listener
	closed       bool
}

// The hosts of URL and AuthURL under Options.InProcess.
const (
	inProcessHost = "halopsa.invalid"
	inProcessAuth = "auth.halopsa.invalid"
)

// NewServer returns a server for the tenant; nil options are the defaults. It
// does not listen before [Server.URL] is called: in a testing/synctest bubble
// use Options.InProcess and [Server.Transport].
func NewServer(tenant *Tenant, opts *Options) *Server {
	s := &Server{tenant: tenant, tokens: map[string]token{}}
	if opts != nil {
		s.opts = *opts
	}
	s.opts.defaults()
	s.creds, s.life = s.opts.Credentials, s.opts.TokenLife
	s.core = simulator.New(simulator.Options{
		Handler: http.HandlerFunc(s.serve), Path: tenant.api.apiPath, TooMany: s.tooMany,
		Clock: tenant.clock, Gzip: s.opts.Gzip, LogSize: s.opts.LogSize,
	})
	s.core.SetLimit(s.opts.Limit)
	s.core.SetLatency(s.opts.Latency)
	return s
}

// URL returns the application's URL, without /api. The first call starts to
// listen on a loopback port, unless the server is in-process; it panics if
// that fails.
func (s *Server) URL() string {
	if s.opts.InProcess {
		return "https://" + inProcessHost
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return "http://" + s.listen(&s.listener)
}

// AuthURL returns the URL of the authorisation server; tokens come from /token
// below it. Programs should learn it from /api/authinfo.
func (s *Server) AuthURL() string {
	switch {
	case !s.opts.SharedAuth:
		return s.URL() + "/auth"
	case s.opts.InProcess:
		return "https://" + inProcessAuth
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return "http://" + s.listen(&s.authListener)
}

// listen starts to listen on a loopback port, once; s.mu must be held.
func (s *Server) listen(l **simulator.Listener) string {
	if *l == nil {
		if s.closed {
			panic("halopsatest: URL of a closed server")
		}
		n, err := simulator.Listen("127.0.0.1:0", s.core)
		if err != nil {
			panic(err)
		}
		*l = n
	}
	return (*l).Addr()
}

// Handler returns the API as an http.Handler, for a server of your own.
func (s *Server) Handler() http.Handler { return s.core }

// Transport returns a RoundTripper that answers in this process without
// sockets: bodies are streamed, contexts honoured, waits virtual inside a
// testing/synctest bubble. Requests to any host but those of [Server.URL] and
// [Server.AuthURL] fail and are logged as strays.
func (s *Server) Transport() http.RoundTripper { return s.core.Transport(s.core, s.owns) }

func (s *Server) owns(u *url.URL) bool {
	if s.opts.InProcess && u.Scheme == "https" {
		return u.Host == inProcessHost || s.opts.SharedAuth && u.Host == inProcessAuth
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range []*simulator.Listener{s.listener, s.authListener} {
		if l != nil && u.Scheme == "http" && u.Host == l.Addr() {
			return true
		}
	}
	return false
}

// authHost reports whether a request was sent to the shared authorisation
// server.
func (s *Server) authHost(host string) bool {
	if s.opts.InProcess {
		return s.opts.SharedAuth && host == inProcessAuth
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.authListener != nil && host == s.authListener.Addr()
}

// Close stops listening and cuts open connections. It may be called twice.
func (s *Server) Close() {
	s.mu.Lock()
	open := []*simulator.Listener{s.listener, s.authListener}
	s.listener, s.authListener, s.closed = nil, nil, true
	s.mu.Unlock()
	for _, l := range open {
		if l != nil {
			// The listener is ours alone: an error closing it changes nothing.
			_ = l.Close()
		}
	}
}

// Requests returns the latest requests, oldest first.
func (s *Server) Requests() []Request { return s.core.Log.All() }

// Strays returns the requests that were sent to another host through
// [Server.Transport].
func (s *Server) Strays() []Request { return s.core.Log.Strays() }

// Fail arms faults; the ids returned are for [Server.Heal].
func (s *Server) Fail(f ...Fault) []int { return s.core.Fail(f...) }

// Heal removes the faults with these ids, or all if there are none.
func (s *Server) Heal(ids ...int) { s.core.Heal(ids...) }

// SetLatency delays every answer from now on.
func (s *Server) SetLatency(d time.Duration) { s.core.SetLatency(d) }

// Limit replaces the rate limit and forgets what was counted against it. Unlike
// in Options the zero Limit is no limit.
func (s *Server) Limit(l Limit) { s.core.SetLimit(l) }

// Gauge returns requests in flight, refused, and sent too early after a 429.
func (s *Server) Gauge() Gauge { return s.core.Gauge() }

// Violations returns how many requests the rate limit refused.
func (s *Server) Violations() int { return s.core.Gauge().Violations }

// Before registers f to run when a request has arrived, before it takes
// effect: a test may change the tenant there like a person at work.
func (s *Server) Before(f func(*http.Request)) { s.core.Before(f) }

// After registers f to run when an answer is complete.
func (s *Server) After(f func(*http.Request)) { s.core.After(f) }

// MailSent returns how many mails Halo would have sent to contacts and agents.
func (s *Server) MailSent() int { return len(s.core.Mailbox.All()) }

// Mail returns the mails Halo would have sent.
func (s *Server) Mail() []Mail { return s.core.Mailbox.All() }

// ClearCounters empties the log, the mails, the gauge and the armed faults.
func (s *Server) ClearCounters() { s.core.ClearCounters() }

// Tenant returns the tenant the server answers from.
func (s *Server) Tenant() *Tenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tenant
}

// SetTenant swaps the data for a tenant that nothing uses yet; the clock stays
// the first tenant's.
func (s *Server) SetTenant(t *Tenant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.clock = s.core.Clock
	s.tenant = t
}

// Credentials returns what is accepted now.
func (s *Server) Credentials() Credentials {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.creds
}

// SetCredentials replaces the application: tokens issued to another client id
// or for another secret stop working.
func (s *Server) SetCredentials(c Credentials) {
	c.defaults()
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ClientID != s.creds.ClientID || c.ClientSecret != s.creds.ClientSecret {
		clear(s.tokens)
	}
	s.creds = c
}

// SetTenantID makes the server another instance: tenant_id is id, everything
// else stays.
func (s *Server) SetTenantID(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.creds.Tenant = id
}

// Deny takes the application's right for requests away: 403. The method may be
// empty for all; the path is what follows /api in the vendor's spelling, with
// "*" for one segment and a trailing "/**" for any rest, such as /Lookup or
// /Agent/*. Options.NoRights lists paths that answer 401 instead.
func (s *Server) Deny(method, path string) { s.core.Rights.Deny(method, path) }

// Denied lists what [Server.Deny] took away, as "METHOD path".
func (s *Server) Denied() []string { return s.core.Rights.Denied() }

// AllowAll gives back what [Server.Deny] and [Server.Hide] took away.
func (s *Server) AllowAll() { s.core.Rights.AllowAll() }

// Hide makes one row of a collection invisible to the application, as a
// restriction of its agent to some clients or teams does: lists shrink without
// an error, and the row is not found.
func (s *Server) Hide(path string, id int) {
	e, parent, err := s.Tenant().collection(path)
	if err != nil {
		panic(err)
	}
	s.core.Rights.Hide(e.path, rowID(e, parent, id))
}
