package connectwisetest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// apiRoot is what follows the codebase in every path of the API.
const apiRoot = "/apis/3.0"

// apiPath returns the path below the API's root, or the whole path.
func apiPath(r *http.Request) string {
	if _, rest, ok := strings.Cut(r.URL.Path, apiRoot+"/"); ok {
		return "/" + rest
	}
	return r.URL.Path
}

// tooMany is the vendor's answer to a throttled request (ConnectWise developer
// guide, Rate limiting): the code is in "error".
func tooMany(w http.ResponseWriter, _ *http.Request, wait time.Duration) {
	after := simulator.RetryAfter(wait)
	w.Header().Set("Retry-After", after)
	writeJSON(w, http.StatusTooManyRequests, map[string]string{
		"error": "ConnectWiseAPI", "message": "Too many requests. Please try again in " + after + " seconds.",
	})
}

// call is one request to the API.
type call struct {
	s      *Server
	t      *Tenant
	w      http.ResponseWriter
	r      *http.Request
	route  *route
	ids    []int // of the parents in the path, and of the row
	fault  *simulator.Fault
	base   string // scheme, host and codebase for links
	member string // identifier of the API member
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	c := &call{s: s, t: s.Tenant(), w: w, r: r, fault: simulator.FaultOf(r.Context())}
	w.Header().Set("X-Cw-Request-Id", requestID(r, s.core.Log.Total()))
	w.Header().Set("Api-Current-Version", serverVersion)
	if err := c.run(); err != nil {
		writeError(w, err)
	}
}

// requestID makes a stable id that looks like the vendor's.
func requestID(r *http.Request, n int) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", r.Method, r.URL.Path, n))
	x := hex.EncodeToString(h[:16])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// serverVersion is the newest model version the server speaks.
const serverVersion = "2025.1"

func (c *call) run() *apiError {
	o := &c.s.opts
	if o.MaxURL > 0 && len(c.r.RequestURI) > o.MaxURL {
		http.Error(c.w, "Request-URI Too Long", http.StatusRequestURITooLong)
		return nil
	}
	if o.UIHost != "" && c.r.Host == o.UIHost {
		writeJSON(c.w, http.StatusForbidden, map[string]any{"code": "Security", "message": "SSL is required.", "errors": nil})
		return nil
	}
	if id, ok := strings.CutPrefix(c.r.URL.Path, "/login/companyinfo/"); ok {
		c.companyInfo(id)
		return nil
	}
	path, ok := c.codebase()
	if !ok {
		return nil
	}
	if err := c.authenticate(path); err != nil {
		return err
	}
	if err := c.version(path); err != nil {
		return err
	}
	if o.NoAllNotes && simulator.MatchPath("/service/tickets/*/allNotes", path) {
		return noEndpoint()
	}
	var ids []string
	c.route, ids = c.t.api.match(path)
	if c.route == nil {
		return noEndpoint()
	}
	if err := c.permit(path); err != nil {
		return err
	}
	for _, s := range ids {
		n, err := strconv.Atoi(s)
		if err != nil {
			if c.route.ep != nil && c.route.ep.table == "members" && c.route.kind == routeItem {
				n = c.memberID(s)
			} else {
				return noEndpoint()
			}
		}
		c.ids = append(c.ids, n)
	}
	return c.dispatch()
}

// companyInfo tells the codebase of a login company; it needs no credentials.
func (c *call) companyInfo(id string) {
	creds := c.s.Credentials()
	if !strings.EqualFold(id, creds.Company) {
		writeJSON(c.w, http.StatusOK, nil)
		return
	}
	codebase := c.s.currentCodebase()
	cloud := "True"
	if c.s.opts.OnPremise {
		cloud, codebase = "False", alias
	}
	writeJSON(c.w, http.StatusOK, struct {
		CompanyName   string
		Codebase      string
		VersionCode   string
		VersionNumber string
		CompanyID     string
		IsCloud       string
	}{creds.Company, codebase + "/", strings.ReplaceAll(codebase, "_", "."), "v4.6.99999", creds.Company, cloud})
}

func (s *Server) currentCodebase() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.codebase
}

// alias is the codebase that is valid on every server.
const alias = "v4_6_release"

// versioned is the form of a cloud codebase.
var versioned = regexp.MustCompile(`^v\d{4}_\d+$`)

// codebase checks what is in front of the API's root and returns the path
// below it. It has answered if ok is false.
func (c *call) codebase() (path string, ok bool) {
	front, rest, found := strings.Cut(strings.TrimPrefix(c.r.URL.Path, "/"), apiRoot+"/")
	current := c.s.currentCodebase()
	if !found || front != alias && front != current {
		if found && versioned.MatchString(front) && c.s.opts.StaleCodebase == http.StatusNotFound {
			writeError(c.w, noEndpoint()) // a codebase of another release
			return "", false
		}
		c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		c.w.WriteHeader(http.StatusBadRequest)
		_, _ = c.w.Write([]byte("Cannot route. Codebase/company is invalid"))
		return "", false
	}
	scheme := "https"
	if c.r.TLS == nil && c.r.Host != inProcessHost {
		scheme = "http"
	}
	host := c.r.Host
	if h := c.s.opts.LinkHost; h != "" {
		host = h
	}
	if c.s.opts.OnPremise {
		current = alias
	}
	c.base = (&url.URL{Scheme: scheme, Host: host, Path: "/" + current + apiRoot}).String()
	return "/" + rest, true
}

