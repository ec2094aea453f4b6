// Package autotask reads and writes an Autotask PSA database as a
// [psa.Provider]: its configuration, which is only read, and its companies,
// locations, contacts, tickets, ticket notes and time entries.
//
// [New] makes a [Provider] from a [Config]; README.md beside it says how to set
// up the API user it needs, with the least rights. fields.yaml says which
// canonical field stands where in Autotask's rows. Tests of programs that use
// this package find a simulator in autotask/autotasktest.
//
// Statements about the vendor follow its developer help (autotask.net,
// DeveloperHelp, REST API) and REST schema of version 1.0.
package autotask

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
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// name is what [Provider.Name] returns.
const name = "autotask"

// Config says which Autotask PSA database to use, and how.
type Config struct {
	// URL is a host that knows the zone of the API user, where the database
	// is. "": webservices.autotask.net, which knows all of them. https, or http
	// on a loopback host.
	URL string
	// Credentials returns the login of an API-only user. It is called before
	// every request, by several goroutines at once, so that a new secret is
	// taken up without a restart; it should be fast. Required.
	Credentials func(context.Context) (Credentials, error)

	// WorkTypeUse are the values of the picklist BillingCodes.useType that mark
	// work types. nil: those whose label is Labor or the like. It is needed
	// where a list of work types ends with [psa.ErrData] that says so.
	WorkTypeUse []string

	// CompanyOwnerID is the id of the resource that owns the companies that are
	// created, since Autotask has none without an owner. "": that of
	// ImpersonationResourceID; without either no company can be created, as
	// Features says.
	CompanyOwnerID string
	// ImpersonationResourceID is the id of the resource that writes are by,
	// where the security levels of both users allow it; "": the API user
	// itself. It changes nothing about reading. Autotask does not know it for
	// company locations.
	ImpersonationResourceID string

	// PageSize is how many rows are asked for at a time, at most 500. 0: 500.
	PageSize int
	// Transport sends the requests. It must not follow redirects. nil: a pool
	// of its own.
	Transport http.RoundTripper
	// Budget is shared by every provider of one database and process. nil: one
	// of its own with the defaults of [BudgetConfig].
	Budget *Budget
	// Retries is how often a request that only reads is repeated after a
	// failure that may pass. 0: 4; below 0: never.
	Retries int
	// UserAgent is sent with every request; "": "psasync".
	UserAgent string
}

// Credentials are the login of an API-only user. They never appear in errors.
type Credentials struct {
	IntegrationCode string // tracking identifier of the user's integration vendor
	UserName        string
	Secret          string
}

// String keeps the login out of logs.
func (Credentials) String() string { return "autotask.Credentials{…}" }

// GoString keeps the login out of logs.
func (c Credentials) GoString() string { return c.String() }

// MarshalText keeps the login out of JSON and of structured logs; there is no
// way back.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// A Provider is one Autotask PSA database. It implements [psa.Provider] and,
// of the optional extras, [psa.Counter], [psa.Checker], [psa.Instancer],
// [psa.ServerTimer], [psa.Finder], [psa.DeletionLister], [psa.Creator],
// [psa.Updater], [psa.Deleter] and [psa.Canonicaliser]. It is safe for
// concurrent use.
type Provider struct {
	c           *client
	salt        string // of every row's hash
	size        int    // rows of a page
	workTypeUse []string
	as          string // resource that writes are by; "": the API user
	// companyOwner is the owner of new companies; "": there are none.
	companyOwner string
	lists        map[psa.Kind][]*list // vendor lists behind a kind
	presets      *list                // what ticket categories preset
	memos        *memos
	offers       psa.Features
}

//go:embed fields.yaml
var fieldsYAML []byte

// fields is the layout, read once for all providers of a process.
var fields = sync.OnceValues(func() (*mapping.Layout, error) {
	return mapping.ParseLayout("autotask/fields.yaml", fieldsYAML)
})

// New returns a provider. It makes no request. The error names everything that
// is wrong with cfg.
func New(cfg Config) (*Provider, error) {
	base, errs := cfg.check()
	if len(errs) > 0 {
		return nil, fmt.Errorf("autotask: %w", errors.Join(errs...))
	}
	layout, err := fields()
	if err != nil {
		return nil, fmt.Errorf("autotask: %w", err)
	}
	c, err := newClient(cfg, base)
	if err != nil {
		return nil, err
	}
	p := &Provider{
		c: c, salt: layout.Salt(), size: cmp.Or(cfg.PageSize, maxPage), workTypeUse: slices.Clone(cfg.WorkTypeUse),
		as: cfg.ImpersonationResourceID, companyOwner: cmp.Or(cfg.CompanyOwnerID, cfg.ImpersonationResourceID),
		lists: map[psa.Kind][]*list{}, presets: &list{kind: psa.KindForm, variant: "defaults", entity: "TicketCategoryFieldDefaults"},
	}
	p.presets.prepare(layout, p.size)
	for _, l := range slices.Concat(configLists(), recordLists()) {
		l.prepare(layout, p.size)
		p.lists[l.kind] = append(p.lists[l.kind], l)
	}
	p.memos = newMemos(p.lists)
	p.offers = p.describe()
	return p, nil
}

