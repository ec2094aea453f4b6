package mapping

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
)

// thirty is a map of 30 fields as hosts have them: 22 that pass, 4 references
// by name, 2 with values, one unit, one custom field.
const thirty = `version: 1
kinds:
  ticket:
    fields:
      summary: title
      description: body
      number: number
      url: link
      contact_name: requester
      contact_email: requester_mail
      contact_phone: requester_phone
      po_number: po
      worked_hours: worked
      due_at: due
      resolution: resolution
      external_ref: external
      created_at: created
      created_by: creator
      updated_by: updater
      closed_at: closed_time
      closed: is_closed
      board.name: queue
      company.id: company
      contact.id: contact
      site.id: site
      agreement.id: contract
      team: team
      source: channel
      type: category
      subtype: subcategory
      priority: {app: priority, values: {P1: Critical, P2: High, P3: Medium, P4: Low}}
      status: {app: state, values: {New: open, Assigned: working, Waiting: pending, Closed: done}}
      budget_hours: {app: estimate, transform: hours_to_minutes}
      custom.16: site_code
`

func thirtyRecord() psa.Record {
	return ticket(psa.Fields{
		"summary": "Printer offline", "description": "It does not answer", "number": "48213", "url": "https://x.example/48213",
		"contact_name": "Jo", "contact_email": "jo@a.example", "contact_phone": "555", "po_number": "PO-1", "worked_hours": json.Number("0.75"),
		"due_at": "2026-03-02T17:00:00Z", "resolution": "", "external_ref": "X-1", "created_at": "2026-03-01T08:14:05Z", "created_by": "ann",
		"updated_by": "zed", "closed_at": nil, "closed": false, "board": ref("1", "Help Desk"), "company": ref("2", "Acme"), "contact": ref("3", "Jo"),
		"site": ref("4", "Main"), "agreement": ref("5", "Gold"), "team": ref("6", "Blue"), "source": ref("7", "Phone"), "type": ref("1:8", "Incident"),
		"subtype": ref("2:9", "Printer"), "priority": ref("10", "P2"), "status": ref("11", "Assigned"), "budget_hours": json.Number("1.5"),
		"custom": psa.Fields{"16": "N1", "17": true},
	})
}

var (
	handPriority = map[string]string{"P1": "Critical", "P2": "High", "P3": "Medium", "P4": "Low"}
	handStatus   = map[string]string{"New": "open", "Assigned": "working", "Waiting": "pending", "Closed": "done"}
)

// byHand maps what thirty maps, as somebody would write it who has no map:
// three states, unknown values held, exact arithmetic.
func byHand(in psa.Fields) (psa.Fields, []string) {
	out := make(psa.Fields, 30)
	var held []string
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
			held = append(held, f.from)
		}
	}
	if v, ok := in["budget_hours"]; ok {
		if n, isNum := v.(json.Number); isNum {
			r, ok := new(big.Rat).SetString(string(n))
			if !ok {
				held = append(held, "budget_hours")
			} else {
				s := r.Mul(r, big.NewRat(60, 1)).FloatString(6)
				out["estimate"] = json.Number(strings.TrimRight(strings.TrimRight(s, "0"), "."))
			}
		} else {
			out["estimate"] = nil
		}
	}
	if c, ok := in["custom"].(psa.Fields); ok {
		if v, ok := c["16"]; ok {
			out["site_code"] = v
		}
	}
	return out, held
}

func TestByHandIsTheSame(t *testing.T) {
	mp, err := mustMap(t, thirty).Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	rec := thirtyRecord()
	want, _ := byHand(rec.Fields)
	got, issues := mp.To(Right, rec, &Env{Present: psa.Fields{}})
	if !got.Equal(want) || len(issues) != 0 || len(got) != 30 {
		t.Errorf("%d fields: %v\n%v\n%v", len(got), got, want, issues)
	}
}

// BenchmarkMap compares a compiled map of 30 fields with the same by hand.
func BenchmarkMap(b *testing.B) {
	mp, err := mustMap(b, thirty).Compile(nil)
	if err != nil {
		b.Fatal(err)
	}
	rec := thirtyRecord()
	env := &Env{Present: psa.Fields{}}
	b.Run("map", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			mp.To(Right, rec, env)
		}
	})
	b.Run("by-hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			byHand(rec.Fields)
		}
	})
}

// BenchmarkMapRatio runs both in turns, so that what else the machine does falls
// on both, and reports the median of their ratios.
func BenchmarkMapRatio(b *testing.B) {
	mp, err := mustMap(b, thirty).Compile(nil)
	if err != nil {
		b.Fatal(err)
	}
	rec := thirtyRecord()
	env := &Env{Present: psa.Fields{}}
	var ratios []float64
	for b.Loop() {
		start := time.Now()
		for range 100 {
			mp.To(Right, rec, env)
		}
		middle := time.Now()
		for range 100 {
			byHand(rec.Fields)
		}
		ratios = append(ratios, float64(middle.Sub(start))/float64(time.Since(middle)))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-by-hand")
}

// large returns a map of 500 rules and catalogs with 10,000 options.
func large(b testing.TB) (*Map, *Config) {
	left, right := psaCatalog(), hostCatalog()
	var src strings.Builder
	src.WriteString("version: 1\nkinds:\n  ticket:\n    fields:\n")
	for i := range 500 {
		left.fields[psa.KindTicket] = append(left.fields[psa.KindTicket], psa.Field{Name: fmt.Sprint("custom.", 100+i), Caption: fmt.Sprint("Field ", i), Type: psa.TypeString})
		right.fields[psa.KindTicket] = append(right.fields[psa.KindTicket], psa.Field{Name: fmt.Sprint("field_", i), Type: psa.TypeString})
		switch i % 5 {
		case 0:
			fmt.Fprintf(&src, "      'custom[\"Field %d\"]': {app: field_%d, values: {a: A, b: B, c: C, d: D}, unknown: pass}\n", i, i)
		case 1:
			fmt.Fprintf(&src, "      'custom[\"Field %d\"]': {app: field_%d, transform: [{prefix: \"X \"}], owner: psa, conflict: [newest, psa]}\n", i, i)
		default:
			fmt.Fprintf(&src, "      'custom[\"Field %d\"]': field_%d\n", i, i)
		}
	}
	for i := range 10_000 {
		left.option(psa.KindStatus, fmt.Sprint(1000+i), fmt.Sprint("Status ", i%50), fmt.Sprint(10+i/50))
		if i%50 == 0 {
			left.option(psa.KindBoard, fmt.Sprint(10+i/50), fmt.Sprint("Board ", i/50), "")
		}
	}
	return mustMap(b, src.String()), &Config{Left: left, Right: right}
}

func BenchmarkLint500(b *testing.B) {
	m, cfg := large(b)
	if len(m.Rules(psa.KindTicket)) != 500 {
		b.Fatal("not 500 rules")
	}
	for b.Loop() {
		m.LintWith(cfg)
	}
}

func BenchmarkParse500(b *testing.B) {
	m, _ := large(b)
	var src strings.Builder
	src.WriteString("version: 1\nkinds:\n  ticket:\n    fields:\n")
	for _, r := range m.Rules(psa.KindTicket) {
		fmt.Fprintf(&src, "      '%s': {app: %s, values: {a: A, b: B}, unknown: pass}\n", r.Left, r.Right)
	}
	b.SetBytes(int64(src.Len()))
	for b.Loop() {
		mustMap(b, src.String())
	}
}
