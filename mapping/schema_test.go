package mapping

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// check validates a value against the part of JSON Schema that Schema uses; a
// keyword it does not know is an error, so that none is skipped.
func check(root, schema map[string]any, v any, at string) []string {
	var errs []string
	fail := func(format string, args ...any) { errs = append(errs, at+": "+fmt.Sprintf(format, args...)) }
	for key, arg := range schema {
		switch key {
		case "$schema", "$defs", "title", "description", "examples", "additionalProperties":
		case "$ref":
			def := strings.TrimPrefix(arg.(string), "#/$defs/")
			errs = append(errs, check(root, root["$defs"].(map[string]any)[def].(map[string]any), v, at)...)
		case "const":
			if !reflect.DeepEqual(arg, v) {
				fail("not %v", arg)
			}
		case "enum":
			if !slices.Contains(arg.([]any), v) {
				fail("%v is none of %v", v, arg)
			}
		case "type":
			types, ok := arg.([]any)
			if !ok {
				types = []any{arg}
			}
			is := map[bool]string{true: "null"}[v == nil]
			switch v.(type) {
			case string:
				is = "string"
			case float64:
				is = "number"
			case bool:
				is = "boolean"
			case []any:
				is = "array"
			case map[string]any:
				is = "object"
			}
			if !slices.Contains(types, any(is)) {
				fail("a %s, not %v", is, types)
			}
		case "anyOf":
			ok := false
			for _, s := range arg.([]any) {
				ok = ok || len(check(root, s.(map[string]any), v, at)) == 0
			}
			if !ok {
				fail("fits no form")
			}
		case "items":
			if l, ok := v.([]any); ok {
				for i, el := range l {
					errs = append(errs, check(root, arg.(map[string]any), el, fmt.Sprintf("%s[%d]", at, i))...)
				}
			}
		case "minItems":
			if l, ok := v.([]any); ok && float64(len(l)) < arg.(float64) {
				fail("too short")
			}
		case "minProperties", "maxProperties":
			if m, ok := v.(map[string]any); ok && (key == "minProperties" && float64(len(m)) < arg.(float64) || key == "maxProperties" && float64(len(m)) > arg.(float64)) {
				fail("%d properties", len(m))
			}
		case "required":
			if m, ok := v.(map[string]any); ok {
				for _, r := range arg.([]any) {
					if _, there := m[r.(string)]; !there {
						fail("%s is missing", r)
					}
				}
			}
		case "properties":
			m, _ := v.(map[string]any)
			for k, el := range m {
				if s, ok := arg.(map[string]any)[k]; ok {
					errs = append(errs, check(root, s.(map[string]any), el, at+"."+k)...)
				}
			}
		default:
			fail("the test does not know the keyword %s", key)
		}
	}
	if m, ok := v.(map[string]any); ok {
		props, _ := schema["properties"].(map[string]any)
		for k, el := range m {
			if _, known := props[k]; known {
				continue
			}
			switch more := schema["additionalProperties"].(type) {
			case bool:
				if !more {
					fail("no key %s", k)
				}
			case map[string]any:
				errs = append(errs, check(root, more, el, at+"."+k)...)
			}
		}
	}
	return errs
}

func validate(t *testing.T, src string) []string {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	var p problems
	n := parseYAML("f", []byte(src), &p)
	if err := p.err(); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(n.value())
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return check(root, root, v, "")
}

// Every map that parses is valid, here and in the examples.
func TestSchemaAllowsEveryMap(t *testing.T) {
	maps := map[string]string{
		"ticketMap": ticketMap,
		"overlay":   "version: 1\nextends: base.yaml\nkinds: {ticket: {fields: {status: ~, summary: {owner: {side: psa, on_edit: ask}}}}, note: ~}\n",
		"scaffold":  string(Scaffold(psaCatalog(), hostCatalog(), nil)),
	}
	files, err := filepath.Glob("../examples/fieldmap/maps/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		maps[f] = string(src)
	}
	for name, src := range maps {
		errs := validate(t, src)
		if refused := filepath.Base(name) == "unreadable.yaml"; refused != (errs != nil) {
			t.Errorf("%s: refused %v, want %v:\n%s", name, errs != nil, refused, strings.Join(errs, "\n"))
		}
	}
}

// What Parse refuses for a key, a word or a type, the schema refuses too.
func TestSchemaRefusesWhatParseRefuses(t *testing.T) {
	head := "version: 1\nkinds:\n  ticket:\n    fields:\n      "
	for _, src := range []string{
		"version: 2\nkinds: {}\n", "kinds: {}\n", "version: 1\nkinds: {tiket: {fields: {}}}\n", "version: 1\nkinds: {ticket: {feilds: {}}}\n",
		head + "status: {app: s, confict: newest}\n", head + "status: {app: s, direction: left}\n", head + "status: {app: s, unknown: maybe}\n",
		head + "status: {app: s, class: money}\n", head + "status: 5\n", head + "status: {app: [s]}\n", head + "status: {app: s, widen: \"yes\"}\n",
		head + "status: {app: s, member: {by: name}}\n", head + "status: {app: s, values: [a]}\n", head + "status: {app: s, nulls: drop}\n",
		"version: 1\nkinds: {ticket: {groups: [[a]], fields: {}}}\n", "version: 1\nkinds: {ticket: {match: [{lft: a}], fields: {}}}\n",
	} {
		if _, err := Parse("f", []byte(src), nil); err == nil {
			t.Errorf("Parse takes it:\n%s", src)
		}
		if errs := validate(t, src); errs == nil {
			t.Errorf("the schema takes it:\n%s", src)
		}
	}
}

// The schema and the parser know the same keys of a rule.
func TestSchemaHasEveryRuleKey(t *testing.T) {
	props := fieldMapSchema()["$defs"].(object)["rule"].(object)["properties"].(object)
	for _, k := range ruleKeys {
		if _, ok := props[k]; !ok {
			t.Errorf("the schema lacks %s", k)
		}
	}
	if len(props) != len(ruleKeys) {
		t.Errorf("%d keys in the schema, %d in the parser", len(props), len(ruleKeys))
	}
}
