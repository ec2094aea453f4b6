package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// A spec lists the fields of a kind that the worlds know, by index. The first
// one tells one logical record from another and is never edited.
type spec struct {
	kind   psa.Kind
	fields []string
	parent psa.Kind
	refs   []string // reference fields
	texts  []int    // fields that people edit with texts
}

const maxFields = 8

var specs = []spec{
	{kind: psa.KindCompany, fields: []string{"identifier", "name", "phone", "website"}, texts: []int{1, 2, 3}},
	{kind: psa.KindContact, fields: []string{"email", "first_name", "last_name", "title"}, parent: psa.KindCompany, refs: []string{"company"}, texts: []int{1, 2, 3}},
	{kind: psa.KindTicket, fields: []string{"description", "summary", "po_number", "contact_name", "board", "status"}, refs: []string{"company", "contact"}, texts: []int{1, 2, 3}},
	{kind: psa.KindNote, fields: []string{"title", "text", "visibility"}, parent: psa.KindTicket, refs: []string{"ticket"}, texts: []int{1}},
	{kind: psa.KindTimeEntry, fields: []string{"internal_notes", "notes", "hours"}, parent: psa.KindTicket, refs: []string{"ticket"}, texts: []int{1}},
}

// Kinds by their index in specs.
const (
	company = iota
	contact
	ticket
	note
	timeEntry
	kinds
)

func kindIndex(k psa.Kind) int {
	for i := range specs {
		if specs[i].kind == k {
			return i
		}
	}
	return -1
}

func (s *spec) index(field string) int { return slices.Index(s.fields, field) }

// A plan is a field map of the pool: which kinds and fields are kept the same.
type plan struct {
	name  string
	kinds []int
	yaml  string
	edit  string // another version of the map
	maps  [2]*mapping.Map
	// fields that the two versions have, by kind.
	fields [2][kinds][]mapped
}

// mapped is a field that a map keeps the same; to tells where it goes.
type mapped struct {
	index int
	to    [2]bool
	group int // fields of one group have the same number
}

const (
	companyRules = "  company:\n    fields: {identifier: identifier, name: name, phone: phone}\n"
	personRules  = "  contact:\n    fields: {email: email, first_name: first_name, last_name: last_name, title: title}\n"
	contactRules = "  contact:\n    fields: {email: email, first_name: first_name, last_name: last_name, company: company}\n"
	ticketRules  = "  ticket:\n    create: {app: {board: B1, status: New}, psa: {board: B1, status: New}}\n    fields: {description: description, summary: summary, po_number: po_number%s}\n"
	statusRules  = ", board: board, status: status"
	noteRules    = "  note:\n    fields: {title: title, text: text, ticket: ticket, visibility: visibility}\n"
	timeRules    = "  time_entry:\n    fields: {internal_notes: internal_notes, notes: notes, hours: hours, ticket: ticket}\n"
)

func plain(more string) string { return fmt.Sprintf(ticketRules, more) }

// pool are the maps. Short ones stand first and are drawn more often.
func pool() []*plan {
	head := "version: 1\npsa: left\napp: right\nkinds:\n"
	plans := []*plan{
		{name: "company", kinds: []int{company}, yaml: companyRules, edit: "  company:\n    fields: {identifier: identifier, name: name, phone: phone, website: website}\n"},
		{name: "person", kinds: []int{contact}, yaml: personRules, edit: "  contact:\n    fields: {email: email, first_name: first_name, last_name: last_name}\n"},
		{name: "ticket", kinds: []int{ticket}, yaml: plain(""), edit: plain(", contact_name: contact_name")},
		{name: "status", kinds: []int{ticket}, yaml: plain(statusRules), edit: plain("")},
		{name: "notes", kinds: []int{ticket, note}, yaml: plain("") + noteRules},
		{name: "times", kinds: []int{ticket, timeEntry}, yaml: plain(statusRules) + timeRules},
		{name: "group", kinds: []int{ticket}, yaml: plain("") + "    groups: [[summary, po_number]]\n"},
		{name: "people", kinds: []int{company, contact}, yaml: companyRules + contactRules},
		{name: "one way", kinds: []int{company}, yaml: "  company:\n    fields: {identifier: identifier, name: {app: name, direction: to_right}, phone: phone}\n"},
		{name: "owned", kinds: []int{company}, yaml: "  company:\n    fields: {identifier: identifier, name: {app: name, owner: psa}, phone: {app: phone, owner: {side: app, on_edit: ask}}}\n"},
		{name: "strategies", kinds: []int{ticket}, yaml: "  ticket:\n    create: {app: {board: B1, status: New}, psa: {board: B1, status: New}}\n    fields: {description: description, summary: {app: summary, conflict: newest}, po_number: {app: po_number, conflict: manual}, contact_name: {app: contact_name, conflict: app}}\n"},
		{name: "scope", kinds: []int{ticket}, yaml: plain(statusRules) + "    scope: {board: [B1, B2]}\n"},
		{name: "work", kinds: []int{ticket, note, timeEntry}, yaml: plain(statusRules) + noteRules + timeRules},
		{name: "all", kinds: []int{company, contact, ticket, note, timeEntry}, yaml: companyRules + contactRules + plain(statusRules+", company: company, contact: contact") + noteRules + timeRules},
	}
	for _, p := range plans {
		if p.edit == "" {
			p.edit = p.yaml
		}
		for v, text := range []string{p.yaml, p.edit} {
			m, err := mapping.Parse(p.name+".yaml", []byte(head+text), nil)
			if err != nil {
				panic(fmt.Sprintf("simulation: map %s: %v", p.name, err))
			}
			p.maps[v] = m
			for _, k := range p.kinds {
				p.fields[v][k] = mappedFields(m, k)
			}
		}
	}
	return plans
}

