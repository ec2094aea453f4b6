// Package halopsa is a HaloPSA (HaloITSM, HaloCRM) instance as a
// [psa.Provider]: it reads its configuration, and reads and writes its clients,
// sites, users, tickets, actions and time.
//
// [New] makes a [Provider] from a [Config]; README.md beside it says how to set
// up the API application and the agent it needs, with the least rights.
// fields.yaml says which canonical field stands where in Halo's rows. Tests of
// programs that use this package find a simulator in halopsa/halopsatest.
//
// Statements about the vendor follow its API guide (halopsa.com/apidoc), its
// OpenAPI document v2, and what other clients have measured on live instances.
package halopsa

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// name is what [Provider.Name] returns.
const name = "halopsa"

// Config says which HaloPSA (HaloITSM, HaloCRM) instance to use, and how.
type Config struct {
	// URL is the application: a host ("acme.halopsa.com") or the address people
	// open, with or without "/api" behind it. https, or http on a loopback
	// host. Required.
	URL string
	// Credentials returns the client id and secret of an API application. It is
	// called before every request, by several goroutines at once, so that a new
	// secret is taken up without a restart; it should be fast. Required.
	Credentials func(context.Context) (Credentials, error)
	// Scopes are what tokens are asked for. nil: "all", which is what the
	// application and its agent may do.
	Scopes []string

	// AuthURL is the authorisation server, below which tokens come from /token.
	// "": what the instance says at /api/authinfo. The secret is sent to this
	// origin and to no other.
	AuthURL string
	// Tenant names the instance to an authorisation server that several share.
	// "": what the instance says.
	Tenant string

	// Lookups are the numbers of lookup lists that have been renamed:
	// psa.KindTicketSource, KindImpact, KindUrgency, KindCompanyType. A kind
	// that is missing is found by the name of its list, see the README.
	Lookups map[psa.Kind]int

	// Outcomes are the action types that notes and time entries are written
	// with. Without one for time, time entries are not created.
	Outcomes Outcomes
	// TopLevel is the group of clients that new clients belong to. 0: the only
	// one there is.
	TopLevel int
	// Markers are the numbers of custom fields for text that hold the marker of
	// a program's own rows: of psa.KindCompany, KindSite. A kind that is missing
	// has no marker; tickets have one of their own.
	Markers map[psa.Kind]int
	// SkipRules makes writes that are to notify nobody skip Halo's own ticket
	// rules, which may send mail, and also do other things.
	SkipRules bool

	// PageSize is how many records are asked for at a time, at most 100. 0: 100.
	PageSize int
	// Transport sends the requests, those for tokens included. It must not
	// follow redirects. nil: a pool of its own.
	Transport http.RoundTripper
	// Budget is shared by every provider of one instance and process. nil: one
	// of its own with the defaults of [BudgetConfig].
	Budget *Budget
	// Retries is how often a request that only reads is repeated after a
	// failure that may pass. 0: 4; below 0: never.
	Retries int
	// UserAgent is sent with every request; "": "psasync".
	UserAgent string
}

// Outcomes are ids of action types: Halo takes no action without one, which
// the ticket's type and workflow must allow. 0: none.
type Outcomes struct {
	Internal int // of notes that the client does not see
	Public   int // of notes that the client sees
	Time     int // of time entries
}

// Credentials are those of an API application (method "Client ID and Secret").
// They never appear in errors.
type Credentials struct {
	ClientID     string
	ClientSecret string
}

// String keeps the secret out of logs.
func (Credentials) String() string { return "halopsa.Credentials{…}" }

// GoString keeps the secret out of logs.
func (c Credentials) GoString() string { return c.String() }

