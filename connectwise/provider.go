// Package connectwise reads and writes a ConnectWise PSA (Manage) account as a
// [psa.Provider]: its configuration, which is only read, and its companies,
// sites, contacts, service tickets, ticket notes and time entries.
//
// [New] makes a [Provider] from a [Config]; README.md beside it says how to set
// up the API member it needs, with the least rights. fields.yaml says which
// canonical field stands where in ConnectWise's rows. Tests of programs that
// use this package find a simulator in connectwise/connectwisetest.
//
// Statements about the vendor follow its developer guide
// (developer.connectwise.com, "Developer Guide") and REST schema of release
// 2025.1.
package connectwise

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// name is what [Provider.Name] returns.
const name = "connectwise"

// Config says which ConnectWise PSA account to use, and how.
type Config struct {
	// URL is the server: a host ("na.myconnectwise.net",
	// "connect.msp.example") or a base URL
	// ("https://api-na.myconnectwise.net/v4_6_release/apis/3.0"). The hosts
	// where people log in to the cloud stand for their "api-" hosts; any other
	// host is taken as it is. https, or http on a loopback host. Required.
	URL string
	// Company is the company id of the login screen. Required.
	Company string
	// Credentials returns the keys of an API member. It is called before every
	// request, by several goroutines at once, so that a new key is taken up
	// without a restart; it should be fast. Required.
	Credentials func(context.Context) (Credentials, error)
	// ClientID is the GUID of the integration, registered at
	// developer.connectwise.com. Required.
	ClientID string

	// Codebase is the release folder in paths, such as "v2025_1" or the alias
	// "v4_6_release", which is never looked up. "": the one in URL, or the one
	// that the server names at the first request. A release folder that has
	// become stale is looked up again.
	Codebase string
	// APIVersion pins the model of all endpoints, e.g. "2025.1". "": the
	// newest.
	APIVersion string
	// APIVersions pins single endpoints, which may refuse the version that the
	// others take; "" is the newest. Keys are paths with {id} for every id,
	// e.g. "/company/communicationTypes" or "/service/boards/{id}/statuses".
	APIVersions map[string]string

	// PageSize is how many rows are asked for at a time, at most 1000. 0: 1000
	// for configuration, 500 for records.
	PageSize int
	// Transport sends the requests. It must not follow redirects. nil: a pool
	// of its own.
	Transport http.RoundTripper
	// Budget is shared by every provider of one account and process. nil: one
	// of its own with the defaults of [BudgetConfig].
	Budget *Budget
	// Retries is how often a request that only reads is repeated after a
	// failure that may pass. 0: 4; below 0: never.
	Retries int
	// UserAgent is sent with every request; "": "psasync".
	UserAgent string

	// Link is the address that opens a record in the user interface, with
	// {host}, {company}, {type} (CompanyFv, ContactFv, ServiceFv) and {id} in
	// it. "": DefaultLink, whose {host} is the host of URL without "api-".
	// ConnectWise documents no link; the default is what other integrations
	// use.
	Link string

	// FlattenText writes texts on one line, for servers that show line breaks
	// as spaces: the developer guide says that JSON bodies have none, other
	// integrations send them.
	FlattenText bool

	// OpeningWithin is how much later than its ticket the first note that the
	// client reads may have been made to be the ticket's description, and none
	// of its notes: ConnectWise makes a note of what a ticket is opened with,
	// and marks it with nothing else. Of a ticket that was opened without a
	// description, a note that is written in this time is taken for it. 0: one
	// minute; below 0: the first note is the description whenever it was made,
	// as it is where these times are not shown.
	OpeningWithin time.Duration
}

// DefaultLink is the default of [Config.Link].
const DefaultLink = "https://{host}/v4_6_release/services/system_io/router/openrecord.rails" +
	"?locale=en_US&recordType={type}&recid={id}&companyName={company}"

// Credentials are the keys of an API member. They never appear in errors.
type Credentials struct {
	PublicKey  string
	PrivateKey string
}

// String keeps the keys out of logs.
func (Credentials) String() string { return "connectwise.Credentials{…}" }

// GoString keeps the keys out of logs.
func (c Credentials) GoString() string { return c.String() }