func mappedFields(m *mapping.Map, k int) []mapped {
	var out []mapped
	sp := &specs[k]
	groups := slices.Concat(m.Groups(sp.kind), featureGroups(k))
	for _, r := range m.Rules(sp.kind) {
		i := sp.index(r.Left)
		if i < 0 {
			continue
		}
		f := mapped{index: i, group: -1 - i}
		f.to[bridge.Left] = r.Direction != "to_right"
		f.to[bridge.Right] = r.Direction != "to_left"
		for n, g := range groups {
			if slices.Contains(g, r.Left) {
				f.group = n
			}
		}
		out = append(out, f)
	}
	return out
}

func featureGroups(k int) [][]string {
	if k == ticket {
		return [][]string{{"board", "status"}}
	}
	return nil
}

// A system says what a system offers. Values of it are drawn from a pool, since
// a bridge is compiled for each pair.
type system struct {
	since, perParent, marker, find, resume, timer, deletions, hard, keep bool

	terse bool // lists leave markers out
	mute  bool // tells no stamps
	grain time.Duration
}

var systems = []system{
	{since: true, marker: true, find: true, timer: true, hard: true, grain: time.Second},
	{since: true, marker: true, find: true, timer: true, deletions: true, grain: time.Second, resume: true},
	{since: true, perParent: true, marker: true, find: true, timer: true, terse: true, grain: time.Second},
	{since: true, timer: true, hard: true, grain: time.Second},
	{since: true, marker: true, find: true, grain: time.Minute, hard: true},
	{since: true, find: true, timer: true, deletions: true, hard: true, grain: time.Millisecond},
	{marker: true, find: true, timer: true, mute: true},
	{perParent: true, marker: true, timer: true, deletions: true, grain: time.Second, hard: true},
	{since: true, perParent: true, marker: true, find: true, timer: true, grain: time.Minute, deletions: true, hard: true},
	{since: true, marker: true, timer: true, grain: time.Second, keep: true},
}

func features(mk system) psa.Features {
	out := psa.Features{}
	for k := range specs {
		sp := &specs[k]
		f := psa.Feature{Can: psa.CanList | psa.CanGet | psa.CanCreate | psa.CanUpdate, PageSize: 2, Granularity: mk.grain, Parent: sp.parent, Groups: featureGroups(k)}
		child := k == note || k == timeEntry
		if child && mk.perParent {
			f.PerParent = true
		}
		if mk.since && (!f.PerParent || !child) {
			f.Can |= psa.CanSince
		}
		if mk.resume && !f.PerParent {
			f.Can |= psa.CanResume
		}
		if mk.deletions {
			f.Can |= psa.CanDeletions
		}
		switch {
		case mk.keep:
		case mk.hard:
			f.Can |= psa.CanDelete
		default:
			f.Can |= psa.CanDeactivate
		}
		f.Writes = slices.Concat(sp.fields, sp.refs)
		if !child {
			f.Writes = append(f.Writes, "external_ref")
			if mk.marker {
				f.Marker = "external_ref"
			}
		}
		if mk.find {
			f.Can |= psa.CanFind
			f.Find = []string{sp.fields[0]}
			if f.Marker != "" {
				f.Find = append(f.Find, f.Marker)
			}
		}
		if k == ticket {
			f.Filter = []string{"board", "company"}
			f.Required = []string{"summary"}
		}
		if child {
			f.Required = []string{"ticket"}
		}
		slices.Sort(f.Writes)
		out[sp.kind] = f
	}
	return out
}

