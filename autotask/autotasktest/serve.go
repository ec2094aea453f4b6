package autotasktest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// The root of the API, and of its one version.
const (
	apiRoot    = "/ATServicesRest"
	apiVersion = "V1.0"
)

// cutPrefix removes a prefix in any case.
func cutPrefix(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// apiPath returns the path below the version, below the root if there is no
// version, or the whole path.
func apiPath(r *http.Request) string {
	path, _ := cutPrefix(r.URL.Path, apiRoot)
	if rest, ok := cutPrefix(path, "/"+apiVersion+"/"); ok {
		return "/" + rest
	}
	return path
}

// call is one request to the API.
type call struct {
	s     *Server
	t     *Tenant
	w     http.ResponseWriter
	r     *http.Request
	fault *simulator.Fault
	path  string // below the version
	as    int    // resource that is impersonated, 0: none
	empty bool   // the API user sees nothing here
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	c := &call{s: s, t: s.Tenant(), w: w, r: r, fault: simulator.FaultOf(r.Context()), path: apiPath(r)}
	if err := c.run(); err != nil {
		writeError(w, err)
	}
}

func (c *call) run() *apiError {
	if !c.known() {
		return noRoute()
	}
	if n := c.s.opts.MaxURL; n > 0 && len(c.r.RequestURI) > n {
		return noRoute() // IIS answers a URL that is too long with 404
	}
	switch {
	case strings.EqualFold(c.path, "/versioninformation"):
		writeJSON(c.w, http.StatusOK, map[string]any{"apiVersions": []string{"1.0"}})
		return nil
	case strings.EqualFold(c.path, "/zoneInformation"):
		return c.zoneInformation()
	}
	if err := c.authenticate(); err != nil {
		return err
	}
	if over, _ := c.r.Context().Value(overThreads{}).(bool); over {
		return &apiError{status: c.s.opts.ThreadStatus, errors: []string{"Itgenatr005: Thread Threshold Exceeded. The maximum of concurrent requests for this tracking identifier and object endpoint is in use."}}
	}
	wait(c.r.Context(), c.s.slowdown())
	ok, forbidden := c.s.may(c.r.Method, c.path)
	if forbidden {
		return noEntity()
	}
	c.empty = c.empty || !ok
	return c.dispatch(strings.Split(strings.Trim(c.path, "/"), "/"))
}

// known reports whether the request is below the API's root.
func (c *call) known() bool {
	path := c.r.URL.Path
	if c.s.opts.CasePath && !strings.HasPrefix(path, apiRoot+"/") && c.s.endpoint(c.path) != "" {
		return false
	}
	rest, ok := cutPrefix(path, apiRoot+"/")
	_, versioned := cutPrefix(rest, apiVersion+"/")
	return ok && (versioned || strings.EqualFold(rest, "versioninformation"))
}

// base returns scheme, host and root for links.
func (c *call) base(host string) string {
	scheme := "https"
	if c.r.TLS == nil && !c.s.opts.InProcess {
		scheme = "http"
	}
	return scheme + "://" + host + apiRoot + "/"
}

// zoneInformation tells the zone of an API user; it needs no credentials. Any
// host answers.
func (c *call) zoneInformation() *apiError {
	if c.r.Method != http.MethodGet {
		return noMethod(c.r.Method)
	}
	user := c.r.URL.Query().Get("user")
	if user == "" || !strings.EqualFold(user, c.s.Credentials().UserName) {
		return failf("The user does not exist or is not associated with a zone.")
	}
	c.s.mu.Lock()
	zone, ci := c.s.zone, c.s.instance
	c.s.mu.Unlock()
	if zone == "" {
		zone = c.r.Host
	}
	writeJSON(c.w, http.StatusOK, struct {
		ZoneName string `json:"zoneName"`
		URL      string `json:"url"`
		WebURL   string `json:"webUrl"`
		CI       int    `json:"ci"`
	}{c.s.opts.ZoneName, c.base(zone), c.s.opts.WebURL, ci})
	return nil
}

// authenticate checks the zone and the three headers.
func (c *call) authenticate() *apiError {
	c.s.mu.Lock()
	zone, creds := c.s.zone, c.s.creds
	c.s.mu.Unlock()
	h := c.r.Header
	if h.Get("Apiintegrationcode") != creds.IntegrationCode || !strings.EqualFold(h.Get("Username"), creds.UserName) || h.Get("Secret") != creds.Secret {
		return &apiError{status: http.StatusUnauthorized}
	}
	if zone != "" && c.r.Host != zone {
		if !c.s.opts.WrongZoneEmpty {
			return &apiError{status: http.StatusUnauthorized}
		}
		c.empty = true
	}
	return nil
}

// now is the vendor's time.
func (c *call) now() time.Time { return c.s.core.Clock.Now() }

// dispatch answers the path below the version.
func (c *call) dispatch(seg []string) *apiError {
	if handled, err := c.housekeeping(seg); handled {
		return err
	}
	e := c.t.schema.byPath[strings.ToLower(seg[0])]
	if len(seg) >= 3 {
		if kid := c.t.schema.kids[strings.ToLower(seg[0]+"/"+seg[2])]; kid != nil {
			parent, err := strconv.Atoi(seg[1])
			if err != nil {
				return noRoute()
			}
			return c.childRoute(kid, parent, seg[3:])
		}
	}
	if e == nil {
		return noRoute()
	}
	return c.rootRoute(e, seg[1:])
}

// rootRoute answers {Entity} and what is below it.
func (c *call) rootRoute(e *entity, seg []string) *apiError {
	method := c.r.Method
	if len(seg) == 0 {
		switch {
		case !e.does("C") && !e.does("U"):
			return noRoute() // children are written below their parent only
		case method == http.MethodPost && e.does("C"):
			return c.create(e, -1)
		case (method == http.MethodPatch || method == http.MethodPut) && e.does("U"):
			return c.update(e, -1)
		}
		return noMethod(method)
	}
	switch strings.ToLower(strings.Join(seg, "/")) {
	case "query", "query/count", "query/next", "query/previous":
		if method != http.MethodGet && method != http.MethodPost {
			return noMethod(method)
		}
		return c.query(e, strings.ToLower(seg[len(seg)-1]))
	}
	if strings.EqualFold(seg[0], "entityInformation") {
		return c.metadata(e, seg[1:])
	}
	id, err := strconv.Atoi(seg[0])
	if err != nil || len(seg) > 1 {
		return noRoute()
	}
	switch {
	case method == http.MethodGet:
		return c.get(e, -1, id)
	case method == http.MethodDelete && e.does("D"):
		return c.remove(e, -1, id)
	}
	return noMethod(method)
}

// childRoute answers {Parent}/{id}/{Child} and what is below it.
func (c *call) childRoute(e *entity, parent int, seg []string) *apiError {
	method, does := c.r.Method, func(op string) bool { return strings.Contains(e.child.ops, op) }
	// A right is for an entity, whatever the route.
	path := "/" + e.path
	if method == http.MethodGet {
		path += "/query"
	}
	ok, forbidden := c.s.may(method, path)
	if forbidden {
		return noEntity()
	}
	c.empty = c.empty || !ok
	switch {
	case len(seg) == 0 && method == http.MethodGet, len(seg) == 1 && strings.EqualFold(seg[0], "next") && method == http.MethodGet:
		return c.children(e, parent)
	case len(seg) == 0 && method == http.MethodPost && does("C"):
		return c.create(e, parent)
	case len(seg) == 0 && (method == http.MethodPatch || method == http.MethodPut) && does("U"):
		return c.update(e, parent)
	case len(seg) == 0:
		return noMethod(method)
	case strings.EqualFold(seg[0], "entityInformation"):
		return c.metadata(e, seg[1:])
	}
	id, err := strconv.Atoi(seg[0])
	if err != nil || len(seg) > 1 {
		return noRoute()
	}
	switch {
	case method == http.MethodGet:
		return c.get(e, parent, id)
	case method == http.MethodDelete && does("D"):
		return c.remove(e, parent, id)
	}
	return noMethod(method)
}

// housekeeping answers the calls that are not about rows.
func (c *call) housekeeping(seg []string) (bool, *apiError) {
	if len(seg) != 1 {
		return false, nil
	}
	var body any
	switch strings.ToLower(seg[0]) {
	case "thresholdinformation":
		l := c.s.core.Limit()
		body = struct {
			Threshold int `json:"externalRequestThreshold"`
			Timeframe int `json:"requestThresholdTimeframe"`
			Count     int `json:"currentTimeframeRequestCount"`
		}{max(l.Requests, 0), int(l.Window / time.Minute), c.s.core.Gauge().Counted}
	case "modules":
		body = map[string]any{"modules": c.t.moduleList()}
	case "entityinformation":
		list := []any{}
		for _, e := range c.t.schema.list {
			list = append(list, map[string]any{"info": c.info(e)})
		}
		body = map[string]any{"entityDescriptions": list}
	default:
		return false, nil
	}
	if c.r.Method != http.MethodGet {
		return true, noMethod(c.r.Method)
	}
	writeJSON(c.w, http.StatusOK, body)
	return true, nil
}