// MarshalText keeps the secret out of JSON and of structured logs; there is no
// way back.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// A Provider is one HaloPSA instance. It implements [psa.Provider] and, of the
// optional extras, [psa.Counter], [psa.Checker], [psa.Instancer],
// [psa.ServerTimer], [psa.Finder], [psa.DeletionLister], [psa.Creator],
// [psa.Updater], [psa.Deleter] and [psa.Canonicaliser]. It is safe for
// concurrent use.
type Provider struct {
	c      *client
	salt   string // of every row's hash
	lists  map[psa.Kind]*list
	number map[psa.Kind]int // of lookup lists, as configured
	offers psa.Features

	outcomes  Outcomes
	topLevel  int
	skipRules bool

	// What rows depend on besides their own list.
	teams   *rest.Memo[teamNames]
	custom  *rest.Memo[map[int]definition]
	lookups *rest.Memo[map[string]int]
	version *rest.Memo[string]
	ranks   *rest.Memo[[][]byte] // priorities, which are the targets of SLAs as well
	classes *rest.Memo[map[categoryKey]string]
}

//go:embed fields.yaml
var fieldsYAML []byte

// fields is the layout, read once for all providers of a process.
var fields = sync.OnceValues(func() (*mapping.Layout, error) {
	return mapping.ParseLayout("halopsa/fields.yaml", fieldsYAML)
})

// New returns a provider. It makes no request. The error names everything that
// is wrong with cfg.
func New(cfg Config) (*Provider, error) {
	base, errs := cfg.check()
	if len(errs) > 0 {
		return nil, fmt.Errorf("halopsa: %w", errors.Join(errs...))
	}
	layout, err := fields()
	if err != nil {
		return nil, fmt.Errorf("halopsa: %w", err)
	}
	c, err := newClient(cfg, base)
	if err != nil {
		return nil, err
	}
	p := &Provider{
		c: c, salt: layout.Salt(), lists: map[psa.Kind]*list{}, number: maps.Clone(cfg.Lookups),
		teams: rest.NewMemo[teamNames](name), custom: rest.NewMemo[map[int]definition](name), lookups: rest.NewMemo[map[string]int](name), version: rest.NewMemo[string](name),
		ranks: rest.NewMemo[[][]byte](name), classes: rest.NewMemo[map[categoryKey]string](name),
		outcomes: cfg.Outcomes, topLevel: cfg.TopLevel, skipRules: cfg.SkipRules,
	}
	for _, l := range slices.Concat(configLists(), recordLists()) {
		l.prepare(layout, cfg.PageSize)
		if id := cfg.Markers[l.kind]; id != 0 {
			l.marker = "custom." + strconv.Itoa(id)
			l.find = maps.Clone(l.find)
			if l.find == nil {
				l.find = map[string]finder{}
			}
			l.find[l.marker] = finder{inner: true} // no search knows custom fields: the list is read
		}
		p.lists[l.kind] = l
	}
	p.offers = p.describe()
	return p, nil
}

// Name returns "halopsa".
func (p *Provider) Name() string { return name }

// CloseIdleConnections closes connections that are not in use; the provider
// stays usable. It does nothing to a transport of the user.
func (p *Provider) CloseIdleConnections() { p.c.closeIdle() }

// check returns the root of the API.
func (cfg Config) check() (base *url.URL, errs []error) {
	need := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	base, err := server(cfg.URL)
	need(err == nil, "Config.URL: %w", err)
	if cfg.AuthURL != "" {
		_, err := server(cfg.AuthURL)
		need(err == nil, "Config.AuthURL: %w", err)
	}
	need(cfg.Credentials != nil, "Config.Credentials is missing: a function that returns the client id and secret of an API application")
	need(!strings.ContainsAny(cfg.Tenant, "/?#&= \t\r\n"), "Config.Tenant %q is no tenant id", cfg.Tenant)
	for _, s := range cfg.Scopes {
		need(s != "" && !strings.ContainsAny(s, " \t\r\n"), "Config.Scopes: %q is not one scope", s)
	}
	for kind, n := range cfg.Lookups {
		need(lookupNames(kind) != nil, "Config.Lookups: %q is read from no list with a name", kind)
		need(n > 0, "Config.Lookups: %d is no number of a list", n)
	}
	for what, id := range map[string]int{
		"Outcomes.Internal": cfg.Outcomes.Internal, "Outcomes.Public": cfg.Outcomes.Public, "Outcomes.Time": cfg.Outcomes.Time, "TopLevel": cfg.TopLevel,
	} {
		need(id >= 0, "Config.%s is %d; ids count from 1", what, id)
	}
	for kind, id := range cfg.Markers {
		need(kind == psa.KindCompany || kind == psa.KindSite, "Config.Markers: %q cannot be looked up by a custom field", kind)
		need(id > 0, "Config.Markers: %d is no number of a custom field", id)
	}
	need(cfg.PageSize >= 0 && cfg.PageSize <= maxPage, "Config.PageSize is %d; the API allows 1 to %d", cfg.PageSize, maxPage)
	return base, errs
}