// MarshalText keeps the keys out of JSON and of structured logs; there is no
// way back.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// A Provider is one ConnectWise PSA account. It implements [psa.Provider] and,
// of the optional extras, [psa.Counter], [psa.Checker], [psa.Instancer],
// [psa.ServerTimer], [psa.Finder], [psa.DeletionLister], [psa.Creator],
// [psa.Updater], [psa.Deleter] and [psa.Canonicaliser]. It is safe for
// concurrent use.
type Provider struct {
	c      *client
	salt   string // of every row's hash
	link   func(typ, id string) string
	lists  map[psa.Kind][]*list // vendor lists behind a kind
	writes map[psa.Kind]*writing
	offers psa.Features

	flatten bool
	opening time.Duration // below 0: without an end
	births  births
}

//go:embed fields.yaml
var fieldsYAML []byte

// fields is the layout, read once for all providers of a process.
var fields = sync.OnceValues(func() (*mapping.Layout, error) {
	return mapping.ParseLayout("connectwise/fields.yaml", fieldsYAML)
})

// New returns a provider. It makes no request. The error names everything that
// is wrong with cfg.
func New(cfg Config) (*Provider, error) {
	base, codebase, errs := cfg.check()
	if len(errs) > 0 {
		return nil, fmt.Errorf("connectwise: %w", errors.Join(errs...))
	}
	layout, err := fields()
	if err != nil {
		return nil, fmt.Errorf("connectwise: %w", err)
	}
	c, err := newClient(cfg, base, codebase)
	if err != nil {
		return nil, err
	}
	link := cfg.linker(base.Host)
	p := &Provider{c: c, link: link, salt: layout.Salt() + link("", ""), lists: map[psa.Kind][]*list{}, writes: map[psa.Kind]*writing{}, flatten: cfg.FlattenText, opening: cmp.Or(cfg.OpeningWithin, time.Minute)}
	for _, l := range slices.Concat(configLists(), recordLists()) {
		l.prepare(layout, cfg.PageSize)
		p.lists[l.kind] = append(p.lists[l.kind], l)
	}
	for _, w := range writings() {
		w.prepare(p.lists[w.kind])
		p.writes[w.kind] = w
	}
	p.offers = p.describe()
	return p, nil
}

// Name returns "connectwise".
func (p *Provider) Name() string { return name }

// CloseIdleConnections closes connections that are not in use; the provider
// stays usable. It does nothing to a transport of the user.
func (p *Provider) CloseIdleConnections() {
	p.c.api.CloseIdleConnections()
	p.c.open.CloseIdleConnections()
}

var (
	codebaseForm = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)
	versionForm  = regexp.MustCompile(`^[0-9]+(\.[0-9]+)+$`)
)

// check returns the server's address without a path, and the codebase if one
// is given.
func (cfg Config) check() (base *url.URL, codebase string, errs []error) {
	need := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	base, codebase, err := server(cfg.URL)
	need(err == nil, "Config.URL: %w", err)
	if cfg.Codebase != "" {
		codebase = strings.Trim(cfg.Codebase, "/")
		need(codebaseForm.MatchString(codebase), "Config.Codebase %q is no folder name such as v2025_1", cfg.Codebase)
	}
	need(cfg.Company != "", "Config.Company is missing: the company id of the login screen")
	need(!strings.ContainsAny(cfg.Company, "/?#:+ \t\r\n"), "Config.Company %q is not as it is typed on the login screen", cfg.Company)
	need(cfg.Credentials != nil, "Config.Credentials is missing: a function that returns the keys of an API member")
	need(cfg.ClientID != "", "Config.ClientID is missing: register the integration at developer.connectwise.com")
	need(!strings.ContainsAny(cfg.ClientID, " \t\r\n"), "Config.ClientID holds white space")
	need(cfg.APIVersion == "" || versionForm.MatchString(cfg.APIVersion), "Config.APIVersion %q is no release such as 2025.1", cfg.APIVersion)
	for path, v := range cfg.APIVersions {
		need(strings.HasPrefix(path, "/"), "Config.APIVersions: %q is no path", path)
		need(v == "" || versionForm.MatchString(v), "Config.APIVersions: %q is no release such as 2025.1", v)
	}
	need(cfg.PageSize >= 0 && cfg.PageSize <= maxPage, "Config.PageSize is %d; the API allows 1 to %d", cfg.PageSize, maxPage)
	return base, codebase, errs
}

