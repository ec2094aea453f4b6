package autotasktest

import (
	"net/http"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// Credentials is what the server accepts. Empty fields get the defaults of
// [DefaultCredentials].
type Credentials struct {
	IntegrationCode string // tracking identifier
	UserName        string // API-only user; also what zone discovery knows
	Secret          string
	ResourceID      int // resource the user is; author of what it writes
}

// DefaultCredentials returns the credentials of a server that was given none.
func DefaultCredentials() Credentials {
	return Credentials{
		IntegrationCode: "SIMINTEGRATIONCODE000000001", UserName: "syncapi@summitmsp.example", Secret: "sim$ecret#0001", ResourceID: firstResource,
	}
}

func (c *Credentials) defaults() {
	d := DefaultCredentials()
	for _, f := range []struct{ have, def *string }{
		{&c.IntegrationCode, &d.IntegrationCode}, {&c.UserName, &d.UserName}, {&c.Secret, &d.Secret},
	} {
		if *f.have == "" {
			*f.have = *f.def
		}
	}
	if c.ResourceID == 0 {
		c.ResourceID = d.ResourceID
	}
}

// Options sets what differs between servers, or what the vendor's documents
// leave open. The zero value is a zone as documented.
type Options struct {
	Credentials Credentials

	// InProcess keeps the server from ever listening: URL and the zones are
	// hosts that only Transport knows, over https.
	InProcess bool

	Limit   Limit         // zero: 10,000 requests in a rolling hour, slower from half of it; Requests below 0: no limit
	Threads int           // requests in flight per integration code and endpoint; 0: 3, below 0: no limit
	Latency time.Duration // delay of every answer
	Gzip    bool          // compress answers for clients that accept it
	LogSize int           // requests kept in the log; 0: 100,000

	ZoneName string   // zoneName of zone discovery; empty: America East
	Instance int      // ci, the id of the database; 0: 41001
	WebURL   string   // webUrl, the root of deep links; empty: https://ww3.autotask.invalid/
	LinkHost string   // host that page links name; empty: the host that was called
	MaxURL   int      // longest URL before 404; 0: 2,048, below 0: no limit
	Forbid   []string // paths (see Deny) that answer 403 instead of showing nothing

	ThreadStatus   int  // status of a request over Threads: 500 (default) or another
	WrongZoneEmpty bool // a zone that is not the database's shows empty lists; default: 401
	CasePath       bool // paths are case-sensitive, as one zone is said to be; default: not
	NullItem       bool // a missing id is 200 with {"item":null}; default: 404
	EmptyLastPage  bool // a full last page has a link to an empty one; default: none
	Unordered      bool // rows of a page are not in order of their ids; default: ascending
	NoUDFKey       bool // userDefinedFields is left out when no row of the page has a value; default: every definition with null
	ZonelessTimes  bool // times are answered without Z; default: with

	NotesKeepStamp   bool // a note or time entry written by the API leaves the ticket's lastActivityDate alone; default: moves it
	UDFKeepsTracked  bool // a change of user-defined fields alone leaves the tracked stamp alone; default: moves it
	NoImpersonation  bool // the API user's security level may not impersonate
	NoProxyTime      bool // the API user may enter time only for itself
	HideNonBillable  bool // time entries with isNonBillable are invisible to the API user
	NoMidnight       bool // time entries may not span midnight UTC
	OptionalNoteName bool // ticket notes need no title; default: they do
}

func (o *Options) defaults() {
	o.Credentials.defaults()
	if o.Limit == (Limit{}) {
		o.Limit.Requests = 10_000
	}
	if o.Limit.Window == 0 {
		o.Limit.Window = time.Hour
	}
	if o.Threads == 0 {
		o.Threads = 3
	}
	if o.ZoneName == "" {
		o.ZoneName = "America East"
	}
	if o.Instance == 0 {
		o.Instance = 41001
	}
	if o.WebURL == "" {
		o.WebURL = "https://ww3.autotask.invalid/"
	}
	if o.MaxURL == 0 {
		o.MaxURL = 2048
	}
	if o.ThreadStatus == 0 {
		o.ThreadStatus = http.StatusInternalServerError
	}
}

// The vendor-neutral parts of the simulator.
type (
	// Fault is something that goes wrong with some requests: Method, Path, Nth
	// and Count say which; Latency, Status with Header and Body, Drop, Apply,
	// Cut, Rewrite, SlowChunk with SlowEvery what happens to them; EmptyList,
	// RepeatPage, CapPage, Shift, NextHost and CountDelta what happens to a
	// list. Path is what follows V1.0, such as /Tickets/query. See [LoginPage],
	// [Redirect] and [Truncated].
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
	// Mail is one message Autotask would have sent: Time, To, Reason, Record.
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
