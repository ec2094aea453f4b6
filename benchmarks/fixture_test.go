package benchmarks

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// fieldMap is a map of 30 fields as hosts have them: 13 that pass, 4 links to
// other records, 3 references by name, 5 with values (one of them several to
// one), 4 transforms, one member; 3 of all are custom fields.
const fieldMap = `version: 1
kinds:
  ticket:
    fields:
      summary: title
      description: body
      contact_name: requester_name
      contact_phone: requester_phone
      po_number: po
      due_at: due
      resolution: resolution
      external_ref: external
      number: {app: number, direction: to_app}
      url: {app: link, direction: to_app}
      created_at: {app: created, direction: to_app}
      closed: {app: is_closed, direction: to_app}
      contact_email: {app: requester_mail, transform: lower}
      budget_hours: {app: estimate, transform: hours_to_minutes}
      worked_hours: {app: worked, transform: hours_to_minutes, direction: to_app}
      company: account
      contact: requester
      site: place
      agreement: contract
      board: queue
      team: group
      location: office
      source: {app: channel, values: {Phone: phone, Portal: web, Email: mail}}
      impact: {app: severity, values: {Low: minor, Medium: normal, High: major}}
      priority: {app: priority, values: {P1: Critical, P2: High, P3: Medium, P4: Low}}
      status:
        app: state
        values: {New: open, In Progress: working, Scheduled: working, Waiting: pending, Closed: done}
        prefer: {working: In Progress}
      owner: {app: assignee, member: {by: email}}
      'custom["Site Code"]': site_code
      'custom["VIP"]': {app: vip, transform: {bool: {true: "Yes", false: "No"}}}
      'custom["Region"]': {app: region, values: {North: n, South: s}}
`

// rules is how many rules fieldMap has.
const rules = 30

// A pair is one entry of a value map.
type pair struct{ left, right string }

// The value maps of fieldMap, for those who have no map.
var (
	sources    = []pair{{"Phone", "phone"}, {"Portal", "web"}, {"Email", "mail"}}
	impacts    = []pair{{"Low", "minor"}, {"Medium", "normal"}, {"High", "major"}}
	priorities = []pair{{"P1", "Critical"}, {"P2", "High"}, {"P3", "Medium"}, {"P4", "Low"}}
	statuses   = []pair{{"New", "open"}, {"In Progress", "working"}, {"Scheduled", "working"}, {"Waiting", "pending"}, {"Closed", "done"}}
	regions    = []pair{{"North", "n"}, {"South", "s"}}
)

func ref(id, name string) psa.Fields { return psa.Reference{ID: id, Name: name}.Fields() }

func ticket(f psa.Fields) psa.Record {
	return psa.Record{Ref: psa.Ref{Kind: psa.KindTicket, ID: "7"}, Active: true, Fields: f}
}

// A catalog is what one side offers.
type catalog struct {
	fields  []psa.Field
	options map[psa.Kind]psa.Options
	rows    map[psa.Kind]map[string]psa.Fields // by name, as records refer to them
}

func (c *catalog) Fields(psa.Kind) []psa.Field { return c.fields }
func (c *catalog) Scopes(psa.Kind) []psa.Scope { return nil }

func (c *catalog) Options(k psa.Kind, _ string) psa.Options { return c.options[k] }

func (c *catalog) Find(k psa.Kind, _, name string) (psa.Ref, bool) {
	r, ok := c.rows[k][name]
	return psa.Ref{Kind: k, ID: r.String("id")}, ok
}

func (c *catalog) offer(k psa.Kind, names ...string) {
	c.rows[k] = map[string]psa.Fields{}
	for i, n := range names {
		id := fmt.Sprintf("%s-%d", n[:1], i)
		c.options[k] = append(c.options[k], psa.Option{Ref: psa.Ref{Kind: k, ID: id}, Name: n})
		c.rows[k][n] = ref(id, n)
	}
}

