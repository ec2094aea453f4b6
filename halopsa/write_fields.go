package halopsa

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// A form says which fields Create and Update take of a kind.
type form struct {
	plain    []string // as fields.yaml says
	made     []string // filled in below
	required []string // on create, and never cleared
	kept     []string // never cleared either
	once     []string // create only
}

// formOf returns the form of a kind; ok is false if it is not written.
func formOf(kind psa.Kind) (f form, ok bool) {
	switch kind {
	case psa.KindCompany:
		return form{plain: []string{"name", "website", "account_number"}, made: []string{"types", "custom"}, required: []string{"name"}}, true
	case psa.KindSite:
		return form{
			plain: []string{"name", "company", "phone"}, made: []string{"address", "custom"},
			required: []string{"company", "name"}, once: []string{"company"},
		}, true
	case psa.KindContact:
		return form{
			plain: []string{"first_name", "last_name", "title", "email", "phone", "mobile", "main"}, made: []string{"company", "site", "custom"},
			required: []string{"company"}, kept: []string{"site"},
		}, true
	case psa.KindTicket:
		return form{
			plain: []string{
				"summary", "status", "urgency", "impact", "ticket_type", "source", "contact_name", "owner", "sla", "budget_hours", "due_at",
				"external_ref", "parent_ticket",
			},
			made: []string{
				"description", "priority", "category_1", "category_2", "category_3", "category_4", "company", "site", "contact", "team", "custom",
			},
			required: []string{"company", "summary", "ticket_type"}, kept: []string{"status", "priority", "sla", "team", "site"},
		}, true
	case psa.KindNote:
		return form{
			made:     []string{"ticket", "text", "visibility", "type"},
			required: []string{"text", "ticket"}, kept: []string{"type"}, once: []string{"ticket", "type"},
		}, true
	case psa.KindTimeEntry:
		return form{
			plain: []string{"start_at", "end_at", "work_type"}, made: []string{"ticket", "notes", "visibility", "hours", "billable", "member"},
			required: []string{"hours", "notes", "ticket"}, kept: []string{"start_at", "end_at", "billable", "member"}, once: []string{"ticket"},
		}, true
	}
	return form{}, false
}

func (f form) takes() []string {
	all := slices.Concat(f.plain, f.made)
	slices.Sort(all)
	return all
}

// What Halo says about charging.
const (
	billable    = "yes"
	notBillable = "no"
	noCharge    = "no_charge" // CW's and Autotask's; Halo charges or does not
)

// check refuses what can be told from the fields alone.
func (w *write) check(offer psa.Feature) {
	f, _ := formOf(w.kind)
	for field, v := range w.set {
		switch {
		case !slices.Contains(offer.Writes, field):
			w.refuse(field, "is not written")
		case !w.creating() && slices.Contains(f.once, field):
			w.refuse(field, "is set when the row is created, and never again")
		case v == nil && w.creating():
			// Left out below.
		case v == nil && (slices.Contains(f.required, field) || slices.Contains(f.kept, field)):
			w.refuse(field, "cannot be cleared")
		default:
			w.checkValue(field, v)
		}
	}
	if !w.creating() {
		return
	}
	maps.DeleteFunc(w.set, func(_ string, v any) bool { return v == nil }) // a new row has none
	for _, field := range offer.Required {
		if _, ok := w.set[field]; !ok {
			w.refuse(field, "is required")
		}
	}
	if w.kind == psa.KindContact && w.set["first_name"] == nil && w.set["last_name"] == nil {
		w.refuse("last_name", "a first or a last name is required")
	}
	if w.kind == psa.KindNote && w.set["type"] == nil && w.outcome() == 0 {
		w.refuse("type", "is required: Config.Outcomes has none for this visibility")
	}
}