// server reads an address and returns the root of the API below it.
func server(s string) (*url.URL, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, errors.New("is missing: the host where you log in")
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errors.New("is no URL")
	case u.User != nil:
		return nil, errors.New("holds a user name; credentials belong into Config.Credentials")
	case u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("is no host and no address of the application")
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return nil, errors.New("is not https (http is for loopback hosts)")
	}
	path := strings.TrimRight(u.Path, "/")
	if n := len(path) - len("/api"); n >= 0 && strings.EqualFold(path[n:], "/api") {
		path = strings.TrimRight(path[:n], "/")
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: path + "/api"}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Features says what this provider can do; see [psa.Provider].
func (p *Provider) Features() psa.Features {
	out := make(psa.Features, len(p.offers))
	for kind, f := range p.offers {
		f.Missing = maps.Clone(f.Missing)
		f.Filter, f.Find, f.Scopes = slices.Clone(f.Filter), slices.Clone(f.Find), slices.Clone(f.Scopes)
		f.Groups, f.Required = slices.Clone(f.Groups), slices.Clone(f.Required)
		f.Writes, f.CreateOnly = slices.Clone(f.Writes), slices.Clone(f.CreateOnly)
		out[kind] = f
	}
	return out
}

// What the vendor's own users call the kinds.
func terms() map[psa.Kind]string {
	return map[psa.Kind]string{
		psa.KindLocation: "Organisation", psa.KindDepartment: "Department", psa.KindRole: "Role", psa.KindWorkType: "Charge Rate",
		psa.KindMember: "Agent", psa.KindStatus: "Status", psa.KindPriority: "Priority", psa.KindUrgency: "Urgency", psa.KindImpact: "Impact",
		psa.KindTicketType: "Ticket Type", psa.KindClassification: "Category", psa.KindTeam: "Team", psa.KindTicketSource: "Request Source",
		psa.KindSLA: "SLA", psa.KindSLATarget: "SLA Priority", psa.KindTemplate: "Template", psa.KindCustomField: "Custom Field",
		psa.KindCompanyType: "Customer Type", psa.KindNoteType: "Outcome", psa.KindCompany: "Client", psa.KindSite: "Site", psa.KindContact: "User",
		psa.KindTicket: "Ticket", psa.KindNote: "Action", psa.KindTimeEntry: "Action with time", psa.KindAgreement: "Contract",
	}
}

// absent are the kinds of package psa that Halo lacks, or that are not read.
func absent() map[psa.Kind]string {
	return map[psa.Kind]string{
		psa.KindBoard:                     "team is the queue",
		psa.KindForm:                      "Halo's ticket types decide which fields a form has",
		psa.KindClassificationAssociation: "Halo's category 1 to 4 are independent of each other",
		psa.KindServiceLocation:           "Halo does not say where work is done",
		psa.KindCompanyStatus:             "Halo's clients are active or inactive",
		psa.KindCompanyClassification:     "Halo's clients have a customer type",
		psa.KindCompanyTeamRole:           "Halo's clients have fields for the agents who look after them",
		psa.KindContactType:               "Halo's users have no type",
		psa.KindContactRole:               "Halo's users have no relationship",
		psa.KindContactDepartment:         "Halo's users belong to a site",
		psa.KindCommunicationType:         "Halo's users have fixed fields for addresses and numbers",
		psa.KindMemberType:                "Halo's agents have roles only",
		psa.KindWorkRole:                  "Halo charges by charge rate, which is the work type",
		psa.KindChargeCode:                "Halo's time outside tickets has no code of its own",
		psa.KindAgreement:                 "contracts are not read",
	}
}