func catalogs() (left, right *catalog) {
	left = &catalog{fields: slices.Clone(psa.Schema(psa.KindTicket)), options: map[psa.Kind]psa.Options{}, rows: map[psa.Kind]map[string]psa.Fields{}}
	left.fields = append(left.fields,
		psa.Field{Name: "custom.16", Caption: "Site Code", Type: psa.TypeString},
		psa.Field{Name: "custom.17", Caption: "VIP", Type: psa.TypeBool},
		psa.Field{Name: "custom.20", Caption: "Region", Type: psa.TypeOption, Options: []string{"North", "South"}})
	right = &catalog{options: map[psa.Kind]psa.Options{}, rows: map[psa.Kind]map[string]psa.Fields{}}
	right.fields = []psa.Field{
		{Name: "account", Type: psa.TypeRef, Kind: psa.KindCompany}, {Name: "requester", Type: psa.TypeRef, Kind: psa.KindContact},
		{Name: "place", Type: psa.TypeRef, Kind: psa.KindSite}, {Name: "contract", Type: psa.TypeRef, Kind: psa.KindAgreement},
		{Name: "queue", Type: psa.TypeRef, Kind: psa.KindBoard}, {Name: "group", Type: psa.TypeRef, Kind: psa.KindTeam},
		{Name: "office", Type: psa.TypeRef, Kind: psa.KindLocation}, {Name: "priority", Type: psa.TypeRef, Kind: psa.KindPriority},
		{Name: "assignee", Type: psa.TypeRef, Kind: psa.KindMember}, {Name: "estimate", Type: psa.TypeNumber}, {Name: "worked", Type: psa.TypeNumber},
		{Name: "is_closed", Type: psa.TypeBool}, {Name: "due", Type: psa.TypeTime}, {Name: "created", Type: psa.TypeTime}, {Name: "body", Type: psa.TypeText},
		{Name: "resolution", Type: psa.TypeText},
	}
	for _, n := range []string{"title", "requester_name", "requester_phone", "po", "external", "number", "link", "requester_mail", "channel", "severity", "state",
		"site_code", "vip", "region"} {
		right.fields = append(right.fields, psa.Field{Name: n, Type: psa.TypeString})
	}
	for _, c := range []*catalog{left, right} {
		c.offer(psa.KindBoard, "Help Desk", "Projects", "Sales")
		c.offer(psa.KindTeam, "Blue", "Red")
		c.offer(psa.KindLocation, "Berlin", "York")
	}
	left.offer(psa.KindTicketSource, "Phone", "Portal", "Email", "Fax")
	left.offer(psa.KindImpact, "Low", "Medium", "High", "Other")
	left.offer(psa.KindPriority, "P1", "P2", "P3", "P4", "P9")
	left.offer(psa.KindStatus, "New", "In Progress", "Scheduled", "Waiting", "Closed", "Parked")
	right.offer(psa.KindPriority, "Critical", "High", "Medium", "Low", "None")
	return left, right
}

func people(side string) []psa.Record {
	var all []psa.Record
	for i, mail := range []string{"ann@msp.example", "bo@msp.example", side + "@msp.example"} {
		all = append(all, psa.Record{Ref: psa.Ref{Kind: psa.KindMember, ID: fmt.Sprint(side, i)}, Active: true,
			Fields: psa.Fields{"name": side + " " + mail, "email": mail}})
	}
	return all
}

// links holds the counterparts of the records whose ids end in a digit below 8.
var links = func() map[string]string {
	m := map[string]string{}
	for _, k := range []psa.Kind{psa.KindCompany, psa.KindContact, psa.KindSite, psa.KindAgreement} {
		for i := range 8 {
			left, right := fmt.Sprint(k, i), fmt.Sprint("host ", k, i)
			m[left], m[right] = right, left
		}
	}
	return m
}()

func link(_ psa.Kind, id string) (string, bool) {
	other, ok := links[id]
	return other, ok
}

// full is a left record with a value for each rule of fieldMap.
func full(left *catalog) psa.Fields {
	return psa.Fields{
		"summary": "Printer offline", "description": "It does not answer", "contact_name": "Jo", "contact_phone": "555", "po_number": "PO-1",
		"due_at": "2026-03-02T17:00:00Z", "resolution": "", "external_ref": "X-1", "number": "48213", "url": "https://x.example/48213",
		"created_at": "2026-03-01T08:14:05Z", "closed": false, "contact_email": "Jo@a.example", "budget_hours": json.Number("1.5"),
		"worked_hours": json.Number("0.75"), "company": ref("company1", "Acme"), "contact": ref("contact2", "Jo"), "site": ref("site3", "Main"),
		"agreement": ref("agreement4", "Gold"), "board": left.rows[psa.KindBoard]["Help Desk"], "team": left.rows[psa.KindTeam]["Blue"],
		"location": left.rows[psa.KindLocation]["York"], "source": left.rows[psa.KindTicketSource]["Portal"], "impact": left.rows[psa.KindImpact]["High"],
		"priority": left.rows[psa.KindPriority]["P2"], "status": left.rows[psa.KindStatus]["Scheduled"], "owner": ref("left1", "left bo@msp.example"),
		"custom": psa.Fields{"16": "N1", "17": true, "20": "South"},
	}
}