// server reads Config.URL.
func server(s string) (base *url.URL, codebase string, err error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, "", errors.New("is missing: the host where you log in, or the base URL of the API")
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, "", errors.New("is no URL")
	case u.User != nil:
		return nil, "", errors.New("holds a user name; credentials belong into Config.Credentials")
	case u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		return nil, "", errors.New("is no host and no base URL")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, "", errors.New("is not https (http is for loopback hosts)")
	}
	parts := strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' })
	if n := len(parts); n >= 2 && strings.EqualFold(parts[n-2], "apis") {
		parts = parts[:n-2]
	}
	switch {
	case len(parts) == 1 && codebaseForm.MatchString(parts[0]):
		codebase = parts[0]
	case len(parts) > 0:
		return nil, "", errors.New("has a path that is not /{codebase}/apis/3.0")
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" { // which port 443 goes without saying; the host names the instance
		host = strings.TrimSuffix(host, ":443")
	}
	return &url.URL{Scheme: u.Scheme, Host: apiHost(host)}, codebase, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Cloud hosts of the user interface, which refuse API calls; the API answers
// at the host with "api-" in front (ConnectWise developer guide, Cloud URL;
// aus and za are in use by other clients). The sandbox hosts have no such form.
func cloudHosts() []string {
	return []string{
		"na.myconnectwise.net", "eu.myconnectwise.net", "au.myconnectwise.net", "aus.myconnectwise.net",
		"za.myconnectwise.net", "staging.connectwisedev.com",
	}
}

func apiHost(host string) string {
	if slices.Contains(cloudHosts(), host) {
		return "api-" + host
	}
	return host
}

func uiHost(host string) string {
	if ui, ok := strings.CutPrefix(host, "api-"); ok && slices.Contains(cloudHosts(), ui) {
		return ui
	}
	return host
}

// linker returns the function that makes the url field of records.
func (cfg Config) linker(host string) func(typ, id string) string {
	link := cfg.Link
	if link == "" {
		link = DefaultLink
	}
	fixed := strings.NewReplacer("{host}", uiHost(host), "{company}", url.QueryEscape(cfg.Company)).Replace(link)
	return func(typ, id string) string {
		return strings.NewReplacer("{type}", typ, "{id}", url.QueryEscape(id)).Replace(fixed)
	}
}

// Features says what this provider can do; see [psa.Provider]. Configuration is
// only read.
func (p *Provider) Features() psa.Features {
	out := make(psa.Features, len(p.offers))
	for kind, f := range p.offers {
		f.Missing = maps.Clone(f.Missing)
		f.Filter, f.Find, f.Scopes = slices.Clone(f.Filter), slices.Clone(f.Find), slices.Clone(f.Scopes)
		f.Groups = slices.Clone(f.Groups)
		f.Required, f.Writes, f.CreateOnly = slices.Clone(f.Required), slices.Clone(f.Writes), slices.Clone(f.CreateOnly)
		out[kind] = f
	}
	return out
}

// What the vendor's own users call the kinds.
func terms() map[psa.Kind]string {
	return map[psa.Kind]string{
		psa.KindBoard: "Service Board", psa.KindStatus: "Status", psa.KindPriority: "Priority", psa.KindUrgency: "Severity",
		psa.KindImpact: "Impact", psa.KindClassification: "Type, Subtype, Item", psa.KindClassificationAssociation: "Type/Subtype/Item Association",
		psa.KindTeam: "Team", psa.KindTicketSource: "Source", psa.KindServiceLocation: "Service Location", psa.KindSLA: "SLA",
		psa.KindSLATarget: "SLA Priority", psa.KindTemplate: "Ticket Template", psa.KindCustomField: "Custom Field",
		psa.KindCompanyType: "Company Type", psa.KindCompanyStatus: "Company Status", psa.KindCompanyTeamRole: "Team Role",
		psa.KindContactType: "Contact Type", psa.KindContactRole: "Relationship", psa.KindContactDepartment: "Contact Department",
		psa.KindCommunicationType: "Communication Type", psa.KindMember: "Member", psa.KindMemberType: "Member Type",
		psa.KindRole: "Security Role", psa.KindDepartment: "Department", psa.KindLocation: "Location", psa.KindWorkType: "Work Type",
		psa.KindWorkRole: "Work Role", psa.KindChargeCode: "Charge Code", psa.KindNoteType: "Company Note Type",
		psa.KindCompany: "Company", psa.KindSite: "Site", psa.KindContact: "Contact", psa.KindTicket: "Service Ticket",
		psa.KindNote: "Ticket Note", psa.KindTimeEntry: "Time Entry", psa.KindAgreement: "Agreement",
	}
}

