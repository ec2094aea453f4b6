package autotask

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

// fill makes the body of fields. All that is wrong with them is told at once;
// nothing was written by then.
func (d *draft) fill(ctx context.Context, fields psa.Fields) error {
	d.set, d.bad = canonical(d.ref.Kind, fields)
	d.body, d.from = map[string]any{}, map[string]string{}
	d.offered()
	d.required()
	if err := d.customs(ctx); err != nil {
		return err
	}
	d.encode()
	d.local()
	if err := d.known(ctx); err != nil {
		return err
	}
	if len(d.bad) > 0 {
		return refused(d.op, d.ref, d.bad)
	}
	return d.derive(ctx)
}

func (d *draft) wrong(format string, args ...any) {
	d.bad = append(d.bad, fmt.Sprintf(format, args...))
}

// offered drops the fields that cannot be written.
func (d *draft) offered() {
	for _, field := range sorted(d.set) {
		schema, ok := psa.FieldOf(d.ref.Kind, field)
		switch {
		case !ok:
			d.wrong("%s: no such field", field)
		case !d.p.offers.Takes(d.ref.Kind, field, d.create):
			why := "cannot be written"
			if d.p.offers.Takes(d.ref.Kind, field, true) {
				why = "can be set on create only"
			}
			d.wrong("%s: %s", field, why)
		case !d.refers(schema, d.set[field]):
			d.wrong("%s: no reference to a row of Autotask", field)
		default:
			continue
		}
		delete(d.set, field)
	}
}

// refers checks the form of references.
func (d *draft) refers(f psa.Field, v any) bool {
	switch {
	case v == nil:
		return true
	case f.Type == psa.TypeRef:
		r, ok := v.(psa.Fields)
		id := r.String("id")
		if prefix := map[string]string{"category_1": "1:", "category_2": "2:"}[f.Name]; prefix != "" {
			rest, has := strings.CutPrefix(id, prefix)
			ok, id = ok && has, rest
		}
		return ok && numeric(id) == nil
	case f.Type == psa.TypeRefs:
		list, ok := v.([]any)
		return ok && !slices.ContainsFunc(list, func(el any) bool {
			r, ok := el.(psa.Fields)
			return !ok || numeric(r.String("id")) != nil
		})
	}
	return true
}

// required names what is missing on create, and what must not be cleared.
func (d *draft) required() {
	for _, field := range d.p.offers[d.ref.Kind].Required {
		v, sent := d.set[field]
		told := slices.ContainsFunc(d.bad, func(s string) bool { return strings.HasPrefix(s, field+":") })
		if v == nil && (sent || d.create) && !told {
			d.wrong("%s: required", field)
		}
	}
	if d.create && d.ref.Kind == psa.KindTicket && d.set["board"] == nil && d.set["owner"] == nil {
		d.wrong("board: required, or owner")
	}
}

// customs puts user-defined fields by their names, which is how the API takes
// them; only those given are sent, and the others keep their values.
func (d *draft) customs(ctx context.Context) error {
	custom, ok := d.set["custom"].(psa.Fields)
	if !ok || len(custom) == 0 {
		return nil // of another type: Encode says so
	}
	all, err := d.p.customs(ctx, d.ref.Kind, d.op)
	if err != nil {
		return err
	}
	byName := psa.Fields{}
	for _, id := range sorted(custom) {
		i := slices.IndexFunc(all, func(f definition) bool { return f.ID.String() == id && !f.Encrypted })
		if i < 0 {
			d.wrong("custom.%s: no such field", id)
			continue
		}
		byName[all[i].Name] = custom[id]
	}
	delete(d.set, "custom")
	if len(byName) > 0 {
		d.set["custom"] = byName
	}
	return nil
}

// encode writes each field in the vendor's words, as fields.yaml has them.
func (d *draft) encode() {
	layout := d.p.lists[d.ref.Kind][0].layout
	for _, field := range sorted(d.set) {
		changes, err := layout.Encode(psa.Fields{field: d.set[field]})
		if err != nil {
			var e *psa.Error
			if errors.As(err, &e) {
				d.wrong("%s", e.Detail)
			}
			continue
		}
		for _, c := range changes {
			d.put(c.Path, c.Value, field)
		}
	}
}

func (d *draft) put(key string, v any, field string) { d.body[key], d.from[key] = v, field }

