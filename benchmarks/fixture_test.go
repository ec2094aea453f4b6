package benchmarks

import (
	"encoding/json"
	"maps"
	"math/big"
	"strings"
	"testing"

	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// fieldMap is a map of 30 fields as hosts have them: 17 that pass, 9
// references by name or id, 2 with values, one unit, one custom field.
const fieldMap = `version: 1
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

// rules is how many rules fieldMap has.
const rules = 30

func ref(id, name string) psa.Fields { return psa.Reference{ID: id, Name: name}.Fields() }

func ticket(f psa.Fields) psa.Record {
	return psa.Record{Ref: psa.Ref{Kind: psa.KindTicket, ID: "7"}, Active: true, Fields: f}
}

// full is a record with a value for each rule of fieldMap.
func full() psa.Record {
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

// changed returns full with some fields replaced.
func changed(over psa.Fields) psa.Record {
	rec := full()
	maps.Copy(rec.Fields, over)
	return rec
}

// mapper compiles fieldMap.
func mapper(tb testing.TB) *mapping.Mapper {
	tb.Helper()
	m, err := mapping.Parse("fields.yaml", []byte(fieldMap), nil)
	if err != nil {
		tb.Fatal(err)
	}
	mp, err := m.Compile(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return mp
}

// minutes turns hours into minutes without loss.
func minutes(v any) (json.Number, bool) {
	hours, ok := v.(json.Number)
	if !ok {
		return "", false
	}
	r, ok := new(big.Rat).SetString(string(hours))
	if !ok {
		return "", false
	}
	s := r.Mul(r, big.NewRat(60, 1)).FloatString(6)
	return json.Number(strings.TrimRight(strings.TrimRight(s, "0"), ".")), true
}