// checkValue refuses values of a wrong type or form.
func (w *write) checkValue(field string, v any) {
	f, _ := psa.FieldOf(w.kind, field)
	bad := func(ok bool, want string) {
		if !ok {
			w.refuse(field, want)
		}
	}
	switch field {
	case "visibility":
		bad(v == string(psa.Internal) || v == string(psa.Public), "want internal, team or public")
		return
	case "billable":
		bad(v == billable || v == notBillable, "want yes, no_charge or no")
		return
	case "hours":
		h, ok := w.set.Float(field)
		bad(ok && h > 0, "want a number above 0")
		return
	case "priority":
		if v != nil {
			_, _, err := rank(v)
			bad(err == nil, "want a reference with an id such as 1:3, an SLA and its priority")
		}
		return
	case "address":
		w.checkAddress(v)
		return
	}
	switch f.Type {
	case psa.TypeRef:
		bad(v == nil || goodRef(v, hasName(field)), "want a reference with the id of a row")
	case psa.TypeRefs:
		list, ok := v.([]any)
		bad(ok && len(list) <= 1 && !slices.ContainsFunc(list, func(e any) bool { return !goodRef(e, false) }), "want one reference with the id of a row, or none")
	case psa.TypeString, psa.TypeText:
		bad(v == nil || text(v) != "", "want a text")
	case psa.TypeNumber:
		n, ok := w.set.Float(field)
		bad(v == nil || ok && n >= 0, "want a number from 0")
	case psa.TypeBool:
		_, ok := v.(bool)
		bad(ok, "want true or false")
	case psa.TypeTime:
		bad(v == nil || !w.set.Time(field).IsZero(), "want a time")
	case psa.TypeObject:
		_, ok := v.(psa.Fields)
		bad(ok, "want an object")
	}
}

// hasName reports whether Halo takes the name of what a field refers to.
func hasName(field string) bool { return field == "team" || strings.HasPrefix(field, "category_") }

func goodRef(v any, byName bool) bool {
	r, ok := v.(psa.Fields)
	if !ok {
		return false
	}
	id := r.String("id")
	return numeric(id) == nil || byName && id == "" && r.String("name") != ""
}

// rank takes the id of a priority apart.
func rank(v any) (sla, priority string, err error) {
	r, _ := v.(psa.Fields)
	sla, priority, ok := strings.Cut(r.String("id"), ":")
	if !ok {
		return "", "", errors.New("no priority")
	}
	return sla, priority, numeric(sla, priority)
}

// row makes what is sent.
func (w *write) row(ctx context.Context) (map[string]any, error) {
	f, _ := formOf(w.kind)
	var changes []mapping.Change
	for _, field := range f.plain {
		v, ok := w.set[field]
		if !ok {
			continue
		}
		c, err := w.l.layout.Encode(psa.Fields{field: v})
		if err != nil {
			var e *psa.Error
			errors.As(err, &e)
			w.wrong = append(w.wrong, e.Detail)
		}
		changes = append(changes, c...)
	}
	row := mapping.Body(changes)
	custom, err := w.customFields(ctx)
	if err != nil {
		return nil, err
	}
	if custom != nil {
		row["customfields"] = custom
	}
	switch w.kind {
	case psa.KindCompany:
		err = w.company(ctx, row)
	case psa.KindSite:
		err = w.site(row)
	case psa.KindContact:
		err = w.contact(ctx, row)
	case psa.KindTicket:
		err = w.ticket(ctx, row)
	case psa.KindNote, psa.KindTimeEntry:
		w.action(row)
	}
	if err == nil {
		err = w.verdict()
	}
	return row, err
}

// company fills in a client. A new one belongs to a group of clients and gets
// its first site, without which it could have no users.
func (w *write) company(ctx context.Context, row map[string]any) error {
	if types, ok := w.set["types"].([]any); ok && (len(types) > 0 || !w.creating()) {
		row["customertype"] = 0
		for _, t := range types {
			row["customertype"] = json.Number(t.(psa.Fields).String("id"))
		}
	}
	if !w.creating() {
		return nil
	}
	group, err := w.p.clientGroup(ctx, w.op)
	if err != nil {
		return err
	}
	if group == 0 {
		w.refuse("Config.TopLevel", "is not set, and there is more than one group of clients")
	}
	row["toplevel_id"], row["newclient_sitename"] = group, firstSite
	return nil
}

