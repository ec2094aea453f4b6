package connectwise

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// A writing says how rows of a kind are written. Fields are those that the
// layout can write, and what is added here.
type writing struct {
	kind       psa.Kind
	list       *list    // whose path rows are written to
	off        string   // vendor's flag that deactivates a row; "": Delete deletes it
	required   []string // on create, and not to be cleared
	createOnly []string
	also       []string // fields that are written in Go
	never      []string // fields that the layout could write and the vendor does not take
	mail       psa.MailControl
	marker     string

	fields []string // sorted
}

// writings are the kinds that can be written (REST schemas of 2025.1, and what
// the developer guide says of POST and PATCH). A time entry without a member
// would be the API member's own hours, so the member is required here.
func writings() []*writing {
	return []*writing{
		{
			kind: psa.KindCompany, off: "deletedFlag", required: []string{"address", "name"}, createOnly: []string{"types"},
		},
		{
			kind: psa.KindSite, off: "inactiveFlag", required: []string{"company", "name"}, createOnly: []string{"company"}, also: []string{"company"},
		},
		{
			kind: psa.KindContact, off: "inactiveFlag", createOnly: []string{"types"},
			also: []string{"email", "mobile", "phone", "site"},
		},
		{
			kind: psa.KindTicket, required: []string{"company", "summary"}, createOnly: []string{"description"},
			also: []string{"description", "site"}, never: []string{"parent_ticket"}, // made by attachChildren
			mail: psa.MailControlled, marker: "external_ref",
		},
		{
			kind: psa.KindNote, required: []string{"text", "ticket"}, createOnly: []string{"ticket"}, also: []string{"ticket"},
			mail: psa.MailControlled,
		},
		{
			kind: psa.KindTimeEntry, required: []string{"member", "start_at", "ticket"}, createOnly: []string{"ticket"},
			mail: psa.MailControlled,
		},
	}
}

// prepare joins a writing with the list of its kind: notes are written to the
// list that has nothing but notes.
func (w *writing) prepare(lists []*list) {
	w.list = lists[len(lists)-1]
	w.fields = slices.DeleteFunc(append(w.list.layout.Writable(), w.also...), func(f string) bool { return slices.Contains(w.never, f) })
	slices.Sort(w.fields)
	w.fields = slices.Compact(w.fields)
}

// describe adds what can be written to the features of the kind.
func (w *writing) describe(f *psa.Feature) {
	f.Can |= psa.CanCreate | psa.CanUpdate
	if w.off == "" {
		f.Can |= psa.CanDelete
	} else {
		f.Can |= psa.CanDeactivate
		f.Missing[psa.CanDelete] = "rows of this kind are deactivated: other records point at them"
	}
	f.Required, f.Writes, f.CreateOnly = w.required, w.fields, w.createOnly
	f.Mail, f.Marker = w.mail, w.marker
}

// accept checks and encodes the fields of a write. set is what will be held.
// The error names everything that is wrong.
func (p *Provider) accept(w *writing, fields psa.Fields, create bool) (set psa.Fields, changes []mapping.Change, err error) {
	given, err := p.Canonicalise(w.kind, fields)
	if err != nil {
		return nil, nil, err
	}
	set = unfold(w.kind, given)
	var bad []string
	say := func(field, what string) { bad = append(bad, field+": "+what) }
	plain := psa.Fields{}
	for field, v := range set {
		if why := w.refuses(field, v, create); why != "" {
			say(field, why)
			continue
		}
		forms := wrongForms(w.kind, field, v)
		for at, why := range forms {
			say(at, why)
		}
		if len(forms) == 0 {
			plain[field] = v
		}
	}
	if create {
		for _, field := range w.required {
			if _, ok := set[field]; !ok {
				say(field, "is required")
			}
		}
	}
	w.together(set, create, say)
	changes = w.byHand(plain, create)
	encoded, err := w.list.layout.Encode(plain)
	var told *psa.Error
	if errors.As(err, &told) {
		bad = append(bad, strings.Split(told.Detail, "; ")...)
	}
	if len(bad) > 0 {
		slices.Sort(bad)
		return nil, nil, errors.New(strings.Join(slices.Compact(bad), "; "))
	}
	return set, append(encoded, changes...), nil
}

// refuses says why a field is not written; "": it is.
func (w *writing) refuses(field string, v any, create bool) string {
	_, known := psa.FieldOf(w.kind, field)
	switch {
	case !known:
		return "is no field of this kind"
	case !slices.Contains(w.fields, field):
		return "cannot be written"
	case !create && slices.Contains(w.createOnly, field):
		return "can be written on create only"
	case slices.Contains(w.required, field) && empty(v):
		return "is required"
	}
	return ""
}

// empty reports whether a value, or all that is in it, is none.
func empty(v any) bool {
	f, ok := v.(psa.Fields)
	if !ok {
		return v == nil
	}
	for _, in := range f {
		if !empty(in) {
			return false
		}
	}
	return true
}

