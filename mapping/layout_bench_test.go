package mapping

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/psasync/psasync/psa"
)

// bigTicket is a ConnectWise ticket of about 5 KB with invented values.
func bigTicket() []byte {
	ref := func(name string, id int) string {
		return fmt.Sprintf(`{"id":%d,"name":%q,"_info":{%q:"https://api-na.myconnectwise.net/v2025_1/apis/3.0/service/%s/%d"}}`, id, name+" name", name+"_href", name, id)
	}
	var b strings.Builder
	b.WriteString(`{"id":48213,"summary":"Printer in the front office does not answer","recordType":"ServiceTicket"`)
	for i, name := range []string{"board", "status", "workRole", "workType", "company", "site", "contact", "type", "subType", "item", "team", "owner", "priority", "serviceLocation", "source", "agreement", "department", "location", "sla", "country", "opportunity", "project"} {
		fmt.Fprintf(&b, `,%q:%s`, name, ref(name, 100+i))
	}
	b.WriteString(`,"severity":"Medium","impact":"High","contactName":"Jo Bloggs","contactEmailAddress":"jo@acme.example","contactPhoneNumber":"5550100",` +
		`"requiredDate":"2026-03-02T17:00:00Z","budgetHours":1.5,"actualHours":0.75,"closedFlag":false,"closedDate":null,"externalXRef":"SYNC-7781","poNumber":"PO-1",` +
		`"addressLine1":"1 High St","addressLine2":"","city":"London","zip":"N1 1AA","slaStatus":"Respond by Tue 03/03","resources":"zed, ann",` +
		`"customerUpdatedFlag":false,"automaticEmailContactFlag":false,"automaticEmailResourceFlag":false,"automaticEmailCcFlag":false,"allowAllClientsPortalView":false,` +
		`"_info":{"lastUpdated":"2026-03-01T09:02:44Z","updatedBy":"zed","dateEntered":"2026-03-01T08:14:05Z","enteredBy":"ann","activities_href":"https://api-na.myconnectwise.net/v2025_1/apis/3.0/sales/activities?conditions=ticket/id=48213","notes_href":"https://api-na.myconnectwise.net/v2025_1/apis/3.0/service/tickets/48213/notes"},"customFields":[`)
	for i := range 5 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"caption":"Field %d","type":"Text","entryMethod":"EntryField","numberOfDecimals":0,"value":"value %d","rowNum":%d,"podId":"ticket_overview"}`, i+1, i, i, i)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

func BenchmarkDecode(b *testing.B) {
	k := mustLayout(b, "connectwise").Kind("ticket")
	row := bigTicket()
	if rec := k.Decode(row, psa.Ref{}); rec.Err != nil || len(rec.Fields) < 34 {
		b.Fatal(rec.Err, len(rec.Fields))
	}
	b.SetBytes(int64(len(row)))
	b.Run("layout", func(b *testing.B) {
		b.SetBytes(int64(len(row)))
		b.ReportAllocs()
		for b.Loop() {
			k.Decode(row, psa.Ref{})
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("encoding-json-map", func(b *testing.B) {
		b.SetBytes(int64(len(row)))
		b.ReportAllocs()
		for b.Loop() {
			var m map[string]any
			if err := json.Unmarshal(row, &m); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("id", func(b *testing.B) {
		b.SetBytes(int64(len(row)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := k.ID(row); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParseLayout(b *testing.B) {
	src := []byte(probe)
	for b.Loop() {
		if _, err := ParseLayout("f", src); err != nil {
			b.Fatal(err)
		}
	}
}
