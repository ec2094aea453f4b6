package autotasktest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// Server answers the REST API of Autotask from a tenant. It is safe for
// concurrent use; every setting can be changed while requests run.
type Server struct {
	core    *simulator.Core
	opts    Options
	threads threads
	// What is forbidden shows, other than what core.Rights takes away; never is
	// that of Options.Forbid.
	never, forbidden simulator.Rights

	mu        sync.Mutex
	tenant    *Tenant
	creds     Credentials
	instance  int
	zone      string // host of the database's zone; empty: the host that is called
	zones     int    // how often the database moved
	listeners []*simulator.Listener
	closed    bool
}

// discoveryHost is the host of URL under Options.InProcess.
const discoveryHost = "webservices.autotask.invalid"

func zoneHost(n int) string { return fmt.Sprintf("webservices%d.autotask.invalid", n+1) }

// NewServer returns a server for the tenant; nil options are the defaults. It
// does not listen before [Server.URL] is called: in a testing/synctest bubble
// use Options.InProcess and [Server.Transport].
func NewServer(tenant *Tenant, opts *Options) *Server {
	s := &Server{tenant: tenant}
	if opts != nil {
		s.opts = *opts
	}
	s.opts.defaults()
	s.creds = s.opts.Credentials
	s.instance = s.opts.Instance
	if s.opts.InProcess {
		s.zone = zoneHost(0)
	}
	for _, p := range s.opts.Forbid {
		s.never.Deny("", p)
	}
	s.core = simulator.New(simulator.Options{
		Handler: http.HandlerFunc(s.serve), Path: apiPath, TooMany: tooMany,
		Clock: tenant.clock, Gzip: s.opts.Gzip, LogSize: s.opts.LogSize,
	})
	s.Limit(s.opts.Limit)
	s.core.SetLatency(s.opts.Latency)
	return s
}

// URL returns the base URL, without a path, of a host that answers zone
// discovery. Unless the server is in-process the database's zone is there too,
// until [Server.MoveZone]. The first call starts to listen on a loopback port,
// unless the server is in-process; it panics if that fails.
func (s *Server) URL() string {
	if s.opts.InProcess {
		return "https://" + discoveryHost
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.listeners) == 0 {
		s.listen()
	}
	return "http://" + s.listeners[0].Addr()
}

// listen opens a loopback port. The lock must be held.
func (s *Server) listen() *simulator.Listener {
	if s.closed {
		panic("autotasktest: URL of a closed server")
	}
	l, err := simulator.Listen("127.0.0.1:0", s.Handler())
	if err != nil {
		panic(err)
	}
	s.listeners = append(s.listeners, l)
	return l
}

// Handler returns the API as an http.Handler, for a server of your own.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.front) }

// Transport returns a RoundTripper that answers in this process without
// sockets: bodies are streamed, contexts honoured, waits virtual inside a
// testing/synctest bubble. Requests to any host but those of [Server.URL] and
// of the zones fail and are logged as strays.
func (s *Server) Transport() http.RoundTripper { return s.core.Transport(s.Handler(), s.owns) }

func (s *Server) owns(u *url.URL) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opts.InProcess {
		own := u.Host == discoveryHost
		for i := range s.zones + 1 {
			own = own || u.Host == zoneHost(i)
		}
		return own && u.Scheme == "https"
	}
	return u.Scheme == "http" && slices.ContainsFunc(s.listeners, func(l *simulator.Listener) bool { return l.Addr() == u.Host })
}