// firstSite is the name of the site that comes with a new client.
const firstSite = "Main"

// clientGroup returns the top level that new clients belong to; 0 if that is
// not clear.
func (p *Provider) clientGroup(ctx context.Context, op string) (int, error) {
	if p.topLevel != 0 {
		return p.topLevel, nil
	}
	var groups []int
	g := &pager{c: p.c, path: "/TopLevel", op: op, query: params2([]string{"show_all", "true"}), size: maxPage}
	err := g.scan(ctx, func(row []byte) error {
		var t struct {
			ID         int  `json:"id"`
			Department bool `json:"agent_department"`
		}
		err := json.Unmarshal(row, &t)
		if err == nil && !t.Department {
			groups = append(groups, t.ID)
		}
		return err
	})
	if err != nil || len(groups) != 1 {
		return 0, err
	}
	return groups[0], nil
}

// addressKeys are the vendor's names of the parts of an address.
func addressKeys() map[string]string {
	return map[string]string{"line1": "line1", "line2": "line2", "city": "line3", "state": "line4", "zip": "postcode"}
}

func (w *write) checkAddress(v any) {
	parts, ok := v.(psa.Fields)
	if !ok {
		w.refuse("address", "want an object")
	}
	for part, v := range parts {
		switch {
		case addressKeys()[part] == "" && v != nil:
			w.refuse("address."+part, "is not written: Halo's addresses have none")
		case v != nil && text(v) == "":
			w.refuse("address."+part, "want a text")
		}
	}
}

// site fills in the address, which is an object that Halo replaces as a whole.
func (w *write) site(row map[string]any) error {
	parts, ok := w.set["address"].(psa.Fields)
	if !ok {
		return nil
	}
	address := map[string]any{}
	if !w.creating() {
		var old struct {
			Address map[string]any `json:"delivery_address"`
		}
		d := json.NewDecoder(strings.NewReader(string(w.old.Raw)))
		d.UseNumber()
		if d.Decode(&old) != nil {
			return w.fail(psa.ErrData, "the address of the row makes no sense", nil)
		}
		for k, v := range old.Address {
			address[k] = v
		}
	}
	for part, v := range parts {
		if key := addressKeys()[part]; key != "" {
			address[key] = text(v)
		}
	}
	row["delivery_address"] = address
	return nil
}

// contact fills in the name that Halo shows, and the site: a user belongs to
// one. Without any it is the company's main site.
func (w *write) contact(ctx context.Context, row map[string]any) error {
	full := func(of psa.Fields) string {
		return strings.TrimSpace(of.String("first_name") + " " + of.String("last_name"))
	}
	_, first := w.set["first_name"]
	_, last := w.set["last_name"]
	if first || last {
		now := psa.Fields{"first_name": w.old.Fields["first_name"], "last_name": w.old.Fields["last_name"]}
		maps.Copy(now, w.set)
		if full(now) == "" {
			w.refuse("last_name", "a first or a last name is required")
		}
		if full(now) == nobodysName {
			w.refuse("last_name", "with the first name it is that of users who stand for nobody")
		}
		if shown := w.old.Name(); w.creating() || shown == "" || shown == full(w.old.Fields) {
			row["name"] = full(now)
		}
	}
	if w.creating() {
		row["sendwelcomeemail"] = false
	}
	company, site := w.set.Ref("company").ID, w.all.Ref("site").ID
	if company == "" && w.set.Ref("site").ID == "" {
		return nil
	}
	if site == "" {
		var err error
		if site, err = w.mainSite(ctx, company); err != nil {
			return err
		}
	}
	if company != "" {
		row["client_id"] = json.Number(company)
	}
	row["site_id"] = json.Number(site)
	return nil
}

// nobodysName is the name of the hidden user of every site.
const nobodysName = "General User"

