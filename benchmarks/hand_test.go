package benchmarks

import "github.com/psasync/psasync/psa"

var (
	handPriority = map[string]string{"P1": "Critical", "P2": "High", "P3": "Medium", "P4": "Low"}
	handStatus   = map[string]string{"New": "open", "Assigned": "working", "Waiting": "pending", "Closed": "done"}
)

// byHand maps what fieldMap maps, as somebody would write it who has no map:
// absent stays absent, null stays null, a value without a rule is held, and
// arithmetic is exact. held names the fields that were left alone.
func byHand(in psa.Fields) (out psa.Fields, held []string) {
	out = make(psa.Fields, rules)
	for _, f := range [...][2]string{{"summary", "title"}, {"description", "body"}, {"number", "number"}, {"url", "link"},
		{"contact_name", "requester"}, {"contact_email", "requester_mail"}, {"contact_phone", "requester_phone"}, {"po_number", "po"},
		{"worked_hours", "worked"}, {"due_at", "due"}, {"resolution", "resolution"}, {"external_ref", "external"}, {"created_at", "created"},
		{"created_by", "creator"}, {"updated_by", "updater"}, {"closed_at", "closed_time"}, {"closed", "is_closed"}} {
		if v, ok := in[f[0]]; ok {
			out[f[1]] = v
		}
	}
	for _, f := range [...][3]string{{"board", "name", "queue"}, {"company", "id", "company"}, {"contact", "id", "contact"}, {"site", "id", "site"},
		{"agreement", "id", "contract"}, {"team", "name", "team"}, {"source", "name", "channel"}, {"type", "name", "category"}, {"subtype", "name", "subcategory"}} {
		v, ok := in[f[0]]
		if !ok {
			continue
		}
		if r, isRef := v.(psa.Fields); isRef {
			out[f[2]] = r[f[1]]
		} else {
			out[f[2]] = nil
		}
	}
	for _, f := range [...]struct {
		from, to string
		values   map[string]string
	}{{"priority", "priority", handPriority}, {"status", "state", handStatus}} {
		v, ok := in[f.from]
		if !ok {
			continue
		}
		r, isRef := v.(psa.Fields)
		if !isRef {
			out[f.to] = nil
			continue
		}
		if name, ok := f.values[r.String("name")]; ok {
			out[f.to] = name
		} else {
			held = append(held, f.to)
		}
	}
	if v, ok := in["budget_hours"]; ok {
		if v == nil {
			out["estimate"] = nil
		} else if n, ok := minutes(v); ok {
			out["estimate"] = n
		} else {
			held = append(held, "estimate")
		}
	}
	if c, ok := in["custom"].(psa.Fields); ok {
		if v, ok := c["16"]; ok {
			out["site_code"] = v
		}
	}
	return out, held
}
