package benchmarks

import (
	"encoding/json"
	"strings"

	"github.com/psasync/psasync/psa"
)

// A held is a field that was left alone, and why.
type held struct{ Field, Code string }

// A hand maps what fieldMap maps, as somebody would write it who has no map:
// absent stays absent, null stays null, a value without a rule is held and
// named, what means the same is kept, and arithmetic is exact.
type hand struct {
	world
	toRight, toLeft map[string]map[string]string   // values by left field
	mails           map[string]string              // by member
	members         map[bool]map[string]psa.Fields // by e-mail; true: right
}

func newHand(w *world) *hand {
	h := &hand{world: *w, toRight: map[string]map[string]string{}, toLeft: map[string]map[string]string{}, mails: map[string]string{},
		members: map[bool]map[string]psa.Fields{false: {}, true: {}}}
	for name, pairs := range map[string][]pair{"source": sources, "impact": impacts, "priority": priorities, "status": statuses, "region": regions} {
		h.toRight[name], h.toLeft[name] = map[string]string{}, map[string]string{}
		for _, p := range pairs {
			h.toRight[name][p.left] = p.right
			if _, dup := h.toLeft[name][p.right]; !dup {
				h.toLeft[name][p.right] = p.left
			}
		}
	}
	for side, list := range map[bool][]psa.Record{false: people("left"), true: people("right")} {
		for _, p := range list {
			h.mails[p.ID] = p.Fields.String("email")
			h.members[side][p.Fields.String("email")] = ref(p.ID, p.Name())
		}
	}
	return h
}

var handPlain = [...][2]string{{"summary", "title"}, {"description", "body"}, {"contact_name", "requester_name"}, {"contact_phone", "requester_phone"},
	{"po_number", "po"}, {"due_at", "due"}, {"resolution", "resolution"}, {"external_ref", "external"},
	{"number", "number"}, {"url", "link"}, {"created_at", "created"}, {"closed", "is_closed"}}

// handBoth is how many of handPlain go both ways.
const handBoth = 8

// leftFields is how many left fields fieldMap writes.
const leftFields = 23

var handLinks = [...]struct {
	left, right string
	kind        psa.Kind
}{{"company", "account", psa.KindCompany}, {"contact", "requester", psa.KindContact}, {"site", "place", psa.KindSite}, {"agreement", "contract", psa.KindAgreement}}

var handRefs = [...]struct {
	left, right string
	kind        psa.Kind
}{{"board", "queue", psa.KindBoard}, {"team", "group", psa.KindTeam}, {"location", "office", psa.KindLocation}}

func (h *hand) right(in, now psa.Fields) (out psa.Fields, open []held) {
	out = make(psa.Fields, rules)
	for _, f := range handPlain {
		if v, ok := in[f[0]]; ok {
			out[f[1]] = v
		}
	}
	if v, ok := in["contact_email"]; ok {
		if s, isText := v.(string); isText && now["requester_mail"] != v {
			v = strings.ToLower(s)
		}
		out["requester_mail"] = v
	}
	for _, f := range [...][2]string{{"budget_hours", "estimate"}, {"worked_hours", "worked"}} {
		v, ok := in[f[0]]
		if !ok {
			continue
		}
		if n, isNumber := v.(json.Number); isNumber {
			if was, there := now[f[1]].(json.Number); there && hours(was) == n {
				v = was
			} else {
				v = minutes(n)
			}
		}
		out[f[1]] = v
	}
	for _, f := range handLinks {
		open = h.linked(out, f.right, f.kind, in, f.left, open)
	}
	for _, f := range handRefs {
		open = found(out, f.right, h.world.right.rows[f.kind], in, f.left, open)
	}
	for _, f := range [...][2]string{{"source", "channel"}, {"impact", "severity"}, {"status", "state"}} {
		v, ok := in[f[0]]
		if !ok {
			continue
		}
		if r, isRef := v.(psa.Fields); !isRef {
			out[f[1]] = nil
		} else if s, ok := h.toRight[f[0]][r.String("name")]; ok {
			out[f[1]] = s
		} else {
			open = append(open, held{f[1], "unmapped-value"})
		}
	}
	if v, ok := in["priority"]; ok {
		if r, isRef := v.(psa.Fields); !isRef {
			out["priority"] = nil
		} else if s, ok := h.toRight["priority"][r.String("name")]; ok {
			out["priority"] = h.world.right.rows[psa.KindPriority][s]
		} else {
			open = append(open, held{"priority", "unmapped-value"})
		}
	}
	open = h.member(out, "assignee", true, in, "owner", open)
	c, isObject := in["custom"].(psa.Fields)
	if v, ok := in["custom"]; ok && v == nil {
		out["site_code"], out["vip"], out["region"] = nil, nil, nil
	}
	if !isObject {
		return out, open
	}
	if v, ok := c["16"]; ok {
		out["site_code"] = v
	}
	if v, ok := c["17"]; ok {
		switch v {
		case true:
			v = "Yes"
		case false:
			v = "No"
		}
		out["vip"] = v
	}
	if v, ok := c["20"]; ok {
		if text, isText := v.(string); !isText {
			out["region"] = nil
		} else if s, ok := h.toRight["region"][text]; ok {
			out["region"] = s
		} else {
			open = append(open, held{"region", "unmapped-value"})
		}
	}
	return out, open
}