// Boards and their statuses: id is board*10+n, the last one closes.
var (
	boardNames  = []string{"B1", "B2", "B3"}
	statusNames = []string{"New", "Doing", "Closed"}
)

const closedStatus = 2

// catalog offers boards and statuses.
type catalog struct {
	fields  map[psa.Kind][]psa.Field
	boards  psa.Options
	states  psa.Options
	byBoard map[string]psa.Options
	refs    [][]psa.Fields // by board and status; the last of a board is the board itself
}

func newCatalog(offset int) *catalog {
	c := &catalog{fields: map[psa.Kind][]psa.Field{}, byBoard: map[string]psa.Options{}}
	for k := range specs {
		c.fields[specs[k].kind] = psa.Schema(specs[k].kind)
		slices.SortFunc(c.fields[specs[k].kind], func(a, b psa.Field) int {
			if a.Name < b.Name {
				return -1
			}
			return 1
		})
	}
	for b, name := range boardNames {
		id := fmt.Sprint(offset + b + 1)
		c.boards = append(c.boards, psa.Option{Ref: psa.Ref{Kind: psa.KindBoard, ID: id}, Name: name})
		var refs []psa.Fields
		for s, status := range statusNames {
			sid := fmt.Sprint((offset+b+1)*10 + s)
			o := psa.Option{Ref: psa.Ref{Kind: psa.KindStatus, ID: sid}, Name: status, Scope: id, Closed: psa.No}
			if s == closedStatus {
				o.Closed = psa.Yes
			}
			c.states = append(c.states, o)
			c.byBoard[id] = append(c.byBoard[id], o)
			refs = append(refs, psa.Fields{"id": sid, "name": status})
		}
		c.refs = append(c.refs, append(refs, psa.Fields{"id": id, "name": name}))
	}
	return c
}

func (c *catalog) Fields(kind psa.Kind) []psa.Field { return c.fields[kind] }

func (c *catalog) Scopes(kind psa.Kind) []psa.Scope {
	if kind == psa.KindStatus {
		return []psa.Scope{{Kind: psa.KindBoard}}
	}
	return nil
}

func (c *catalog) Options(kind psa.Kind, scope string) psa.Options {
	switch {
	case kind == psa.KindBoard:
		return c.boards
	case kind == psa.KindStatus && scope != "":
		return c.byBoard[scope]
	case kind == psa.KindStatus:
		return c.states
	}
	return nil
}

func (c *catalog) Find(kind psa.Kind, scope, name string) (ref psa.Ref, ok bool) {
	for _, o := range c.Options(kind, scope) {
		if o.Name == name {
			if ok {
				return psa.Ref{}, false
			}
			ref, ok = o.Ref, true
		}
	}
	return ref, ok
}

// place finds the board and the status of an id; -1 where there is none.
func (c *catalog) place(boardID, statusID string) (board, status int) {
	board, status = -1, -1
	for b := range c.refs {
		if c.refs[b][len(statusNames)]["id"] == boardID {
			board = b
		}
		for s := range statusNames {
			if c.refs[b][s]["id"] == statusID {
				status = b*len(statusNames) + s
			}
		}
	}
	return board, status
}

// Setups are what differs between bridges besides the map and the systems.
type setup struct {
	deletes bridge.DeletePolicy
	sweep   time.Duration
	overlap time.Duration
}

var setups = []setup{
	{bridge.AskDelete, time.Hour, time.Minute},
	{bridge.PropagateDelete, time.Hour, time.Minute},
	{bridge.AskDelete, -1, 1},
	{bridge.PropagateDelete, -1, time.Minute},
	{bridge.KeepDeleted, time.Hour, 1},
}

