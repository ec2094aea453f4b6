package mapping

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

// InScope reports whether the map's scope lets a left record in, and why not.
// A field that the record does not have keeps it out: a scope that cannot be
// checked is no permission. now is for ages: "closed: 30d" lets in what is
// open, or was closed within 30 days; "changed: 30d" what was updated since.
func (m *Map) InScope(rec psa.Record, now time.Time) (ok bool, reason string) {
	return m.kind(rec.Kind).inScope(rec, now, nil)
}

// inScope knows the names of references where names tells them.
func (km *kindMap) inScope(rec psa.Record, now time.Time, names *kindMapper) (ok bool, reason string) {
	if km == nil {
		return false, "the map has no rules for " + string(rec.Kind)
	}
	for i, s := range km.scope {
		v := rec.Fields[s.field]
		if names != nil && names.scopeRows[i] != nil {
			v = names.scopeRows[i].name(v)
		}
		if reason = s.outside(rec, v, now); reason != "" {
			return false, reason + " (" + where(s.at) + ")"
		}
	}
	return true, ""
}

// InScope is [Map.InScope] for records whose references came without names,
// which the catalog tells.
func (mp *Mapper) InScope(rec psa.Record, now time.Time) (ok bool, reason string) {
	return mp.m.kind(rec.Kind).inScope(rec, now, mp.kinds[rec.Kind])
}

// outside says why a record, whose field holds v, is outside of a scope rule; ""
// if it is not.
func (s *scopeRule) outside(rec psa.Record, v any, now time.Time) string {
	if age, ok := days(s.value); ok {
		switch s.field {
		case "changed":
			if rec.Updated.Before(now.Add(-age)) {
				return "not changed within " + s.value.text
			}
			return ""
		case "closed":
			if rec.Fields.Bool("closed") != psa.Yes {
				return ""
			}
			at := rec.Fields.Time("closed_at")
			if at.IsZero() {
				at = rec.Updated
			}
			if at.Before(now.Add(-age)) {
				return "closed for more than " + s.value.text
			}
			return ""
		}
	}
	items := []*node{s.value}
	if s.value.kind == nodeSeq {
		items = s.value.items
	}
	values := []any{v}
	if list, ok := values[0].([]any); ok {
		values = list
	}
	for _, v := range values {
		for _, byID := range []bool{false, true} {
			text, ok := valueText(v, byID)
			if ok && slices.ContainsFunc(items, func(n *node) bool { return n.text == text }) {
				return ""
			}
		}
	}
	return s.field + " is not in scope"
}

// days reads an age such as "30d".
func days(n *node) (time.Duration, bool) {
	num, ok := strings.CutSuffix(n.text, "d")
	d, err := strconv.ParseUint(num, 10, 16)
	if !ok || err != nil || n.kind != nodeString {
		return 0, false
	}
	return time.Duration(d) * 24 * time.Hour, true
}

// OutsideBy says why one field of the scope keeps a left record out, "" if it
// does not. It is for records that are about to be created, of which the system
// will fill other fields of the scope by itself.
func (m *Map) OutsideBy(rec psa.Record, field string, now time.Time) string {
	km := m.kind(rec.Kind)
	if km == nil {
		return ""
	}
	for _, s := range km.scope {
		if s.field != field {
			continue
		}
		if why := s.outside(rec, rec.Fields[field], now); why != "" {
			return why + " (" + where(s.at) + ")"
		}
	}
	return ""
}