// absent are the kinds of package psa that ConnectWise lacks, or that are not
// read.
func absent() map[psa.Kind]string {
	return map[psa.Kind]string{
		psa.KindTicketType:            "ConnectWise has no ticket type apart from type, subtype and item, which are classifications",
		psa.KindForm:                  "ConnectWise has no form that presets and requires fields",
		psa.KindCompanyClassification: "ConnectWise companies have types and a status",
		psa.KindAgreement:             "agreements are read as references of tickets and time entries only",
	}
}

// describe makes the features from the lists.
func (p *Provider) describe() psa.Features {
	features := psa.Features{}
	term := terms()
	for kind, why := range absent() {
		features[kind] = psa.Feature{Term: term[kind], Missing: map[psa.Ability]string{psa.CanList: why}}
	}
	for kind, lists := range p.lists {
		f := lists[0].feature(term[kind])
		if w := p.writes[kind]; w != nil {
			w.describe(&f)
		}
		features[kind] = f
	}
	return features
}

func (l *list) feature(term string) psa.Feature {
	f := psa.Feature{
		Can: psa.CanList, Missing: map[psa.Ability]string{}, Term: term,
		Parent: l.parent, PerParent: l.per, PageSize: l.size,
		Filter: slices.Sorted(maps.Keys(l.filter)), Find: slices.Sorted(maps.Keys(l.find)),
	}
	offer := func(can psa.Ability, ok bool, why string) {
		if ok {
			f.Can |= can
		} else if why != "" {
			f.Missing[can] = why
		}
	}
	offer(psa.CanGet, !l.per || l.kind.IsRecord(), "a row is addressed below its "+string(l.parent)+", which its id does not hold: list with Query.Parent")
	offer(psa.CanSince, l.stamped, "the rows have no time of change")
	offer(psa.CanCount, !l.per, "the rows are counted below one parent at a time")
	offer(psa.CanResume, l.kind.IsRecord() && !l.per, "")
	offer(psa.CanFind, len(l.find) > 0, "")
	offer(psa.CanDeletions, l.kind == psa.KindCompany, "")
	if l.stamped {
		f.Granularity = time.Second
	}
	if l.kind.IsRecord() && l.kind != psa.KindCompany {
		f.Missing[psa.CanDeletions] = "ConnectWise keeps no trace of deleted rows: compare with a complete list"
	}
	l.quirks(&f)
	return f
}

// quirks adds what is particular to single kinds.
func (l *list) quirks(f *psa.Feature) {
	switch l.kind {
	case psa.KindStatus, psa.KindTeam:
		f.Scopes = []psa.Scope{{Kind: psa.KindBoard}}
	case psa.KindClassification:
		f.Scopes = []psa.Scope{{Kind: psa.KindBoard}}
		f.NamesRepeat = true // a type and a subtype may share their name
	case psa.KindClassificationAssociation:
		f.Scopes = []psa.Scope{{Kind: psa.KindBoard}}
		f.Missing[psa.CanSince] = "associations have no time of change"
	case psa.KindSLATarget:
		f.Scopes = []psa.Scope{{Kind: psa.KindSLA}}
	case psa.KindCustomField:
		f.NamesRepeat = true // captions, on different screens
		f.Missing[psa.CanSince] = "definitions have no time of change"
	case psa.KindMember, psa.KindCompany, psa.KindContact:
		f.NamesRepeat = true
	case psa.KindSite:
		f.Scopes = []psa.Scope{{Kind: psa.KindCompany}}
	case psa.KindNote:
		f.Missing[psa.CanSince] = "notes are listed per ticket: list the tickets that changed, then the notes of each"
		f.Granularity = time.Second
	case psa.KindTicket:
		f.NamesRepeat = true
		// Everything on a board belongs to that board: a ticket moves with all
		// of it.
		f.Groups = [][]string{
			{"board", "status", "type", "subtype", "item", "team", "owner"},
			{"company", "site", "contact"},
		}
	}
}