func (h *hand) left(in, now psa.Fields) (out psa.Fields, open []held) {
	out = make(psa.Fields, leftFields)
	for _, f := range handPlain[:handBoth] {
		if v, ok := in[f[1]]; ok {
			out[f[0]] = v
		}
	}
	if v, ok := in["requester_mail"]; ok {
		if was, there := now["contact_email"].(string); there && v != nil && strings.ToLower(was) == v {
			v = was
		}
		out["contact_email"] = v
	}
	if v, ok := in["estimate"]; ok {
		if n, isNumber := v.(json.Number); isNumber {
			if was, there := now["budget_hours"].(json.Number); there && minutes(was) == n {
				v = was
			} else {
				v = hours(n)
			}
		}
		out["budget_hours"] = v
	}
	for _, f := range handLinks {
		open = h.linked(out, f.left, f.kind, in, f.right, open)
	}
	for _, f := range handRefs {
		open = found(out, f.left, h.world.left.rows[f.kind], in, f.right, open)
	}
	for _, f := range [...]struct {
		left, right string
		kind        psa.Kind
	}{{"source", "channel", psa.KindTicketSource}, {"impact", "severity", psa.KindImpact}, {"status", "state", psa.KindStatus}} {
		v, ok := in[f.right]
		if !ok {
			continue
		}
		text, isText := v.(string)
		if !isText {
			out[f.left] = nil
			continue
		}
		if was, there := now[f.left].(psa.Fields); there && f.left == "status" && h.toRight["status"][was.String("name")] == text {
			out[f.left] = was
		} else if s, ok := h.toLeft[f.left][text]; ok {
			out[f.left] = h.world.left.rows[f.kind][s]
		} else {
			open = append(open, held{f.left, "unmapped-value"})
		}
	}
	if v, ok := in["priority"]; ok {
		if r, isRef := v.(psa.Fields); !isRef {
			out["priority"] = nil
		} else if s, ok := h.toLeft["priority"][r.String("name")]; ok {
			out["priority"] = h.world.left.rows[psa.KindPriority][s]
		} else {
			open = append(open, held{"priority", "unmapped-value"})
		}
	}
	open = h.member(out, "owner", false, in, "assignee", open)
	custom := psa.Fields{}
	if v, ok := in["site_code"]; ok {
		custom["16"] = v
	}
	if v, ok := in["vip"]; ok {
		switch v {
		case "Yes":
			custom["17"] = true
		case "No":
			custom["17"] = false
		case nil:
			custom["17"] = nil
		default:
			open = append(open, held{`custom["VIP"]`, "transform"})
		}
	}
	if v, ok := in["region"]; ok {
		if text, isText := v.(string); !isText {
			custom["20"] = nil
		} else if s, ok := h.toLeft["region"][text]; ok {
			custom["20"] = s
		} else {
			open = append(open, held{`custom["Region"]`, "unmapped-value"})
		}
	}
	if len(custom) > 0 {
		out["custom"] = custom
	}
	return out, open
}

func (h *hand) linked(out psa.Fields, to string, kind psa.Kind, in psa.Fields, from string, open []held) []held {
	v, ok := in[from]
	if !ok {
		return open
	}
	r, isRef := v.(psa.Fields)
	if !isRef {
		out[to] = nil
		return open
	}
	id, ok := link(kind, r.String("id"))
	if !ok {
		return append(open, held{to, "unlinked"})
	}
	out[to] = psa.Fields{"id": id, "name": r["name"]}
	return open
}

func found(out psa.Fields, to string, rows map[string]psa.Fields, in psa.Fields, from string, open []held) []held {
	v, ok := in[from]
	if !ok {
		return open
	}
	r, isRef := v.(psa.Fields)
	if !isRef {
		out[to] = nil
		return open
	}
	row, ok := rows[r.String("name")]
	if !ok {
		return append(open, held{to, "no-such-option"})
	}
	out[to] = row
	return open
}

func (h *hand) member(out psa.Fields, to string, right bool, in psa.Fields, from string, open []held) []held {
	v, ok := in[from]
	if !ok {
		return open
	}
	r, isRef := v.(psa.Fields)
	if !isRef {
		out[to] = nil
		return open
	}
	m, ok := h.members[right][h.mails[r.String("id")]]
	if !ok {
		return append(open, held{to, "member"})
	}
	out[to] = m
	return open
}
