package psatest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

func valueCases() []testCase {
	return []testCase{
		{name: "values/types", run: valueTypes,
			rule: "Every field stands in the schema of its kind and holds the canonical form of its type: numbers as json.Number without superfluous digits, times RFC 3339 in UTC, references as {id, name} with string ids, one of them empty where the vendor tells the other only."},
		{name: "values/times", run: valueTimes,
			rule: "Updated is UTC and has the announced granularity, a time the vendor uses for 'none' is no value."},
		{name: "values/references", run: valueReferences,
			rule: "Every id that a row refers to exists in the tenant, where the kind is offered; an id that means 'none' is no reference."},
		{name: "values/views", run: valueViews,
			rule: "Every row decodes into the typed view of its kind."},
		{name: "values/json", run: valueJSON,
			rule: "A record survives JSON, and Raw is one JSON object or empty."},
		{name: "values/text", run: valueText,
			rule: "Text comes as it is: unicode, markup, control characters, NUL, very long, empty."},
		{name: "values/shared", run: valueShared,
			rule: "What List yields stays as it was while the list goes on."},
	}
}

// rows calls f for each row of each kind.
func (e *env) rows(f func(r psa.Record)) {
	for _, kind := range e.f.Kinds() {
		for _, r := range e.list(kind, psa.Query{}) {
			f(r)
		}
	}
}

func valueTypes(e *env) {
	e.rows(func(r psa.Record) {
		for name, v := range r.Fields {
			f, ok := psa.FieldOf(r.Kind, name)
			if !ok {
				e.at(r.Kind, "%s: %s is no field of the schema", r.Ref, name)
				continue
			}
			if problem := checkValue(f, v); problem != "" {
				e.at(r.Kind, "%s: %s %s", r.Ref, name, problem)
			}
		}
	})
}

// checkValue returns what is wrong with a value, or "".
func checkValue(f psa.Field, v any) string {
	if problem := canonical(v); problem != "" || v == nil {
		return problem
	}
	switch f.Type {
	case psa.TypeString, psa.TypeText, psa.TypeOption:
		if _, ok := v.(string); !ok {
			return fmt.Sprintf("is a %T, not a string", v)
		}
	case psa.TypeNumber:
		if _, ok := v.(json.Number); !ok {
			return fmt.Sprintf("is a %T, not a number", v)
		}
	case psa.TypeBool:
		if _, ok := v.(bool); !ok {
			return fmt.Sprintf("is a %T, not a bool", v)
		}
	case psa.TypeTime:
		s, ok := v.(string)
		if t, err := time.Parse(time.RFC3339Nano, s); !ok || err != nil || psa.FormatTime(t) != s {
			return fmt.Sprintf("is %q, not RFC 3339 in UTC", fmt.Sprint(v))
		}
	case psa.TypeDate:
		s, ok := v.(string)
		if _, err := time.Parse(time.DateOnly, s); !ok || err != nil {
			return fmt.Sprintf("is %q, not a date", fmt.Sprint(v))
		}
	case psa.TypeRef:
		return checkRef(v)
	case psa.TypeRefs, psa.TypeIDs, psa.TypeList:
		return checkList(f, v)
	case psa.TypeObject:
		if _, ok := v.(psa.Fields); !ok {
			return fmt.Sprintf("is a %T, not Fields", v)
		}
	}
	return ""
}

func checkList(f psa.Field, v any) string {
	l, ok := v.([]any)
	if !ok {
		return fmt.Sprintf("is a %T, not a list", v)
	}
	for _, v := range l {
		problem := ""
		switch f.Type {
		case psa.TypeRefs:
			problem = checkRef(v)
		case psa.TypeIDs:
			if id, ok := v.(string); !ok || id == "" {
				problem = fmt.Sprintf("holds a %T, not an id", v)
			}
		default:
			if _, ok := v.(psa.Fields); !ok {
				problem = fmt.Sprintf("holds a %T, not Fields", v)
			}
		}
		if problem != "" {
			return problem
		}
	}
	return ""
}

func checkRef(v any) string {
	f, ok := v.(psa.Fields)
	if !ok {
		return fmt.Sprintf("is a %T, not a reference", v)
	}
	for k, v := range f {
		if _, isString := v.(string); k != "id" && k != "name" || !isString {
			return fmt.Sprintf("has %s %T in a reference of id and name", k, v)
		}
	}
	if (psa.Reference{ID: f.String("id"), Name: f.String("name")}).IsZero() {
		return "is an empty reference"
	}
	return ""
}

// canonical tells whether a value has the form that psa.Fields promises.
func canonical(v any) string {
	c, err := psa.Canonical(v)
	if err != nil {
		return err.Error()
	}
	if !psa.ValuesEqual(c, v) {
		return fmt.Sprintf("is %T, which is not canonical", v)
	}
	return ""
}

