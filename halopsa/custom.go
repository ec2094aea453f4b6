package halopsa

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

// Types of custom fields (FieldInfo.type) whose values have a form of their
// own; the codes never change. 7 to 9 are documented nowhere and pass as they
// are.
const (
	singleSelection   = 2 // id of the option
	multipleSelection = 3 // ids with commas between
	dateField         = 4 // a moment of that day
	timeField         = 5 // of a day
	checkbox          = 6
)

// A definition is what the values of a custom field depend on.
type definition struct {
	kind     psa.Kind // of the records that carry it
	typ      int
	readOnly bool
}

// usageOf names the records that carry custom fields of a usage; "" for others.
func usageOf(usage int) psa.Kind {
	return map[int]psa.Kind{1: psa.KindTicket, 2: psa.KindCompany, 3: psa.KindSite, 4: psa.KindContact}[usage]
}

// definitions reads which custom fields there are: lists of records hold those
// that are asked for by number. Encrypted ones are not among them.
func (p *Provider) definitions(ctx context.Context) (map[int]definition, error) {
	fields := map[int]definition{}
	g := &pager{c: p.c, path: "/FieldInfo", op: opList(psa.KindCustomField), query: url.Values{}, size: maxPage}
	return fields, g.scan(ctx, func(row []byte) error {
		var f struct {
			ID        int  `json:"id"`
			Usage     int  `json:"usage"`
			Type      int  `json:"type"`
			ReadOnly  bool `json:"readonly"`
			Encrypted bool `json:"isencrypted"`
		}
		if err := json.Unmarshal(row, &f); err != nil {
			return err
		}
		if kind := usageOf(f.Usage); kind != "" && !f.Encrypted {
			fields[f.ID] = definition{kind, f.Type, f.ReadOnly}
		}
		return nil
	})
}

// customValues brings the values of custom fields into canonical form, by the
// types that the row tells.
func customValues(fields psa.Fields, row []byte) {
	custom, _ := fields["custom"].(psa.Fields)
	if len(custom) == 0 {
		return
	}
	var r struct {
		Fields []struct {
			ID   json.Number `json:"id"`
			Type int         `json:"type"`
		} `json:"customfields"`
	}
	if json.Unmarshal(row, &r) != nil {
		return // a type that is no number: the values stay as they are
	}
	for _, f := range r.Fields {
		if v, ok := custom[f.ID.String()]; ok {
			custom[f.ID.String()] = customValue(f.Type, v)
		}
	}
}

func customValue(typ int, v any) any {
	if v == "" {
		return nil
	}
	switch typ {
	case singleSelection:
		if n, ok := v.(json.Number); ok {
			return n.String()
		}
	case multipleSelection:
		return chosen(v)
	case dateField:
		if at, ok := moment(v); ok {
			return orNone(at, at.Format(time.DateOnly))
		}
	case timeField:
		if at, ok := moment(v); ok {
			return at.Format("15:04")
		}
	case checkbox:
		switch strings.ToLower(fmt.Sprint(v)) {
		case "true", "1":
			return true
		case "false", "0":
			return false
		}
	}
	return v
}

// moment reads the form of Halo's times, which have no zone.
func moment(v any) (time.Time, bool) {
	s := strings.TrimSuffix(text(v), "Z")
	at, err := time.Parse("2006-01-02T15:04:05", s) // takes a fraction, too
	return at, err == nil
}

// orNone is nil for the date that Halo writes for "empty".
func orNone(at time.Time, v string) any {
	if at.Year() <= 1980 {
		return nil
	}
	return v
}

// chosen makes a list of the options of a multiple selection: text with
// commas, or a list of ids or of objects with one.
func chosen(v any) any {
	var ids []any
	add := func(id string) {
		if id = strings.TrimSpace(id); id != "" {
			ids = append(ids, id)
		}
	}
	switch v := v.(type) {
	case string:
		for _, id := range strings.Split(v, ",") {
			add(id)
		}
	case json.Number:
		add(v.String())
	case []any:
		for _, e := range v {
			if f, ok := e.(psa.Fields); ok {
				e = f["id"]
			}
			add(fmt.Sprint(e))
		}
	default:
		return v
	}
	if ids == nil {
		return nil
	}
	return ids
}

// wireValue is the reverse of customValue; why says what is wrong with a
// value. Empty text clears a field; null would leave it as it is.
func (d definition) wireValue(v any) (w any, why string) {
	if v == nil || v == "" {
		return "", ""
	}
	s, isText := v.(string)
	switch d.typ {
	case singleSelection:
		if err := numeric(s); err != nil {
			return nil, "want the id of an option"
		}
		return json.Number(s), ""
	case multipleSelection:
		list, isList := v.([]any)
		if isText {
			list, isList = []any{s}, true
		}
		ids := make([]string, len(list))
		for i := range list {
			ids[i] = text(list[i])
		}
		if !isList || numeric(ids...) != nil {
			return nil, "want a list of ids of options"
		}
		return strings.Join(ids, ","), ""
	case dateField:
		if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
			s = at.UTC().Format(time.DateOnly)
		}
		if _, err := time.Parse(time.DateOnly, s); err != nil {
			return nil, "want a date, e.g. 2026-12-01"
		}
		return s + "T12:00:00", "" // noon is the same day in nearly every zone
	case timeField:
		if _, err := time.Parse("15:04", s); err != nil {
			return nil, "want a time of day, e.g. 09:30"
		}
		return s, ""
	case checkbox:
		if _, ok := v.(bool); !ok {
			return nil, "want true or false"
		}
		return v, ""
	}
	switch v.(type) {
	case string, bool, json.Number:
		return v, ""
	}
	return nil, "want a single value"
}

// customFields makes the list of the custom fields that are to change.
func (w *write) customFields(ctx context.Context) ([]any, error) {
	custom, _ := w.set["custom"].(psa.Fields)
	if len(custom) == 0 {
		return nil, nil
	}
	defs, err := w.p.custom.Get(ctx, w.op, "", fresh, w.p.definitions)
	if err != nil {
		return nil, err
	}
	var list []any
	for _, id := range slices.Sorted(maps.Keys(custom)) {
		d := defs[number(id)]
		v, why := d.wireValue(custom[id])
		switch {
		case d.kind != w.kind:
			why = "no such custom field"
		case d.readOnly:
			why = "is read-only"
		}
		if why != "" {
			w.refuse("custom."+id, why)
			continue
		}
		list = append(list, map[string]any{"id": number(id), "value": v})
	}
	return list, nil
}