// local adds what fields.yaml cannot say and needs no request.
func (d *draft) local() {
	switch d.ref.Kind {
	case psa.KindCompany:
		if v, ok := d.set["types"]; ok {
			if list, _ := v.([]any); len(list) != 1 {
				d.wrong("types: an Autotask company has one type")
			}
		}
		if d.create {
			d.body["ownerResourceID"] = json.Number(d.p.companyOwner)
			d.body["isActive"] = true
		}
	case psa.KindSite:
		if d.create {
			d.body["isActive"] = true
		}
	case psa.KindContact:
		if d.create {
			d.body["isActive"] = 1 // a number here
		}
	case psa.KindTicket:
		role, sent := d.set["owner_role"]
		owner, owned := d.set["owner"]
		switch {
		case role != nil && (owned || d.create) && owner == nil:
			d.wrong("owner_role: goes with an owner")
		case sent && role == nil && !owned:
			d.wrong("owner_role: an owner has one; clear the owner")
		}
	case psa.KindNote:
		if d.set.Ref("type").ID == workflowNote {
			d.wrong("type: notes of type %s are written by workflow rules", workflowNote)
		}
		if d.create && d.set["visibility"] == nil {
			d.put("publish", 2, "visibility")
		}
	case psa.KindTimeEntry:
		if h, ok := d.set["hours"].(json.Number); ok && !ofADay(h) {
			d.wrong("hours: not above 0 and at most 24")
		}
	}
}

// workflowNote is the type of notes that workflow rules write.
const workflowNote = "13"

func ofADay(n json.Number) bool {
	r, ok := new(big.Rat).SetString(string(n))
	return ok && r.Sign() > 0 && r.Cmp(big.NewRat(24, 1)) <= 0
}

// known checks the vendor's fields against what the entity says about itself:
// the API ignores names that it does not know, without a word.
func (d *draft) known(ctx context.Context) error {
	if len(d.body) == 0 {
		return nil
	}
	entity := d.p.lists[d.ref.Kind][0].entity
	m, err := d.p.metadata(ctx, entity, d.op, "", settled)
	if err != nil {
		return err
	}
	for key, v := range d.body {
		if key == "userDefinedFields" {
			continue
		}
		field := d.from[key]
		if field == "" {
			field = key
		}
		info, ok := m.fields[strings.ToLower(key)]
		switch {
		case !ok:
			d.wrong("%s: this database has no %s in %s", field, key, entity)
		case info.ReadOnly:
			d.wrong("%s: this database does not let %s be written", field, key)
		case !info.takes(v):
			d.wrong("%s: %s is not of type %s", field, key, info.Type)
		}
		if text, ok := v.(string); ok && info.Length > 0 && info.Type == "string" && units(text) > info.Length {
			d.wrong("%s: longer than %d", field, info.Length)
		}
	}
	return nil
}

// takes reports whether a value is of the type, as far as it is known.
func (f fieldInfo) takes(v any) bool {
	switch v := v.(type) {
	case json.Number:
		switch f.Type {
		case "integer", "short", "long":
			return !strings.ContainsAny(string(v), ".eE")
		case "string", "datetime", "boolean":
			return false
		}
	case string:
		if f.Type == "datetime" {
			_, err := time.Parse(time.RFC3339, v)
			return err == nil
		}
		return f.Type == "" || f.Type == "string"
	case bool:
		return f.Type == "" || f.Type == "boolean"
	}
	return true
}

// derive adds what depends on other rows.
func (d *draft) derive(ctx context.Context) error {
	if len(d.body) == 0 {
		return nil
	}
	switch d.ref.Kind {
	case psa.KindSite, psa.KindContact:
		if err := d.know(ctx); err != nil {
			return err
		}
	case psa.KindNote:
		return d.note(ctx)
	case psa.KindTicket:
		return d.ticket(ctx)
	case psa.KindTimeEntry:
		return d.time(ctx)
	}
	return nil
}

// note adds title and publish.
func (d *draft) note(ctx context.Context) error {
	if err := d.know(ctx); err != nil {
		return err
	}
	if title, sent := d.set["title"]; title == nil && (sent || d.create) {
		text := d.set.String("text")
		if text == "" {
			text = d.now.Fields.String("text")
		}
		first, _, _ := strings.Cut(text, "\n")
		d.put("title", strings.TrimSpace(cut(first, maxTitle)), "title")
	}
	if d.set["visibility"] != string(psa.TeamOnly) {
		return nil
	}
	team, err := d.p.teamChoices(ctx, d.op)
	if err != nil {
		return err
	}
	// A choice that does not say that it is for the inside may be for everybody,
	// and of several nobody knows which is the narrowest: the note stays
	// internal.
	team = slices.DeleteFunc(team, func(c choice) bool { return !strings.Contains(strings.ToLower(c.Label), "internal") })
	if len(team) == 1 {
		d.put("publish", json.Number(team[0].Value), "visibility")
	}
	return nil
}