// together checks fields that depend on one another.
func (w *writing) together(set psa.Fields, create bool, say func(field, what string)) {
	if site, company := set.Ref("site").ID, set.Ref("company").ID; site != "" && company != "" && !strings.HasPrefix(site, company+"/") {
		say("site", "belongs to another company")
	}
	switch w.kind {
	case psa.KindContact:
		if create && set["first_name"] == nil && set["last_name"] == nil {
			say("first_name", "is required, or last_name")
		}
		if _, all := set["communications"]; all {
			for _, field := range []string{"email", "mobile", "phone"} {
				if _, one := set[field]; one {
					say(field, "is among the communications, which are written as well")
				}
			}
		}
	case psa.KindNote:
		if create && set.Bool("resolution") == psa.Yes && set["visibility"] != string(psa.Public) {
			say("resolution", "the client reads a resolution: its visibility is public")
		}
	case psa.KindTimeEntry:
		if create && set["hours"] == nil && set["end_at"] == nil {
			say("hours", "is required, or end_at")
		}
	}
}

// byHand takes out of fields what the layout cannot write, or the vendor takes
// in another way than it shows.
func (w *writing) byHand(fields psa.Fields, create bool) []mapping.Change {
	var out []mapping.Change
	put := func(path string, v any) { out = append(out, mapping.Change{Path: path, Value: v}) }
	take := func(field string) (any, bool) {
		v, ok := fields[field]
		delete(fields, field)
		return v, ok
	}
	if w.kind == psa.KindContact || w.kind == psa.KindTicket {
		if _, ok := fields["site"]; ok {
			_, id, found := strings.Cut(fields.Ref("site").ID, "/")
			if take("site"); found {
				put("site", map[string]any{"id": json.Number(id)})
			} else {
				put("site", nil)
			}
		}
	}
	switch w.kind {
	case psa.KindCompany:
		if create && fields["identifier"] == nil {
			fields["identifier"] = identifier(fields.String("name"))
		}
	case psa.KindSite, psa.KindNote:
		take(string(w.list.parent)) // it is in the address
	case psa.KindContact:
		for _, field := range []string{"communications", "email", "mobile", "phone"} {
			take(field) // see communications.go
		}
		if v, ok := take("types"); ok {
			put("typeIds", idsOf(v))
		}
	case psa.KindTicket:
		if v, ok := take("description"); ok {
			put("initialDescription", v)
		}
	case psa.KindTimeEntry:
		if create {
			put("chargeToType", "ServiceTicket")
		}
	}
	if create && (w.kind == psa.KindNote || w.kind == psa.KindTimeEntry) && fields["visibility"] == nil && fields["resolution"] != true {
		fields["visibility"] = string(psa.Internal) // the defaults of a board may be wider
	}
	if custom, ok := fields["custom"].(psa.Fields); ok && create {
		maps.DeleteFunc(custom, func(_ string, v any) bool { return v == nil })
	} else {
		take("custom") // goes out with all others of the row
	}
	return out
}

// idsOf returns the numbers of a list of references.
func idsOf(v any) []json.Number {
	ids := []json.Number{}
	list, _ := v.([]any)
	for _, el := range list {
		if ref, ok := el.(psa.Fields); ok {
			ids = append(ids, json.Number(ref.String("id")))
		}
	}
	return ids
}

// identifier makes the short name that a company must have of its name, as the
// user interface suggests one: without spaces and signs.
func identifier(name string) string {
	plain := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, name)
	return cut(plain, limitOf(psa.KindCompany, "identifier").max)
}

// given leaves out what is none: a new row has none anyway.
func given(changes []mapping.Change) []mapping.Change {
	return slices.DeleteFunc(changes, func(c mapping.Change) bool { return c.Value == nil })
}

// mails keeps a write from sending mail that nobody asked for. A ticket has one
// switch for all mail: it is on if the contact may get some, whose mail is the
// delicate one. A note goes to the contact if it is public and to the resources
// otherwise. The text of internal work is never mailed to the contact, and
// whoever is in copy is told nothing.
func (w *writing) mails(notify psa.Notify, visibility string) []mapping.Change {
	contact, resources := notify&psa.NotifyContact != 0, notify&psa.NotifyResources != 0
	public := visibility == string(psa.Public)
	switch w.kind {
	case psa.KindTicket:
		return []mapping.Change{{Path: "processNotifications", Value: contact}}
	case psa.KindNote:
		return []mapping.Change{{Path: "processNotifications", Value: public && contact || !public && resources}}
	case psa.KindTimeEntry:
		return []mapping.Change{
			{Path: "emailCcFlag", Value: false}, {Path: "emailContactFlag", Value: public && contact}, {Path: "emailResourceFlag", Value: resources},
		}
	}
	return nil
}