// authenticate checks the keys and the clientId header.
func (c *call) authenticate(path string) *apiError {
	creds := c.s.Credentials()
	c.member = creds.Member
	if path == "/system/info" && c.s.opts.OpenSystemInfo {
		return nil
	}
	if c.r.Header.Get("Clientid") == "" {
		return failf(c.s.opts.NoClientID, "Unauthorized", "A clientId is required.")
	}
	user, pass, ok := c.r.BasicAuth()
	if !ok || user != creds.Company+"+"+creds.PublicKey || pass != creds.PrivateKey || c.r.Header.Get("Clientid") != creds.ClientID {
		if c.s.opts.AuthNotFound {
			return noEndpoint()
		}
		return failf(http.StatusUnauthorized, "ConnectWiseApi", "UserNotAuthenticated")
	}
	return nil
}

// versionOf finds the model version in an Accept header.
var versionOf = regexp.MustCompile(`application/vnd\.connectwise\.com\+json\s*;\s*version=([^,;\s]+)`)

// version refuses model versions the server does not know: the old form 3.0.0,
// and for communicationTypes those before 2020.4.
func (c *call) version(path string) *apiError {
	m := versionOf.FindStringSubmatch(c.r.Header.Get("Accept"))
	if m == nil {
		return nil
	}
	year, release, ok := strings.Cut(m[1], ".")
	y, err1 := strconv.Atoi(year)
	n, err2 := strconv.Atoi(release)
	told := m[1]
	good := ok && err1 == nil && err2 == nil && y >= 2015 && n >= 1
	if !good {
		told = "0.0"
	}
	if good && strings.HasPrefix(path, "/company/communicationTypes") && (y < 2020 || y == 2020 && n < 4) {
		good = false
	}
	if good {
		return nil
	}
	return failf(http.StatusBadRequest, "ConnectWiseApi",
		"The HTTP resource that matches the request URI '%s%s' does not support the API version '%s'.", c.base, path, told)
}

// permit checks the rights of the API member.
func (c *call) permit(path string) *apiError {
	if c.s.core.Rights.Denies(c.r.Method, path) {
		return failf(http.StatusForbidden, "Security", "The API member's security role does not allow this action.")
	}
	return nil
}

// memberID finds a member by identifier: /system/members/{memberIdentifier}.
func (c *call) memberID(identifier string) int {
	id := 0
	c.t.store.View(func(tx *simulator.Tx) {
		for r := range tx.Table("members").All(0) {
			if s, _ := r.Field("identifier").(string); strings.EqualFold(s, identifier) {
				id = r.ID
				return
			}
		}
	})
	return id
}

func (c *call) dispatch() *apiError {
	e, method := c.route.ep, c.r.Method
	switch c.route.kind {
	case routeAction:
		return c.action()
	case routeCount:
		if method == http.MethodGet {
			return c.count(e)
		}
	case routeUsages:
		if method == http.MethodGet {
			return c.usages(e)
		}
	case routeList:
		switch {
		case method == http.MethodGet && e.does("L"):
			return c.list(e, fromURL(c.r.URL.Query()))
		case method == http.MethodPost && e.does("C"):
			return c.create(e)
		}
	case routeItem:
		switch {
		case method == http.MethodGet && (e.does("G") || strings.HasSuffix(e.path, "/info")):
			return c.get(e)
		case method == http.MethodPatch && e.does("P"):
			return c.patch(e)
		case method == http.MethodPut && e.does("U"):
			return c.replace(e)
		case method == http.MethodDelete && e.does("D"):
			return c.remove(e)
		}
	}
	return failf(http.StatusMethodNotAllowed, "ConnectWiseApi", "The requested resource does not support http method '%s'.", method)
}

// action answers the calls that are not rows of a list.
func (c *call) action() *apiError {
	switch c.route.action {
	case "info":
		if c.r.Method == http.MethodGet {
			writeJSON(c.w, http.StatusOK, map[string]any{
				"version": strings.ReplaceAll(c.s.currentCodebase(), "_", ".") + ".99999", "isCloud": !c.s.opts.OnPremise,
				"serverTimeZone": "GMT Standard Time", "licenseBits": []any{}, "cloudRegion": "NA", "maxWorkFlowRecordsAllowed": 500,
			})
			return nil
		}
	case "search":
		if c.r.Method == http.MethodPost {
			return c.search()
		}
	case "deactivate":
		if c.r.Method == http.MethodPost {
			return c.deactivate()
		}
	}
	return failf(http.StatusMethodNotAllowed, "ConnectWiseApi", "The requested resource does not support http method '%s'.", c.r.Method)
}