// Close stops listening and cuts open connections. It may be called twice.
func (s *Server) Close() {
	s.mu.Lock()
	open := s.listeners
	s.listeners, s.closed = nil, true
	s.mu.Unlock()
	for _, l := range open {
		// The listener is ours alone: an error closing it changes nothing.
		_ = l.Close()
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

// Limit replaces the limit of requests for the whole database, an hour's
// unless Window says otherwise, and forgets what was counted against it.
func (s *Server) Limit(l Limit) {
	if l.Window == 0 {
		l.Window = time.Hour
	}
	s.core.SetLimit(l)
}

// Gauge returns requests in flight, refused, and sent too early after a 429.
func (s *Server) Gauge() Gauge {
	g := s.core.Gauge()
	g.Violations += s.threads.refused()
	return g
}

// Violations returns how many requests the hourly limit and the limit of
// threads per endpoint refused.
func (s *Server) Violations() int { return s.Gauge().Violations }

// MaxThreads returns the most requests in flight at one moment by endpoint,
// such as Tickets.
func (s *Server) MaxThreads() map[string]int { return s.threads.most() }

// Before registers f to run when a request has arrived, before it takes
// effect: a test may change the tenant there like a person at work.
func (s *Server) Before(f func(*http.Request)) { s.core.Before(f) }

// After registers f to run when an answer is complete.
func (s *Server) After(f func(*http.Request)) { s.core.After(f) }

// MailSent returns how many mails Autotask would have sent.
func (s *Server) MailSent() int { return len(s.core.Mailbox.All()) }

// Mail returns the mails Autotask would have sent: those of the tenant's
// workflow rules, which no call of the API can suppress.
func (s *Server) Mail() []Mail { return s.core.Mailbox.All() }

// ClearCounters empties the log, the mails, the gauge and the armed faults.
func (s *Server) ClearCounters() {
	s.core.ClearCounters()
	s.threads.clear()
}

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

// SetCredentials rotates the credentials; requests with the old ones answer 401.
func (s *Server) SetCredentials(c Credentials) {
	c.defaults()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.creds = c
}

// SetInstance makes the server another database: zone discovery answers this
// ci, everything else stays.
func (s *Server) SetInstance(ci int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instance = ci
}

// MoveZone moves the database to another zone and returns the zone's base URL:
// the old zone answers 401, zone discovery names the new URL. A server that
// listens opens another port for it.
func (s *Server) MoveZone() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zones++
	if s.opts.InProcess {
		s.zone = zoneHost(s.zones)
		return "https://" + s.zone
	}
	s.zone = s.listen().Addr()
	return "http://" + s.zone
}

// Deny takes the API user's right for a path away. Autotask does not say so:
// lists are empty, rows are not found; writes are refused. The method may be
// empty for all; the path is that below V1.0 with "*" for one segment and a
// trailing "/**" for any rest, such as /BillingCodes/**.
func (s *Server) Deny(method, path string) { s.core.Rights.Deny(method, path) }

// Denied lists what [Server.Deny] took away, as "METHOD path".
func (s *Server) Denied() []string { return s.core.Rights.Denied() }

// Forbid makes a path answer 403, as some entities do without the right for
// them; see Deny for the path.
func (s *Server) Forbid(method, path string) { s.forbidden.Deny(method, path) }

// AllowAll gives back what [Server.Deny], [Server.Forbid] and [Server.Hide]
// took away; Options.Forbid stays.
func (s *Server) AllowAll() {
	s.core.Rights.AllowAll()
	s.forbidden.AllowAll()
}

// Hide makes one row of a collection invisible to the API user, as a security
// level does: lists shrink without an error, and it is not found.
func (s *Server) Hide(path string, id int) {
	if err := s.hide(path, id); err != nil {
		panic(err)
	}
}

func (s *Server) hide(path string, id int) error {
	e, _, err := s.Tenant().collection(path)
	if err != nil {
		return err
	}
	s.core.Rights.Hide(e.path, id)
	return nil
}

// may reports whether the API user has the right for a request, and whether
// the lack of it shows.
func (s *Server) may(method, path string) (ok, forbidden bool) {
	if s.never.Denies(method, path) || s.forbidden.Denies(method, path) {
		return false, true
	}
	return !s.core.Rights.Denies(method, path), false
}