// policies are what a history may run under, by the name of the phase.
func policies() map[string]bridge.Policy {
	p := bridge.Phases(bridge.Left)
	p["manual"] = bridge.Policy{Name: "manual"}
	p["left"] = bridge.Policy{Name: "left", Strategy: conflict.PreferLeft}
	p["right"] = bridge.Policy{Name: "right", Strategy: conflict.PreferRight, First: conflict.PreferRight}
	p["newest"] = bridge.Policy{Name: "newest", Strategy: conflict.First(conflict.Newest(nil), conflict.PreferLeft)}
	p["owner"] = bridge.Policy{Name: "owner", Owners: []bridge.Owner{{Field: "class:client", Side: bridge.Left}}, Strategy: conflict.PreferRight}
	p["tolerant"] = bridge.Policy{Name: "tolerant", Owners: []bridge.Owner{{Field: "class:technical", Side: bridge.Right, OnEdit: conflict.Tolerate}}}
	for name, policy := range p {
		policy.Notify = tell
		p[name] = policy
	}
	return p
}

var policyNames = []string{"left", "manual", "newest", "right", "owner", "1", "tolerant", "2", "manual", "3"}

// sameBothWays are the policies under which every field goes both ways.
func sameBothWays(name string) bool {
	switch name {
	case "left", "manual", "right", "newest":
		return true
	}
	return false
}

// times of the bridge that worlds count with.
const (
	searchLag = 2 * time.Minute
	confirm   = 10 * time.Minute
	retryCap  = 10 * time.Minute
)

// A shape is what a bridge is compiled for.
type shape struct {
	makes  [2]uint8
	plan   uint8
	setup  uint8
	edited uint8
	holder uint8
}

// A rig keeps what histories share: maps, features and bridges, each made once.
// It is for one goroutine at a time.
type rig struct {
	plans    []*plan
	features []psa.Features
	catalogs [2]*catalog
	bridges  map[shape]*bridge.Bridge
	state    cache.State // nil: the world's own
	phases   map[string]bridge.Policy
	w        *world // the history that runs
}

func newRig() *rig {
	r := &rig{plans: pool(), catalogs: [2]*catalog{newCatalog(0), newCatalog(5)}, bridges: map[shape]*bridge.Bridge{}, phases: policies()}
	for _, m := range systems {
		r.features = append(r.features, features(m))
	}
	return r
}

// mostBridges is how many a rig keeps. All that there are would fill the memory
// with what the garbage collector has to look through.
const mostBridges = 256

// bridge returns the bridge of a shape. It keeps nothing between two cycles, so
// that the one after a crash may be the same.
func (r *rig) bridge(s shape) *bridge.Bridge {
	if b := r.bridges[s]; b != nil {
		return b
	}
	var st cache.State = &stateSocket{r}
	if r.state != nil {
		st = r.state
	}
	b, err := bridge.New(&socket{r, bridge.Left, r.features[s.makes[0]]}, &socket{r, bridge.Right, r.features[s.makes[1]]}, st, r.options(s))
	if err != nil {
		panic(fmt.Sprintf("simulation: %s: %v", r.plans[s.plan].name, err))
	}
	if len(r.bridges) >= mostBridges {
		clear(r.bridges)
	}
	r.bridges[s] = b
	if r.state != nil {
		return b
	}
	// What a bridge does the first time it is used it does here, so that a
	// history does not depend on those before it.
	was := r.w
	r.w = &world{rig: r, quiet: true, state: &state{}, now: was.now}
	for i := range r.w.sides {
		r.w.sides[i] = &side{w: r.w, is: bridge.Side(i), does: systems[s.makes[i]], cat: r.catalogs[i]}
	}
	if _, err := b.Once(context.Background()); err != nil {
		panic(fmt.Sprintf("simulation: %s: %v", r.plans[s.plan].name, err))
	}
	r.w = was
	return b
}

// options are those of a shape.
func (r *rig) options(s shape) bridge.Options {
	p, set := r.plans[s.plan], setups[s.setup]
	return bridge.Options{
		Source: source, Map: p.maps[s.edited], LeftCatalog: r.catalogs[0], RightCatalog: r.catalogs[1],
		Phases: r.phases, Deletes: set.deletes, HardDelete: [2]bool{true, true},
		SweepEvery: set.sweep, Overlap: set.overlap, SearchLag: searchLag, ConfirmAfter: confirm,
		Retry: time.Minute, RetryCap: retryCap, MaxTries: 40,
		Now: func() time.Time { return r.w.clock() }, Holder: []string{"one", "two"}[s.holder],
		Observer: func(e bridge.Event) { r.w.observe(e) },
	}
}

const source = "simulated/bridge"
