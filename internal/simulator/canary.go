package simulator

import (
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"strings"
)

// Canary is a planted value that no program may keep: money or a secret that
// the vendor returns although nobody needs it, or a text that only colleagues
// may read.
type Canary struct {
	Entity string // vendor's name of the record, such as Member
	Field  string // vendor's key, such as hourlyCost
	Value  string // the text to search for in everything a program writes
}

// Planted is a value as a generator puts it into rows: a text, an int or a
// float64.
type Planted struct {
	Entity, Field string
	Value         any
}

// Plant adds the values of an entity to a row.
func Plant(all []Planted, entity string, row map[string]any) map[string]any {
	for _, p := range all {
		if p.Entity == entity {
			row[p.Field] = p.Value
		}
	}
	return row
}

// Canaries returns planted values as the tenant of this word spells them; ""
// is a tenant that was not tainted.
func Canaries(all []Planted, word string) []Canary {
	out := make([]Canary, 0, len(all))
	for _, p := range all {
		out = append(out, Canary{Entity: p.Entity, Field: p.Field, Value: fmt.Sprint(Spell(p.Value, word))})
	}
	return out
}

// Spell returns the value that stands for v in the tenant of this word. It has
// the same type, and as many digits behind the point.
func Spell(v any, word string) any {
	if word == "" {
		return v
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(word)) // never fails
	step := int(1 + h.Sum32()%199)
	switch v := v.(type) {
	case int:
		return v + step*10_000_000
	case float64:
		return math.Round((v+float64(step)*1000)*10_000) / 10_000
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			return fmt.Sprint(Spell(f, word))
		}
		return v + "-" + word
	}
	return v
}

// Taint gives the stored rows an alphabet of their own: planted values are
// spelled anew wherever they stand, also within a text, and the texts under
// these keys, by table, end in word.
func (s *Store) Taint(word string, all []Planted, texts map[string][]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, t := range s.tables {
		for id, old := range t.rows {
			row, _ := respell(old, all, word).(map[string]any)
			for _, key := range texts[name] {
				if text, ok := row[key].(string); ok && text != "" {
					row[key] = text + " " + word
				}
			}
			t.rows[id] = row
		}
	}
}

// respell copies a JSON value and spells what is planted in it.
func respell(v any, all []Planted, word string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = respell(e, all, word)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = respell(e, all, word)
		}
		return out
	case string:
		for _, p := range all {
			if text, ok := p.Value.(string); ok {
				v = strings.ReplaceAll(v, text, fmt.Sprint(Spell(text, word)))
			}
		}
		return v
	case int, float64:
		for _, p := range all {
			if p.Value == v {
				return Spell(v, word)
			}
		}
	}
	return v
}
