package mapping

import (
	"encoding/json"
	"slices"

	"github.com/psasync/psasync/psa"
)

// Schema returns a JSON Schema (2020-12) of field maps, for editors that check
// and complete YAML. It allows everything that Parse takes; what needs a
// catalog, or two keys seen together, only Parse and Lint tell.
func Schema() []byte {
	b, err := json.MarshalIndent(fieldMapSchema(), "", "  ")
	if err != nil {
		panic("mapping: the schema is not JSON: " + err.Error()) // it is built of maps and texts below
	}
	return append(b, '\n')
}

type object = map[string]any

func fieldMapSchema() object {
	ref := func(name string) object { return object{"$ref": "#/$defs/" + name} }
	enum := func(values ...string) object { return object{"type": "string", "enum": values} }
	mapOf := func(of any) object { return object{"type": "object", "additionalProperties": of} }
	oneOf := func(of ...any) object { return object{"anyOf": of} }
	list := func(of any) object { return object{"type": "array", "items": of} }
	closed := func(props object, required ...string) object {
		o := object{"type": "object", "additionalProperties": false, "properties": props}
		if len(required) > 0 {
			o["required"] = required
		}
		return o
	}
	text := object{"type": "string"}
	scalar := object{"type": []string{"string", "number", "boolean", "null"}}
	values := mapOf(scalar)
	sides := func(of any) object { return object{"left": of, "right": of, "psa": of, "app": of} }
	owner := enum("left", "right", "psa", "app", "both")
	strategy := object{"type": "string", "examples": strategyExamples}
	sets := mapOf(oneOf(scalar, list(scalar), closed(object{"id": scalar}, "id"), closed(object{"by": text, "values": values}, "by", "values")))
	conditions := mapOf(oneOf(scalar, list(scalar)))
	one := oneOf(text, object{"type": "object", "minProperties": 1, "maxProperties": 1})
	describe := func(o object, help string) object {
		c := object{"description": help}
		for k, v := range o {
			c[k] = v
		}
		return c
	}
	rule := object{
		"left":       describe(text, "the left field, if it is not the key"),
		"psa":        describe(text, "another word for left"),
		"right":      describe(text, "the right field"),
		"app":        describe(text, "another word for right"),
		"type":       describe(enum(fieldTypes...), "the type of both fields, where no catalog tells"),
		"left_type":  enum(fieldTypes...),
		"right_type": enum(fieldTypes...),
		"direction":  describe(enum("both", "to_left", "to_right", "to_psa", "to_app"), "where values go; both ways unless said"),
		"when":       describe(oneOf(conditions, closed(sides(conditions))), "the rule applies to records with these values"),
		"by":         describe(enum("name", "id"), "whether values name left rows by name or by id"),
		"right_by":   enum("name", "id"),
		"values":     describe(mapOf(oneOf(scalar, values)), "left value: right value; with per, by the name of the scope"),
		"per":        describe(text, "the left field that the values depend on, e.g. board"),
		"prefer":     describe(mapOf(text), "right value: the left value it goes back to, where several share it"),
		"unknown":    describe(oneOf(enum("hold", "error", "pass"), closed(object{"default": oneOf(scalar, closed(sides(scalar)))}, "default")), "what becomes of a value that is not listed"),
		"transform":  describe(oneOf(one, list(one)), "one or several of "+join(TransformNames())+", or the host's own, {name: argument} where it takes one"),
		"each":       describe(mapOf(ref("rules")), "rules for the elements of a list"),
		"member": describe(closed(object{"by": enum("email", "list"), "list": mapOf(text),
			"unmatched": oneOf(enum("hold", "drop"), closed(object{"fallback": text}, "fallback"))}), "the field holds a member"),
		"owner":    describe(oneOf(owner, closed(object{"side": owner, "on_edit": enum("restore", "tolerate", "ask")}, "side")), "the side whose value counts"),
		"class":    enum(classes...),
		"conflict": describe(oneOf(strategy, object{"type": "array", "items": strategy, "minItems": 1}), "strategy for a change on both sides; a list is first(...) of its items"),
		"nulls":    describe(enum("clear", "keep"), "whether null clears the other side"),
		"widen":    describe(object{"type": "boolean"}, "the rule may show a note to more people"),
	}
	kind := closed(object{
		"scope":     describe(mapOf(oneOf(scalar, list(scalar))), "records outside are not touched"),
		"match":     list(closed(sides(text))),
		"create":    describe(oneOf(closed(sides(sets)), sets), "values for fields that got none, on create"),
		"constants": describe(oneOf(closed(sides(sets)), sets), "values that are always written"),
		"groups":    describe(list(object{"type": "array", "items": text, "minItems": 2}), "left fields that are decided together"),
		"fields":    mapOf(ref("rules")),
	})
	kinds := object{}
	for _, k := range slices.Concat(psa.ConfigKinds(), psa.RecordKinds()) {
		kinds[string(k)] = oneOf(ref("kind"), object{"type": "null"})
	}
	top := sides(text)
	top["version"] = object{"const": 1}
	top["extends"] = describe(text, "the file that this one changes, relative to it")
	top["kinds"] = closed(kinds)
	schema := closed(top, "version", "kinds")
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "psasync field map"
	schema["$defs"] = object{
		"kind":  kind,
		"rule":  closed(rule),
		"rules": oneOf(text, ref("rule"), list(ref("rule")), object{"type": "null"}),
	}
	return schema
}

func join(names []string) string {
	s := ""
	for i, n := range names {
		if i > 0 {
			s += ", "
		}
		s += n
	}
	return s
}