// needs returns the vendor's keys of the row that a change depends on.
func (w *writing) needs(set psa.Fields, notify psa.Notify, custom bool) []string {
	var keys []string
	has := func(fields ...string) bool {
		return slices.ContainsFunc(fields, func(f string) bool { _, ok := set[f]; return ok })
	}
	if custom || has("custom") {
		keys = append(keys, "customFields")
	}
	switch w.kind {
	case psa.KindContact:
		if has("communications", "email", "mobile", "phone") {
			keys = append(keys, "communicationItems")
		}
	case psa.KindNote:
		if !has("visibility") && (has("resolution") || notify != psa.NotifyNone) {
			keys = append(keys, "detailDescriptionFlag", "resolutionFlag")
		}
	case psa.KindTicket:
		if set == nil || len(keys) > 0 { // a deletion, or the row is read anyhow
			keys = append(keys, "recordType")
		}
	case psa.KindTimeEntry:
		keys = append(keys, "addToDetailDescriptionFlag", "addToResolutionFlag", "chargeToType", "status")
	}
	return keys
}

// A patchOp is one operation of a JSON Patch (developer guide, PATCH): names are
// case-sensitive, references and other objects are replaced as a whole, since a
// path into them may be answered with 200 and change nothing.
type patchOp struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// patchOps turns changes into operations. What is cleared is removed: a null is
// not known to clear anything.
func patchOps(changes []mapping.Change) []patchOp {
	var ops []patchOp
	body := mapping.Body(changes)
	for _, key := range slices.Sorted(maps.Keys(body)) {
		if none(body[key]) {
			ops = append(ops, patchOp{Op: "remove", Path: "/" + key})
		} else {
			ops = append(ops, patchOp{Op: "replace", Path: "/" + key, Value: body[key]})
		}
	}
	return ops
}

func none(v any) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return v == nil
	}
	for _, in := range m {
		if in != nil {
			return false
		}
	}
	return true
}

func compareNumbers(a, b json.Number) int {
	x, _ := a.Int64() // ids are numbers, or a text that the server refuses
	y, _ := b.Int64()
	return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
}

// wrongForms tells what is wrong with the form of a value, by field.
func wrongForms(kind psa.Kind, field string, v any) map[string]string {
	wrong := map[string]string{}
	f, _ := psa.FieldOf(kind, field)
	if !typed(f.Type, v) {
		return map[string]string{field: "has another type"}
	}
	switch v := v.(type) {
	case string:
		if l := limitOf(kind, field); !l.cut && l.max > 0 && units(v) > l.max {
			wrong[field] = "is longer than " + strconv.Itoa(l.max) + " characters"
		}
		if _, err := time.Parse(time.RFC3339Nano, v); f.Type == psa.TypeTime && err != nil {
			wrong[field] = "is no time"
		}
	case []any:
		if f.Type == psa.TypeList {
			wrongItems(v, func(what string) { wrong[field] = what })
			break
		}
		for _, el := range v {
			if ref, ok := el.(psa.Fields); !ok || badRef(f.Kind, ref) {
				wrong[field] = "is no list of references to ConnectWise rows"
			}
		}
	case psa.Fields:
		if f.Type == psa.TypeRef {
			switch {
			case enumerated(f.Kind) && v.String("name") == "":
				wrong[field] = "has no name, which is all that ConnectWise keeps"
			case !enumerated(f.Kind) && badRef(f.Kind, v):
				wrong[field] = "is no reference to a ConnectWise row"
			}
			break
		}
		for sub, in := range v {
			at := field + "." + sub
			if field == "custom" && numeric(sub) != nil {
				wrong[at] = "is no id of a custom field"
				continue
			}
			maps.Copy(wrong, wrongForms(kind, at, in))
		}
	}
	return wrong
}

// typed reports whether a value is of a type, or none. What is within an
// object has no type of its own, and is a single value.
func typed(t psa.Type, v any) bool {
	switch v.(type) {
	case nil:
		return true
	case bool:
		return t == psa.TypeBool || t == ""
	case json.Number:
		return t == psa.TypeNumber || t == ""
	case []any:
		return t == psa.TypeRefs || t == psa.TypeList
	case psa.Fields:
		return t == psa.TypeRef || t == psa.TypeObject
	}
	return t == psa.TypeString || t == psa.TypeText || t == psa.TypeTime || t == ""
}

// enumerated tells references that are words of a vendor's enumeration.
func enumerated(kind psa.Kind) bool { return kind == psa.KindUrgency || kind == psa.KindImpact }

// badRef reports whether the id of a reference is none that rows of the kind
// have.
func badRef(kind psa.Kind, ref psa.Fields) bool {
	id := ref.String("id")
	switch kind {
	case psa.KindClassification:
		_, id, _ = strings.Cut(id, ":") // the layout checks the level
	case psa.KindSite:
		company, site, _ := strings.Cut(id, "/")
		return numeric(company, site) != nil
	}
	return numeric(id) != nil
}

// units is the length of a text as the vendor's database counts it.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
