package halopsatest

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// apiPath returns the path below /api with the collection in the vendor's
// spelling, "/token" for the authorisation server, or the whole path.
func (a *api) apiPath(r *http.Request) string {
	rest, ok := cutPrefixFold(r.URL.Path, "/api/")
	if !ok {
		if p, ok := cutPrefixFold(r.URL.Path, "/auth/"); ok {
			return "/" + strings.ToLower(p)
		}
		return r.URL.Path
	}
	head, tail, more := strings.Cut(rest, "/")
	name := "/" + strings.ToLower(head)
	switch e := a.byPath[name]; {
	case e != nil:
		name = e.path
	case name == "/authinfo":
		name = "/AuthInfo"
	case name == "/instanceinfo":
		name = "/InstanceInfo"
	}
	if more && tail != "" {
		name += "/" + tail
	}
	return name
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// tooMany is the vendor's answer to a throttled request: a bare text.
func (s *Server) tooMany(w http.ResponseWriter, _ *http.Request, wait time.Duration) {
	if s.opts.RetryAfter {
		w.Header().Set("Retry-After", simulator.RetryAfter(wait))
	}
	l := s.core.Limit()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusTooManyRequests)
	// Fails only when the client has left.
	_, _ = fmt.Fprintf(w, "Rate Limit Reached - %d Requests per rolling %d minute window.", l.Requests, int(l.Window/time.Minute))
}

// call is one request to the API.
type call struct {
	s     *Server
	t     *Tenant
	w     http.ResponseWriter
	r     *http.Request
	q     query
	fault *simulator.Fault
	creds Credentials
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	c := &call{s: s, t: s.Tenant(), w: w, r: r, q: newQuery(r.URL.Query()), fault: simulator.FaultOf(r.Context()), creds: s.Credentials()}
	if err := c.run(); err != nil {
		c.writeError(err)
	}
}

func (c *call) run() *apiError {
	path := c.t.api.apiPath(c.r)
	shared := c.s.authHost(c.r.Host)
	switch {
	case path == "/token" && (shared || !c.s.opts.SharedAuth):
		c.token()
		return nil
	case shared:
		return noRoute()
	}
	if _, ok := cutPrefixFold(c.r.URL.Path, "/api/"); !ok {
		return noRoute()
	}
	switch path {
	case "/AuthInfo", "/InstanceInfo":
		if c.s.opts.NoAuthInfo {
			return noRoute()
		}
		c.info(path)
		return nil
	}
	if !c.authenticate() {
		return nil
	}
	if err := c.permit(path); err != nil {
		return err
	}
	if strings.EqualFold(path, "/Agent/me") && c.r.Method == http.MethodGet {
		return c.get(c.t.api.byPath["/agent"], c.creds.AgentID)
	}
	e, rest := c.t.api.match(path)
	if e == nil {
		return noRoute()
	}
	return c.dispatch(e, rest)
}

// info answers the two calls that need no token.
func (c *call) info(path string) {
	scheme := "https"
	if c.r.TLS == nil && c.r.Host != inProcessHost {
		scheme = "http"
	}
	app := (&url.URL{Scheme: scheme, Host: c.r.Host}).String()
	auth := app + "/auth"
	if c.s.opts.SharedAuth {
		auth = c.s.AuthURL()
	}
	if path == "/AuthInfo" {
		writeJSON(c.w, http.StatusOK, map[string]any{"auth_url": auth + "/", "tenant_id": c.creds.Tenant})
		return
	}
	writeJSON(c.w, http.StatusOK, map[string]any{
		"app_version": c.s.opts.Version, "database_version": c.s.opts.Version, "app_name": "HaloPSA", "auth_url": auth, "agent_url": app, "portal_url": app + "/portal", "dbid": 1,
	})
}

// authenticate checks the bearer token. It has answered if it returns false.
func (c *call) authenticate() bool {
	t, ok := cutPrefixFold(c.r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !ok:
		c.w.Header().Set("WWW-Authenticate", "Bearer")
	case c.s.tokenGood(t):
		return true
	default:
		c.w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	c.w.WriteHeader(http.StatusUnauthorized)
	return false
}

// permit checks the rights of the application's agent.
func (c *call) permit(path string) *apiError {
	for _, p := range c.s.opts.NoRights {
		if simulator.MatchPath(p, path) {
			return &apiError{status: http.StatusUnauthorized}
		}
	}
	if c.s.core.Rights.Denies(c.r.Method, path) {
		return &apiError{status: http.StatusForbidden, shape: ErrorException, msg: "You do not have permission to access this."}
	}
	return nil
}

func (c *call) dispatch(e *endpoint, rest string) *apiError {
	if rest == "" {
		switch {
		case c.r.Method == http.MethodGet && e.entity == "TimesheetEvent":
			return c.timesheet()
		case c.r.Method == http.MethodGet:
			return c.list(e)
		case c.r.Method == http.MethodPost && e.does("W"):
			return c.post(e)
		}
		return notAllowed()
	}
	id, err := c.rowOf(e, rest)
	if err != nil {
		return err
	}
	switch {
	case c.r.Method == http.MethodGet && e.entity == "TimesheetEvent":
		return c.timesheetEvent(id)
	case c.r.Method == http.MethodGet && e.does("G"):
		return c.get(e, id)
	case c.r.Method == http.MethodDelete && e.does("D"):
		return c.remove(e, id)
	}
	return notAllowed()
}

// rowOf reads the id at the end of a path.
func (c *call) rowOf(e *endpoint, rest string) (int, *apiError) {
	if c.t.api.guidKeyed(e) {
		id := 0
		c.t.store.View(func(tx *simulator.Tx) {
			if row, ok := c.t.byGUID(tx, e, rest); ok {
				id = row.ID
			}
		})
		if id == 0 {
			return 0, notFound() // /Priority/3 is not a priority
		}
		return id, nil
	}
	n, err := strconv.Atoi(rest)
	if err != nil {
		return 0, noRoute()
	}
	if e.parent == "" {
		return n, nil
	}
	parent, ok := c.q.int(e.parent)
	if !ok || parent <= 0 {
		if e.entity == "Action" && c.r.Method == http.MethodDelete {
			return 0, refusedText("ticket_id must be included when deleting an Action")
		}
		return 0, refused(e.parent, "Please specify a valid "+e.parent)
	}
	if n < 0 || n >= perParent {
		return 0, notFound()
	}
	return rowID(e, parent, n), nil
}