// ticket adds the role of an owner, and finds out what hangs on a company that
// is left.
func (d *draft) ticket(ctx context.Context) error {
	owner, owned := d.set["owner"]
	switch {
	case owned && owner == nil:
		d.body["assignedResourceRoleID"] = nil
	case owned && d.set["owner_role"] == nil:
		if err := d.know(ctx); err != nil {
			return err
		}
		id, was := d.set.Ref("owner").ID, d.now.Fields.Ref("owner_role").ID
		if was != "" && d.now.Fields.Ref("owner").ID == id {
			d.put("assignedResourceRoleID", json.Number(was), "owner_role")
			break
		}
		role, err := d.role(ctx, id, "owner_role")
		if err != nil {
			return err
		}
		d.put("assignedResourceRoleID", role, "owner_role")
	case d.set["owner_role"] != nil && !owned:
		if err := d.know(ctx); err != nil {
			return err
		}
		id := d.now.Fields.Ref("owner").ID
		if id == "" {
			return d.fail(psa.ErrInvalid, "owner_role: goes with an owner", nil)
		}
		d.put("assignedResourceID", json.Number(id), "owner")
	}
	if _, moves := d.set["company"]; !moves || d.create {
		return nil
	}
	if err := d.know(ctx); err != nil {
		return err
	}
	if d.now.Fields.Ref("company").ID == d.set.Ref("company").ID {
		return nil
	}
	for _, field := range []string{"contact", "site"} {
		if d.now.Fields.Ref(field).ID != "" {
			d.unlink = append(d.unlink, field)
		}
	}
	return nil
}

// role is the default service desk role of a resource, since a resource never
// works without one.
func (d *draft) role(ctx context.Context, member, field string) (json.Number, error) {
	r, err := d.p.Get(ctx, psa.Ref{Kind: psa.KindMember, ID: member})
	if err != nil && !errors.Is(err, psa.ErrNotFound) {
		return "", d.own(err)
	}
	if id := r.Fields.Ref("work_role").ID; id != "" {
		return json.Number(id), nil
	}
	return "", d.fail(psa.ErrInvalid, field+": required, since the resource has no default service desk role", nil)
}

// time makes day, start, end and hours agree, and adds the role.
func (d *draft) time(ctx context.Context) error {
	if err := d.know(ctx); err != nil {
		return err
	}
	if err := d.unlocked(); err != nil {
		return err
	}
	if d.create && d.set["work_role"] == nil {
		role, err := d.role(ctx, d.set.Ref("member").ID, "work_role")
		if err != nil {
			return err
		}
		d.put("roleID", role, "work_role")
	}
	return d.span()
}

// span writes start, end and hours together: Autotask wants start and end or
// neither, computes the hours from them, and keeps the day apart.
func (d *draft) span() error {
	_, starts := d.set["start_at"]
	_, ends := d.set["end_at"]
	_, works := d.set["hours"]
	if !starts && !ends && !works {
		return nil
	}
	was := d.now.Fields
	if !starts && !ends && was.Time("end_at").IsZero() && !d.create {
		return nil // an entry of a day without a time of day
	}
	start, end, hours := d.set["start_at"], d.set["end_at"], d.set["hours"]
	if !starts {
		start = was["start_at"]
	}
	if !works && !ends {
		hours = was["hours"]
	}
	all := psa.Fields{"start_at": start, "end_at": end, "hours": hours}
	from := all.Time("start_at")
	if from.IsZero() {
		return d.fail(psa.ErrInvalid, "start_at: required", nil)
	}
	to := all.Time("end_at")
	if n, ok := hours.(json.Number); ok {
		agree(all)
		if to = all.Time("end_at"); to.IsZero() {
			worked, _ := wholeSeconds(n)
			to = from.Add(worked)
		}
	}
	if worked := to.Sub(from); worked <= 0 || worked > 24*time.Hour {
		return d.fail(psa.ErrInvalid, "hours: not above 0 and at most 24 from start_at to end_at", nil)
	}
	d.put("startDateTime", psa.FormatTime(from), "start_at")
	d.put("endDateTime", psa.FormatTime(to), "end_at")
	d.put("dateWorked", psa.FormatTime(from.Truncate(24*time.Hour)), "start_at")
	d.put("hoursWorked", hoursOf(to.Sub(from)), "hours")
	return nil
}