// describe makes the features from the lists.
func (p *Provider) describe() psa.Features {
	features := psa.Features{}
	term := terms()
	for kind, why := range absent() {
		features[kind] = psa.Feature{Term: term[kind], Missing: map[psa.Ability]string{psa.CanList: why}}
	}
	for kind, l := range p.lists {
		f := l.feature(term[kind])
		p.offerWrites(l, &f)
		features[kind] = f
	}
	return features
}

func (l *list) feature(term string) psa.Feature {
	f := psa.Feature{
		Can: psa.CanList | psa.CanGet, Missing: map[psa.Ability]string{}, Term: term,
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
	offer(psa.CanSince, l.stamped, "the list has no filter by time of change")
	offer(psa.CanCount, l.counted, "the list holds rows that are left out here, and cannot be counted without them")
	offer(psa.CanFind, len(l.find) > 0, "")
	offer(psa.CanDeletions, l.kind == psa.KindTicket, "")
	if l.kind.IsRecord() {
		f.Granularity = granularity
		if l.kind != psa.KindTicket {
			f.Missing[psa.CanDeletions] = "Halo tells deleted tickets only: compare with a complete list"
		}
		if !f.Can.Has(psa.CanResume) {
			f.Missing[psa.CanResume] = "Halo has pages by number, which cannot begin behind a row"
		}
	}
	l.quirks(&f)
	return f
}

// offerWrites adds what can be written of a kind.
func (p *Provider) offerWrites(l *list, f *psa.Feature) {
	form, ok := formOf(l.kind)
	if !ok {
		return
	}
	f.Can |= psa.CanCreate | psa.CanUpdate
	f.Writes, f.CreateOnly = form.takes(), form.once
	f.Required = slices.Sorted(slices.Values(form.required))
	f.Marker = l.marker
	switch l.kind {
	case psa.KindCompany, psa.KindSite, psa.KindContact:
		f.Can |= psa.CanDeactivate
		f.Missing[psa.CanDelete] = "what is deleted in Halo is gone from its tickets: rows are deactivated"
		return // Halo mails nobody; a new user is not welcomed
	}
	f.Can |= psa.CanDelete
	f.Mail = psa.MailUncontrolled // by rules of the instance
	if p.skipRules {
		f.Mail = psa.MailControlled
	}
	switch l.kind {
	case psa.KindNote:
		if p.outcomes.Internal == 0 && p.outcomes.Public == 0 {
			f.Required = append(f.Required, "type")
		}
	case psa.KindTimeEntry:
		if p.outcomes.Time == 0 {
			f.Can &^= psa.CanCreate
			f.Missing[psa.CanCreate] = "Halo takes no time without an action type: set Config.Outcomes.Time"
		}
	}
}

// quirks adds what is particular to single kinds.
func (l *list) quirks(f *psa.Feature) {
	switch l.kind {
	case psa.KindStatus:
		f.Scopes = []psa.Scope{{Kind: psa.KindTicketType, Via: "statuses", Reverse: true}}
	case psa.KindPriority, psa.KindSLATarget:
		f.Scopes = []psa.Scope{{Kind: psa.KindSLA}}
	case psa.KindTeam:
		f.Scopes = []psa.Scope{{Kind: psa.KindDepartment, Via: "department"}}
	case psa.KindClassification:
		f.NamesRepeat = true // of levels, that count for themselves
	case psa.KindCustomField:
		f.NamesRepeat = true // labels, of fields of different records
	case psa.KindMember, psa.KindCompany, psa.KindTemplate:
		f.NamesRepeat = true
	case psa.KindContact:
		f.NamesRepeat = true
		f.Groups = [][]string{{"company", "site"}}
	case psa.KindSite:
		f.Scopes = []psa.Scope{{Kind: psa.KindCompany}}
	case psa.KindNote, psa.KindTimeEntry:
		f.Missing[psa.CanSince] = "actions are listed per ticket: list the tickets that changed, then the actions of each"
	case psa.KindTicket:
		f.NamesRepeat = true
		f.Groups = [][]string{
			{"sla", "priority"},
			{"ticket_type", "status", "category_1", "category_2", "category_3", "category_4"},
			{"company", "site", "contact"},
			{"team", "owner"},
		}
	}
}
