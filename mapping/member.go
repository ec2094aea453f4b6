package mapping

import (
	"strings"

	"github.com/psasync/psasync/psa"
)

// A memberTable matches members of the two systems: by the map's list, then by
// e-mail, never by name alone.
type memberTable struct {
	rule     *memberRule
	people   [2][]psa.Record
	byID     [2]map[string]int
	byEmail  [2]map[string]int // -1: several active members share it
	fallback [2]psa.Fields
}

func newMemberTable(r *memberRule, cfg *Config) *memberTable {
	t := &memberTable{rule: r, people: [2][]psa.Record{cfg.LeftMembers, cfg.RightMembers}}
	for s, people := range t.people {
		t.byID[s], t.byEmail[s] = map[string]int{}, map[string]int{}
		for i, p := range people {
			t.byID[s][p.ID] = i
			mail := strings.ToLower(p.Fields.String("email"))
			if mail == "" || !p.Active {
				continue
			}
			if _, dup := t.byEmail[s][mail]; dup {
				t.byEmail[s][mail] = -1
				continue
			}
			t.byEmail[s][mail] = i
		}
		if r.fallback != "" {
			if p, ok := t.named(Side(s), r.fallback); ok {
				t.fallback[s] = psa.Reference{ID: p.ID, Name: p.Name()}.Fields()
			} else if Side(s) == Left && len(people) == 0 {
				t.fallback[s] = psa.Reference{Name: r.fallback}.Fields()
			}
		}
	}
	return t
}

// named finds an active member by name, login name or e-mail.
func (t *memberTable) named(s Side, who string) (psa.Record, bool) {
	found := -1
	for i, p := range t.people[s] {
		if p.Active && (p.Fields.String("identifier") == who || strings.EqualFold(p.Fields.String("email"), who) || p.Name() == who) {
			if found >= 0 {
				return psa.Record{}, false
			}
			found = i
		}
	}
	if found < 0 {
		return psa.Record{}, false
	}
	return t.people[s][found], true
}

// email returns the address of a value: a reference to a member, or an address
// as hosts keep it.
func (t *memberTable) email(s Side, v any) string {
	switch v := v.(type) {
	case psa.Fields:
		if i, ok := t.byID[s][v.String("id")]; ok {
			return strings.ToLower(t.people[s][i].Fields.String("email"))
		}
	case string:
		if strings.Contains(v, "@") {
			return strings.ToLower(v)
		}
		if i, ok := t.byID[s][v]; ok {
			return strings.ToLower(t.people[s][i].Fields.String("email"))
		}
	}
	return ""
}

// convert finds the counterpart of a member: a reference, or an address where
// the field holds texts. drop leaves the field alone; a trouble with instead
// comes with the fallback.
func (t *memberTable) convert(to Side, v any, ref bool) (out any, drop bool, tr *trouble) {
	if p, ok := t.match(to, v); ok {
		if !ref {
			return p.Fields.String("email"), false, nil
		}
		return psa.Reference{ID: p.ID, Name: p.Name()}.Fields(), false, nil
	}
	if to == Right && len(t.people[Right]) == 0 {
		if mail := t.email(Left, v); mail != "" {
			return mail, false, nil
		}
	}
	tr = &trouble{code: "member", msg: "no active member on the " + to.String() + " side has the e-mail address of this one; add them, or list the pair under member: list"}
	switch t.rule.unmatched {
	case "drop":
		return nil, true, nil
	case "fallback":
		f := t.fallback[to]
		if f == nil {
			break
		}
		if tr.instead = t.rule.fallback; ref {
			return f, false, tr
		}
		return t.email(to, f), false, tr
	}
	return nil, false, tr
}

func (t *memberTable) match(to Side, v any) (psa.Record, bool) {
	mail := t.email(1-to, v)
	if mail == "" {
		return psa.Record{}, false
	}
	for right, left := range t.rule.list {
		if to == Left && right == mail {
			return t.named(Left, left)
		}
		if to == Right {
			if p, ok := t.named(Left, left); ok && strings.EqualFold(p.Fields.String("email"), mail) {
				return t.named(Right, right)
			}
		}
	}
	if i, ok := t.byEmail[to][mail]; ok && i >= 0 && t.rule.byEmail {
		return t.people[to][i], true
	}
	return psa.Record{}, false
}