// Name returns "autotask".
func (p *Provider) Name() string { return name }

// CloseIdleConnections closes connections that are not in use; the provider
// stays usable. It does nothing to a transport of the user.
func (p *Provider) CloseIdleConnections() {
	p.c.open.CloseIdleConnections()
	p.c.mu.Lock()
	api := p.c.place.api
	p.c.mu.Unlock()
	if api != nil {
		api.CloseIdleConnections()
	}
}

// check returns the address of zone discovery, without a path.
func (cfg Config) check() (base *url.URL, errs []error) {
	need := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	base, err := server(cfg.URL)
	need(err == nil, "Config.URL: %w", err)
	need(cfg.Credentials != nil, "Config.Credentials is missing: a function that returns the login of an API-only user")
	need(numeric(cfg.WorkTypeUse...) == nil, "Config.WorkTypeUse %q: values of a picklist are numbers", cfg.WorkTypeUse)
	need(cfg.CompanyOwnerID == "" || numeric(cfg.CompanyOwnerID) == nil, "Config.CompanyOwnerID %q is no id of a resource", cfg.CompanyOwnerID)
	need(cfg.ImpersonationResourceID == "" || numeric(cfg.ImpersonationResourceID) == nil, "Config.ImpersonationResourceID %q is no id of a resource", cfg.ImpersonationResourceID)
	need(cfg.PageSize >= 0 && cfg.PageSize <= maxPage, "Config.PageSize is %d; the API allows 1 to %d", cfg.PageSize, maxPage)
	return base, errs
}

// server reads Config.URL.
func server(s string) (*url.URL, error) {
	s = cmp.Or(strings.TrimSpace(s), discovery)
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
		return nil, errors.New("is no host and no base URL")
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return nil, errors.New("is not https (http is for loopback hosts)")
	case !loopback(u.Hostname()) && strings.Count(strings.Trim(u.Hostname(), "."), ".") < 2:
		return nil, errors.New("is no host such as " + discovery)
	}
	if path := strings.ToLower(strings.Trim(u.Path, "/")); path != "" && path != "atservicesrest" && path != "atservicesrest/v1.0" {
		return nil, errors.New("has a path that is not /ATServicesRest")
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}, nil
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
		psa.KindBoard: "Queue", psa.KindStatus: "Status", psa.KindPriority: "Priority", psa.KindTicketType: "Ticket Type",
		psa.KindClassification: "Issue Type, Sub-Issue Type", psa.KindForm: "Ticket Category", psa.KindTicketSource: "Source",
		psa.KindSLA: "Service Level Agreement", psa.KindCustomField: "User-Defined Field", psa.KindCompanyType: "Company Type",
		psa.KindCompanyClassification: "Classification", psa.KindMember: "Resource", psa.KindRole: "Security Level",
		psa.KindWorkRole: "Role", psa.KindWorkType: "Work Type", psa.KindDepartment: "Department", psa.KindLocation: "Internal Location",
		psa.KindNoteType: "Note Type", psa.KindChargeCode: "Internal Billing Code",
		psa.KindCompany: "Company", psa.KindSite: "Company Location", psa.KindContact: "Contact", psa.KindTicket: "Ticket",
		psa.KindNote: "Ticket Note", psa.KindTimeEntry: "Time Entry", psa.KindAgreement: "Contract",
	}
}

// absent are the kinds of package psa that Autotask lacks, that its API does
// not show, or that are not read.
func absent() map[psa.Kind]string {
	return map[psa.Kind]string{
		psa.KindUrgency:                   "Autotask tickets have a priority only",
		psa.KindImpact:                    "Autotask tickets have a priority only",
		psa.KindClassificationAssociation: "a sub-issue type names the one issue type it goes with: see classification",
		psa.KindTeam:                      "Autotask has queues, which are boards here",
		psa.KindServiceLocation:           "Autotask tickets do not say where work is done",
		psa.KindSLATarget:                 "the API shows the names of service level agreements, not their targets",
		psa.KindTemplate:                  "the API does not show speed codes and form templates",
		psa.KindCompanyStatus:             "Autotask companies are active or not, and have a type and a classification",
		psa.KindCompanyTeamRole:           "Autotask has no roles of a member towards a company",
		psa.KindContactType:               "Autotask contacts have no type",
		psa.KindContactRole:               "Autotask contacts have no role, only a mark for the primary and for the billing contact",
		psa.KindContactDepartment:         "Autotask contacts have no department",
		psa.KindCommunicationType:         "Autotask contacts have a fixed set of addresses and numbers",
		psa.KindMemberType:                "user types of resources cannot be told from security levels",
		psa.KindRole:                      "the API does not show security levels",
		psa.KindChargeCode:                "time outside tickets is not read",
		psa.KindAgreement:                 "contracts are read as references of tickets and time entries only",
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
		if kind.IsRecord() {
			p.writing(kind, &f)
		}
		features[kind] = f
	}
	return features
}