// A world is what the ways to map have in common.
type world struct {
	left, right *catalog
	mapper      *mapping.Mapper
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{}
	w.left, w.right = catalogs()
	m, err := mapping.Parse("fields.yaml", []byte(fieldMap), nil)
	if err != nil {
		tb.Fatal(err)
	}
	w.mapper, err = m.Compile(&mapping.Config{Left: w.left, Right: w.right, LeftMembers: people("left"), RightMembers: people("right")})
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// someLeft returns a left record in which fields are absent, null, known or
// without a rule.
func (w *world) someLeft(r *rand.Rand) psa.Fields {
	f := full(w.left)
	for name, v := range f {
		switch n := r.IntN(10); {
		case n == 0:
			delete(f, name)
		case n == 1:
			f[name] = nil
		case n > 5:
			f[name] = w.another(r, name, v, w.left)
		}
	}
	if c, ok := f["custom"].(psa.Fields); ok {
		c = c.Clone()
		for id, v := range map[string]any{"16": "S2", "17": false, "20": "North"} {
			switch r.IntN(6) {
			case 0:
				delete(c, id)
			case 1:
				c[id] = nil
			case 2:
				c[id] = v
			}
		}
		if r.IntN(8) == 0 {
			c["20"] = "East"
		}
		f["custom"] = c
	}
	return f
}

// someRight returns a right record like those of someLeft.
func (w *world) someRight(r *rand.Rand) psa.Fields {
	f, _ := w.mapper.To(mapping.Right, ticket(w.someLeft(r)), &mapping.Env{Present: psa.Fields{}, Link: link})
	for name, v := range f {
		switch n := r.IntN(10); {
		case n == 0:
			delete(f, name)
		case n == 1:
			f[name] = nil
		case n > 6:
			f[name] = w.another(r, name, v, w.right)
		}
	}
	return f
}

// another returns another value that a field may hold, or one without a rule.
func (w *world) another(r *rand.Rand, name string, v any, c *catalog) any {
	i := slices.IndexFunc(c.fields, func(f psa.Field) bool { return f.Name == name })
	if i < 0 {
		return v
	}
	switch f := c.fields[i]; {
	case f.Kind == psa.KindMember:
		return ref(map[bool]string{true: "left", false: "right"}[c == w.left]+fmt.Sprint(r.IntN(4)), "somebody")
	case f.Kind.IsRecord():
		id := fmt.Sprint(f.Kind, r.IntN(10))
		if c == w.right {
			id = "host " + id
		}
		return ref(id, "another")
	case f.Type == psa.TypeRef:
		opts := c.options[f.Kind]
		if n := r.IntN(len(opts) + 1); n < len(opts) {
			return c.rows[f.Kind][opts[n].Name]
		}
		return ref("x", "Nowhere")
	case f.Type == psa.TypeNumber:
		return []any{json.Number("0.1"), json.Number("7"), json.Number("100"), json.Number("0.333333333333")}[r.IntN(4)]
	case name == "channel":
		return []any{"phone", "web", "pigeon"}[r.IntN(3)]
	case name == "severity":
		return []any{"minor", "normal", "none"}[r.IntN(3)]
	case name == "state":
		return []any{"open", "working", "done", "gone"}[r.IntN(4)]
	case name == "region":
		return []any{"n", "s", "e"}[r.IntN(3)]
	case name == "vip":
		return []any{"Yes", "No", "Maybe"}[r.IntN(3)]
	case name == "requester_mail":
		return []any{"jo@a.example", "JO@a.example", "ola@a.example"}[r.IntN(3)]
	}
	return v
}
