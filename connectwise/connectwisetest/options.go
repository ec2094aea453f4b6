package connectwisetest

import (
	"net/http"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

// Credentials is what the server accepts. Empty fields get the defaults of
// [DefaultCredentials].
type Credentials struct {
	Company    string // login company id
	PublicKey  string
	PrivateKey string
	ClientID   string
	Member     string // identifier of the API member the keys belong to
}

// DefaultCredentials returns the credentials of a server that was given none.
func DefaultCredentials() Credentials {
	return Credentials{
		Company: "summitmsp", PublicKey: "simPublicKey0001", PrivateKey: "simPrivateKey001",
		ClientID: "5d1a9c1e-4b7e-4c61-9a53-0c5e2b7f6a10", Member: "SyncApi",
	}
}

func (c *Credentials) defaults() {
	d := DefaultCredentials()
	for _, f := range []struct{ have, def *string }{
		{&c.Company, &d.Company}, {&c.PublicKey, &d.PublicKey}, {&c.PrivateKey, &d.PrivateKey},
		{&c.ClientID, &d.ClientID}, {&c.Member, &d.Member},
	} {
		if *f.have == "" {
			*f.have = *f.def
		}
	}
}

// Options sets what differs between servers, or what the vendor's documents
// leave open. The zero value is a cloud server as documented.
type Options struct {
	Credentials Credentials

	// InProcess keeps the server from ever listening: URL names a host that
	// only Transport knows, over https.
	InProcess bool

	Limit   Limit         // zero: 1,000 requests in a rolling minute; Requests below 0: no limit
	Latency time.Duration // delay of every answer
	Gzip    bool          // compress answers for clients that accept it
	LogSize int           // requests kept in the log; 0: 100,000

	Codebase       string // real codebase; empty: v2025_1. The alias v4_6_release always works
	OnPremise      bool   // companyinfo and system/info say so
	StaleCodebase  int    // status for an outdated codebase: 404 (default) or 400
	LinkHost       string // host that Link headers name; empty: the host that was called
	UIHost         string // requests to this host are told that SSL is required
	MaxURL         int    // longest URL before 414; 0: 2,000, below 0: no limit
	OpenSystemInfo bool   // system/info answers without credentials, as some servers do
	NoClientID     int    // status for a missing clientId: 403 (default) or 401
	AuthNotFound   bool   // wrong keys look like a 404, as on some cloud servers

	PageSizeError       bool // pageSize above 1000 is 400, as older servers answer; default: capped
	ForwardNextOnlyMore bool // forward-only: no next link after the last row; default: a link on every page that has rows
	// NoForwardOnly lists paths (see Deny) that ignore forward-only paging and
	// then send no Link at all. nil: item associations and allNotes.
	NoForwardOnly []string
	// RefuseNames lists names that a list returns but refuses in conditions,
	// such as {"/service/boards": {"inactiveFlag"}}.
	RefuseNames map[string][]string
	// RefuseFields lists names that a list returns but refuses in fields.
	RefuseFields  map[string][]string
	CaseSensitive bool // strings in conditions compare with case; default: as SQL Server, without

	NotesKeepStamp        bool // a new note or time entry leaves the ticket's lastUpdated alone; default: moves it
	PatchNeedsCustomField bool // PATCH without customFields is 400 on records that have custom fields, as some servers answer
	QuietTickets          bool // tickets send no mail unless processNotifications is true; default: unless it is false
	NoAllNotes            bool // allNotes is missing, as on older servers
}

func (o *Options) defaults() {
	o.Credentials.defaults()
	if o.Codebase == "" {
		o.Codebase = "v2025_1"
	}
	if o.StaleCodebase == 0 {
		o.StaleCodebase = http.StatusNotFound
	}
	if o.NoClientID == 0 {
		o.NoClientID = http.StatusForbidden
	}
	if o.MaxURL == 0 {
		o.MaxURL = 2000
	}
	if o.Limit == (Limit{}) {
		o.Limit.Requests = 1000
	}
	if o.NoForwardOnly == nil {
		o.NoForwardOnly = []string{"/service/boards/*/items/*/associations", "/service/tickets/*/allNotes"}
	}
}

// The vendor-neutral parts of the simulator.
type (
	// Fault is something that goes wrong with some requests: Method, Path, Nth
	// and Count say which; Latency, Status with Header and Body, Drop, Apply,
	// Cut, Rewrite, SlowChunk with SlowEvery what happens to them; EmptyList,
	// RepeatPage, CapPage, Shift, NextHost and CountDelta what happens to a
	// list. See [LoginPage], [Redirect] and [Truncated].
	Fault = simulator.Fault
	// Cut is how a body is cut off.
	Cut = simulator.Cut
	// Limit is a rolling rate limit: Requests in each Window; with Hard refused
	// requests count too; InFlight bounds requests at the same moment.
	Limit = simulator.Limit
	// Gauge is what the rate limiter has seen: InFlight, MaxInFlight,
	// Violations, Early.
	Gauge = simulator.Gauge
	// Request is one entry of the request log: Time, Host, Method, Path, Query,
	// Status, BodySize, Sent, Duration, Fault, Stray, Secret. It holds no header.
	Request = simulator.Request
	// Mail is one message PSA would have sent: Time, To, Reason, Record.
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