func (l *list) feature(term string) psa.Feature {
	f := psa.Feature{
		Can: psa.CanList | psa.CanGet, Missing: map[psa.Ability]string{}, Term: term,
		Parent: l.parent, PageSize: l.size,
		Filter: slices.Sorted(maps.Keys(l.filter)), Find: slices.Sorted(maps.Keys(l.find)),
	}
	offer := func(can psa.Ability, ok bool, why string) {
		if ok {
			f.Can |= can
		} else if why != "" {
			f.Missing[can] = why
		}
	}
	offer(psa.CanSince, l.stamp != "", "the rows have no time of change")
	offer(psa.CanCount, l.field == "", "the choices of a picklist come in one answer and are not counted")
	offer(psa.CanResume, l.kind.IsRecord(), "")
	offer(psa.CanFind, len(l.find) > 0, "")
	offer(psa.CanDeletions, l.kind == psa.KindTicket, "")
	if l.stamp != "" {
		f.Granularity = time.Millisecond
	}
	l.quirks(&f)
	return f
}

// quirks adds what is particular to single kinds.
func (l *list) quirks(f *psa.Feature) {
	const noTrace = "Autotask keeps no trace of deleted rows: compare with a complete list"
	switch l.kind {
	case psa.KindClassification:
		f.Scopes = []psa.Scope{{Kind: psa.KindClassification, Via: "parents"}}
		f.NamesRepeat = true // an issue type and a sub-issue type may share their name
	case psa.KindCustomField:
		f.NamesRepeat = true // of different entities
	case psa.KindMember:
		f.NamesRepeat = true
	case psa.KindWorkType:
		f.NamesRepeat = true
	case psa.KindCompany, psa.KindContact:
		f.NamesRepeat = true
		f.Missing[psa.CanDeletions] = noTrace
	case psa.KindSite:
		f.Scopes = []psa.Scope{{Kind: psa.KindCompany}}
		f.Missing[psa.CanDeletions] = noTrace
	case psa.KindNote, psa.KindTimeEntry:
		f.Missing[psa.CanDeletions] = "the log of deleted activities does not name the row: compare with a complete list"
	case psa.KindTicket:
		f.NamesRepeat = true
	}
}

// writing adds what can be written.
func (p *Provider) writing(kind psa.Kind, f *psa.Feature) {
	const noDelete = "the API cannot delete "
	f.Can |= psa.CanCreate | psa.CanUpdate
	f.Writes = p.lists[kind][0].layout.Writable()
	// No call of the API keeps the tenant's workflow rules from sending mail.
	f.Mail = psa.MailUncontrolled
	switch kind {
	case psa.KindCompany:
		f.Can |= psa.CanDeactivate
		f.Mail = psa.MailNever // workflow rules are for tickets and what is on them
		f.Required = []string{"name", "phone", "types"}
		f.Writes = append(f.Writes, "types")
		slices.Sort(f.Writes)
		if p.companyOwner == "" {
			f.Can &^= psa.CanCreate
			f.Missing[psa.CanCreate] = "a company has an owner: set Config.CompanyOwnerID"
		}
	case psa.KindSite:
		f.Can |= psa.CanDeactivate
		f.Mail = psa.MailNever
		f.Required, f.CreateOnly = []string{"company", "name"}, []string{"company"}
	case psa.KindContact:
		f.Can |= psa.CanDeactivate
		f.Mail = psa.MailNever
		f.Marker = "external_ref"
		f.Required, f.CreateOnly = []string{"company", "first_name", "last_name"}, []string{"company"}
	case psa.KindTicket:
		f.Missing[psa.CanDelete] = noDelete + "tickets"
		f.Marker = "external_ref"
		f.Required = []string{"company", "due_at", "priority", "status", "summary"} // and board or owner
		// A resource is assigned in a role; a contact and a location belong to
		// one company, a sub-issue type to one issue type.
		f.Groups = [][]string{
			{"company", "site", "contact"},
			{"owner", "owner_role"},
			{"category_1", "category_2"},
		}
	case psa.KindNote:
		f.Missing[psa.CanDelete] = noDelete + "ticket notes"
		f.Required, f.CreateOnly = []string{"text", "ticket", "type"}, []string{"ticket"}
	case psa.KindTimeEntry:
		f.Can |= psa.CanDelete
		f.Required, f.CreateOnly = []string{"hours", "member", "start_at", "ticket"}, []string{"member", "ticket"}
		f.Groups = [][]string{{"start_at", "end_at", "hours"}}
	}
}