// mainSite returns the main site of a client.
func (w *write) mainSite(ctx context.Context, company string) (string, error) {
	ref := psa.Ref{Kind: psa.KindCompany, ID: company}
	r, err := w.p.one(ctx, w.p.lists[ref.Kind], psa.Ref{}, company, ref)
	if err != nil {
		return "", err
	}
	site := r.Fields.Ref("main_site").ID
	if numeric(site) != nil {
		return "", w.fail(psa.ErrInvalid, "site: the client has no main site, so that one must be named", nil)
	}
	return site, nil
}

// rich makes HTML of text, which is the form that Halo shows.
func rich(v any) string {
	return "<p>" + strings.ReplaceAll(html.EscapeString(text(v)), "\n", "<br>") + "</p>"
}

// silent adds what keeps a write from sending mail.
func (w *write) silent(row map[string]any) {
	if w.p.skipRules && w.notify == psa.NotifyNone {
		row["dont_do_rules"] = true
	}
}

// outcome returns the configured action type of a new note or time entry; 0
// if there is none.
func (w *write) outcome() int {
	o := w.p.outcomes
	switch {
	case w.kind == psa.KindTimeEntry:
		return o.Time
	case w.set["visibility"] == string(psa.Public):
		return o.Public
	}
	return o.Internal
}

// action fills in a note or a time entry.
func (w *write) action(row map[string]any) {
	contact := w.notify&psa.NotifyContact != 0
	row["sendemail"], row["sendsms"] = contact, false
	w.silent(row)
	if w.creating() {
		row["ticket_id"] = json.Number(w.set.Ref("ticket").ID)
		row["outcome_id"] = w.outcome()
		if id := w.set.Ref("type").ID; id != "" {
			row["outcome_id"] = json.Number(id)
		}
	}
	// The action type has a visibility of its own, so that it is always said.
	if v, ok := w.set["visibility"]; ok || w.creating() {
		row["hiddenfromuser"] = v != string(psa.Public)
	}
	for _, field := range []string{"text", "notes"} {
		if v, ok := w.set[field]; ok {
			row["note_html"] = rich(v)
		}
	}
	if m := w.set.Ref("member"); m.ID != "" {
		row["who_type"], row["who_agentid"] = whoAgent, json.Number(m.ID)
		if m.Name != "" {
			row["who"] = m.Name
		}
	}
	if w.kind == psa.KindTimeEntry {
		w.hours(row)
	}
}

// whoAgent is the who_type of actions by agents.
const whoAgent = 1

// hours fills in where hours stand: those that are charged for in timetaken,
// others in nonbilltime.
func (w *write) hours(row map[string]any) {
	h, newHours := w.set["hours"]
	charge, newCharge := w.set["billable"]
	if !newHours {
		h = w.old.Fields["hours"]
	}
	if newHours || newCharge {
		was := w.old.Fields["billable"]
		if !newCharge {
			charge = was
		}
		switch {
		case charge == notBillable && (newCharge || w.beside()):
			row["timetaken"], row["nonbilltime"] = 0, h
		case charge == billable && newCharge:
			row["timetaken"], row["nonbilltime"], row["actisbillable"] = h, 0, true
		default:
			row["timetaken"] = h
		}
	}
	if !w.creating() {
		return
	}
	// Halo would end the work at the moment of the write.
	if start := w.set.Time("start_at"); !start.IsZero() && w.set["end_at"] == nil {
		hours, _ := w.set.Float("hours")
		row["actioncompletiondate"] = psa.FormatTime(start.Add(time.Duration(hours * float64(time.Hour))).Truncate(time.Second))
	}
	if end := row["actioncompletiondate"]; end != nil {
		row["datetime"] = end
	}
}

// beside reports whether the hours of the row stand in nonbilltime.
func (w *write) beside() bool {
	var a struct {
		Taken float64 `json:"timetaken"`
	}
	return json.Unmarshal(w.old.Raw, &a) == nil && a.Taken == 0
}

// number reads an id; -1 is none.
func number(id string) int {
	n, err := strconv.Atoi(id)
	if err != nil {
		return -1
	}
	return n
}