func valueTimes(e *env) {
	low, high := time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	e.rows(func(r psa.Record) {
		granule := e.f[r.Kind].Granularity
		switch {
		case r.Updated.IsZero():
			if e.f.Can(r.Kind, psa.CanSince) {
				e.at(r.Kind, "%s has no Updated, but the kind can be listed by time", r.Ref)
			}
		case r.Updated.Location() != time.UTC:
			e.at(r.Kind, "%s: Updated is in zone %s", r.Ref, r.Updated.Location())
		case granule <= 0:
			e.at(r.Kind, "%s has Updated, but the kind no Granularity", r.Ref)
		case !r.Updated.Equal(r.Updated.Truncate(granule)):
			e.at(r.Kind, "%s: Updated %s is finer than %s", r.Ref, r.Updated, granule)
		case r.Updated.Before(low) || r.Updated.After(high):
			e.at(r.Kind, "%s: Updated is %s", r.Ref, r.Updated)
		}
		for name := range r.Fields {
			if f, _ := psa.FieldOf(r.Kind, name); f.Type != psa.TypeTime {
				continue
			}
			if t := r.Fields.Time(name); !t.IsZero() && (t.Before(low) || t.After(high)) || r.Fields[name] == "" || strings.HasPrefix(r.Fields.String(name), "0001") {
				e.at(r.Kind, "%s: %s is %q", r.Ref, name, r.Fields[name])
			}
		}
	})
}

func valueReferences(e *env) {
	have := map[psa.Ref]bool{}
	e.rows(func(r psa.Record) { have[r.Ref] = true })
	e.rows(func(r psa.Record) {
		if !r.Parent.IsZero() && e.f.Can(r.Parent.Kind, psa.CanList) && !have[r.Parent] {
			e.at(r.Kind, "%s: its parent %s does not exist", r.Ref, r.Parent)
		}
		for name, v := range r.Fields {
			f, _ := psa.FieldOf(r.Kind, name)
			if f.Kind == "" || !e.f.Can(f.Kind, psa.CanList) {
				continue
			}
			for _, id := range refIDs(v) {
				if id != "" && !have[psa.Ref{Kind: f.Kind, ID: id}] {
					e.at(r.Kind, "%s: %s points at %s/%s, which does not exist", r.Ref, name, f.Kind, id)
				}
			}
		}
	})
}

func valueViews(e *env) {
	decode := views()
	e.rows(func(r psa.Record) {
		if err := decode[r.Kind](r); err != nil {
			e.at(r.Kind, "%v", err)
		}
	})
}

func valueJSON(e *env) {
	e.rows(func(r psa.Record) {
		if len(r.Raw) > 0 {
			if raw := bytes.TrimSpace(r.Raw); !json.Valid(raw) || raw[0] != '{' {
				e.at(r.Kind, "%s: Raw is no JSON object", r.Ref)
				return
			}
		}
		b, err := json.Marshal(r)
		if err != nil {
			e.at(r.Kind, "%s: %v", r.Ref, err)
			return
		}
		var back psa.Record
		if err := json.Unmarshal(b, &back); err != nil {
			e.at(r.Kind, "%s: %v", r.Ref, err)
			return
		}
		if back.Ref != r.Ref || back.Parent != r.Parent || back.Active != r.Active || back.Hash != r.Hash || !back.Updated.Equal(r.Updated) || !back.Fields.Equal(r.Fields) {
			e.at(r.Kind, "%s comes back from JSON different", r.Ref)
		}
	})
}

func valueText(e *env) {
	e.need(e.Rename != nil, "Rename")
	for _, kind := range e.fillable() {
		e.Fill[kind](1)
		rows := e.list(kind, psa.Query{})
		if len(rows) != 1 {
			e.at(kind, "%d rows instead of 1", len(rows))
			continue
		}
		for what, text := range map[string]string{
			"unicode":            "Łódź – 東京 📬 e\u0301 \u202eabc",
			"markup":             `<b>"x" & 'y'</b> \u0041 \\ {{.}} %s`,
			"control characters": "tab\tline\nreturn\r\x01",
			"NUL":                "a\x00b",
			"a number":           "007",
			"null":               "null",
			"64 KB":              strings.Repeat("ß", 32<<10),
			"nothing":            "",
		} {
			e.Rename(rows[0].Ref, text)
			got := e.list(kind, psa.Query{})
			if len(got) != 1 || nameOf(got[0]) != text {
				e.at(kind, "%s does not come as it is", what)
			}
		}
	}
}

func valueShared(e *env) {
	kind, _ := e.filled(3)
	var rows []psa.Record
	var copies []psa.Fields
	var raws [][]byte
	for r, err := range e.p.List(e.ctx, kind, psa.Query{}) {
		if err != nil {
			e.at(kind, "list: %v", err)
			break
		}
		rows = append(rows, r)
		copies = append(copies, r.Fields.Clone())
		raws = append(raws, slices.Clone(r.Raw))
	}
	for i, r := range rows {
		if !r.Fields.Equal(copies[i]) || !bytes.Equal(r.Raw, raws[i]) {
			e.at(kind, "%s was changed after it had been yielded", r.Ref)
		}
	}
}
