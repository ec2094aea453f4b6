package halopsatest

import (
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// Credentials is what the server accepts. Empty fields get the defaults of
// [DefaultCredentials].
type Credentials struct {
	ClientID     string // of the API application
	ClientSecret string
	Tenant       string // tenant_id of the instance
	Application  string // name of the API application, which marks its actions
	AgentID      int    // agent the application acts as
}

// DefaultCredentials returns the credentials of a server that was given none.
func DefaultCredentials() Credentials {
	return Credentials{
		ClientID: "7b0f3c52-8d1e-4e0b-9a36-2f5c1d7e9b10", ClientSecret: "3d5e6f70-1a2b-4c3d-8e4f-5a6b7c8d9e0f-90817263-5445-4637-8291-a0b1c2d3e4f5",
		Tenant: "summitmsp", Application: "Sync API", AgentID: apiAgent,
	}
}

func (c *Credentials) defaults() {
	d := DefaultCredentials()
	for _, f := range []struct{ have, def *string }{
		{&c.ClientID, &d.ClientID}, {&c.ClientSecret, &d.ClientSecret}, {&c.Tenant, &d.Tenant}, {&c.Application, &d.Application},
	} {
		if *f.have == "" {
			*f.have = *f.def
		}
	}
	if c.AgentID == 0 {
		c.AgentID = d.AgentID
	}
}

// Options sets what differs between servers, or what the vendor's documents
// leave open. The zero value is a hosted tenant as measured.
type Options struct {
	Credentials Credentials

	// InProcess keeps the server from ever listening: URL and AuthURL name
	// hosts that only Transport knows, over https.
	InProcess bool

	Limit      Limit         // zero: 700 requests in rolling 5 minutes; Requests below 0: no limit
	RetryAfter bool          // 429 names the wait; default: a bare text
	Latency    time.Duration // delay of every answer
	Gzip       bool          // compress answers for clients that accept it
	LogSize    int           // requests kept in the log; 0: 100,000

	SharedAuth bool          // tokens come from another origin, which needs the tenant parameter; default: /auth of the same
	TokenLife  time.Duration // 0: an hour
	NoAuthInfo bool          // authinfo and InstanceInfo are missing, as on older builds
	Version    string        // app_version; empty: 2.250.32
	// NoRights lists paths (see Deny) that answer 401 although the token is
	// good, as the vendor does on some single objects.
	NoRights []string

	// Wrappers replaces how a list is wrapped, by path: {"/SLA": "slas"} answers
	// an object with that key, {"/Client": ""} a bare array.
	Wrappers map[string]string
	// PageCap bounds pages of lists other than /Tickets, which has 100; 0: no bound.
	PageCap          int
	SinceExclusive   bool // lastupdatefromdate leaves rows of that very moment out; default: has them
	UserCustomFields bool // /Users knows include_custom_fields; default: /Tickets, /Client and /Site only
	NoGatewayWait    bool // /Actions without a filter is 504 at once; default: after 60 seconds

	TypesRequired   bool       // a ticket needs tickettype_id and a client or user; default: only a summary
	RefusePriority  bool       // a priority outside the SLA is 400; default: silently replaced by the SLA's default
	NullClears      bool       // null clears a key on writes; default: null changes nothing
	ActionsKeep     bool       // a new action leaves the ticket's last_update alone; default: moves it
	Errors          ErrorShape // form of refused writes; default: each call's own
	ManyAsArray     bool       // a POST of several rows answers an array, otherwise the last object
	PartialFailures bool       // rows before a refused one stay; default: all or nothing
	WriteStatus     int        // status of an accepted POST: 201 (default) or 200
	Notify          bool       // closing a ticket mails the contact and assigning it the agent, unless dont_do_rules or _dont_fire_automations; default: only acknowledgements and actions mail
}

func (o *Options) defaults() {
	o.Credentials.defaults()
	if o.Limit == (Limit{}) {
		o.Limit.Requests = 700
	}
	if o.Limit.Window == 0 {
		o.Limit.Window = 5 * time.Minute
	}
	if o.TokenLife == 0 {
		o.TokenLife = time.Hour
	}
	if o.Version == "" {
		o.Version = "2.250.32"
	}
	if o.WriteStatus == 0 {
		o.WriteStatus = 201
	}
}

// The vendor-neutral parts of the simulator.
type (
	// Fault is something that goes wrong with some requests: Method, Path, Nth
	// and Count say which; Latency, Status with Header and Body, Drop, Apply,
	// Cut, Rewrite, SlowChunk with SlowEvery what happens to them; EmptyList,
	// RepeatPage, CapPage, Shift and CountDelta what happens to a list. Path is
	// what follows /api in the vendor's spelling, such as /Tickets, or /token.
	// See [LoginPage], [Redirect] and [Truncated].
	Fault = simulator.Fault
	// Cut is how a body is cut off.
	Cut = simulator.Cut
	// Limit is a rolling rate limit: Requests in each Window; with Hard refused
	// requests count too; InFlight bounds requests at the same moment.
	Limit = simulator.Limit
	// Gauge is what the rate limiter has seen: InFlight, MaxInFlight,
	// Violations, Early, Counted.
	Gauge = simulator.Gauge
	// Request is one entry of the request log: Time, Host, Method, Path, Query,
	// Status, BodySize, Sent, Duration, Fault, Stray, Secret. It holds no header.
	Request = simulator.Request
	// Mail is one message Halo would have sent: Time, To, Reason, Record.
	Mail = simulator.Mail
	// Canary is a planted value: Entity, Field, Value.
	Canary = simulator.Canary
)

// The ways a body is cut off.
const (
	CutLength = simulator.CutLength // Content-Length promises more than is sent
	CutChunk  = simulator.CutChunk  // chunked, without the closing chunk
	CutValid  = simulator.CutValid  // half of the body with a matching Content-Length
)

// LoginPage returns the fault "200 with an HTML page".
func LoginPage() Fault { return simulator.LoginPage() }

// Redirect returns the fault "307 to another place".
func Redirect(to string) Fault { return simulator.Redirect(to) }

// Truncated returns the fault "body cut in the middle".
func Truncated(how Cut) Fault { return simulator.Truncated(how) }
