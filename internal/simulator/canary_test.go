package simulator

import (
	"reflect"
	"strings"
	"testing"
)

func TestSpell(t *testing.T) {
	for _, v := range []any{"canary-token", "61742.4914", 61742.4914, 7183121, true} {
		if got := Spell(v, ""); got != v {
			t.Errorf("%v becomes %v for nobody", v, got)
		}
		a, b := Spell(v, "alpha"), Spell(v, "beta")
		if v != true && (a == v || b == v || a == b) || reflect.TypeOf(a) != reflect.TypeOf(v) {
			t.Errorf("%v becomes %v and %v", v, a, b)
		}
	}
	if s := Spell("61742.4914", "alpha").(string); !strings.HasSuffix(s, ".4914") {
		t.Errorf("a number in a text becomes %s", s)
	}
}

func TestTaint(t *testing.T) {
	planted := []Planted{{Entity: "Member", Field: "cost", Value: 61.4914}, {Entity: "Member", Field: "token", Value: "secret-1"}, {Entity: "Note", Field: "text", Value: "private-1"}}
	s := NewStore()
	if err := s.Change(func(tx *Tx) error {
		tx.Table("members").Put(1, Plant(planted, "Member", map[string]any{"name": "Ann", "more": []any{map[string]any{"value": "secret-1"}}}))
		tx.Table("notes").Put(7, map[string]any{"text": "They say private-1, twice: private-1", "other": "text", "n": 3})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.Taint("alpha", planted, map[string][]string{"notes": {"text", "missing"}})
	s.View(func(tx *Tx) {
		m, _ := tx.Table("members").Get(1)
		want := map[string]any{"name": "Ann", "cost": Spell(61.4914, "alpha"), "token": "secret-1-alpha", "more": []any{map[string]any{"value": "secret-1-alpha"}}}
		if !reflect.DeepEqual(m.Fields(), want) {
			t.Errorf("member %v", m.Fields())
		}
		n, _ := tx.Table("notes").Get(7)
		if want := map[string]any{"text": "They say private-1-alpha, twice: private-1-alpha alpha", "other": "text", "n": 3}; !reflect.DeepEqual(n.Fields(), want) {
			t.Errorf("note %v", n.Fields())
		}
	})
	if c := Canaries(planted, "alpha")[1]; c.Entity != "Member" || c.Field != "token" || c.Value != "secret-1-alpha" {
		t.Error(c)
	}
}
