package mapping

import (
	"maps"
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// A memberTable matches members of the two systems: by the map's list, then by
// e-mail, never by name alone.
type memberTable struct {
	rule     *memberRule
	people   [2][]psa.Record
	mails    [2][]string       // of people, in lower case
	refs     [2][]psa.Fields   // people as records refer to them; shared
	byID     [2]map[string]int // indexes of people
	byEmail  [2]map[string]int // -1: several active members share it
	listed   [2]map[string]int // by the e-mail of the counterpart; -1: no such member
	fallback [2]psa.Fields
}

func newMemberTable(r *memberRule, cfg *Config) *memberTable {
	t := &memberTable{rule: r, people: [2][]psa.Record{cfg.LeftMembers, cfg.RightMembers}, listed: [2]map[string]int{{}, {}}}
	for s, people := range t.people {
		t.byID[s], t.byEmail[s] = map[string]int{}, map[string]int{}
		for i, p := range people {
			mail := strings.ToLower(p.Fields.String("email"))
			t.mails[s] = append(t.mails[s], mail)
			t.refs[s] = append(t.refs[s], psa.Reference{ID: p.ID, Name: p.Name()}.Fields())
			t.byID[s][p.ID] = i
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
			if i := t.named(Side(s), r.fallback); i >= 0 {
				t.fallback[s] = t.refs[s][i]
			} else if Side(s) == Left && len(people) == 0 {
				t.fallback[s] = psa.Reference{Name: r.fallback}.Fields()
			}
		}
	}
	for _, right := range slices.Sorted(maps.Keys(r.list)) {
		left := t.named(Left, r.list[right])
		t.listed[Left][right] = left
		if left < 0 || t.mails[Left][left] == "" {
			continue
		}
		if _, dup := t.listed[Right][t.mails[Left][left]]; !dup {
			t.listed[Right][t.mails[Left][left]] = t.named(Right, right)
		}
	}
	return t
}

// named finds an active member by name, login name or e-mail; -1 if there is
// none, or several.
func (t *memberTable) named(s Side, who string) int {
	found := -1
	for i, p := range t.people[s] {
		if p.Active && (p.Fields.String("identifier") == who || strings.EqualFold(p.Fields.String("email"), who) || p.Name() == who) {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}

// email returns the address of a value in lower case: a reference to a member,
// or an address as hosts keep it.
func (t *memberTable) email(s Side, v any) string {
	switch v := v.(type) {
	case psa.Fields:
		if i, ok := t.byID[s][v.String("id")]; ok {
			return t.mails[s][i]
		}
	case string:
		if strings.Contains(v, "@") {
			return strings.ToLower(v)
		}
		if i, ok := t.byID[s][v]; ok {
			return t.mails[s][i]
		}
	}
	return ""
}

// convert finds the counterpart of a member: a reference, or an address where
// the field holds texts. drop leaves the field alone; a trouble with instead
// comes with the fallback.
func (t *memberTable) convert(to Side, v any, ref bool) (out any, drop bool, tr *trouble) {
	if i := t.match(to, v); i >= 0 {
		if !ref {
			return t.people[to][i].Fields.String("email"), false, nil
		}
		return t.refs[to][i], false, nil
	}
	if to == Right && !ref && len(t.people[Right]) == 0 {
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

// match returns the index of the counterpart, -1 if there is none.
func (t *memberTable) match(to Side, v any) int {
	mail := t.email(1-to, v)
	if mail == "" {
		return -1
	}
	if i, ok := t.listed[to][mail]; ok {
		return i
	}
	if i, ok := t.byEmail[to][mail]; ok && t.rule.byEmail {
		return i
	}
	return -1
}
