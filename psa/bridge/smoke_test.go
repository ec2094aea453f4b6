package bridge_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

func TestSmoke(t *testing.T) {
	left := psatest.NewProvider(psatest.Boards())
	right := psatest.NewProvider(psatest.Boards().Only(psa.KindCompany, psa.KindContact, psa.KindTicket, psa.KindNote, psa.KindTimeEntry, psa.KindMember, psa.KindBoard, psa.KindStatus, psa.KindPriority).Empty())
	m, err := mapping.Parse("m.yaml", []byte(`
version: 1
kinds:
  company:
    fields: {name: name, identifier: identifier, phone: phone}
  contact:
    fields: {first_name: first_name, last_name: last_name, email: email, company: company}
  ticket:
    fields: {summary: summary, company: company, contact: contact, po_number: po_number}
  note:
    fields: {text: text, ticket: ticket, visibility: visibility}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = right
	for k, f := range right.Features() {
		fmt.Println(k, f.Can, f.Required, f.Marker, f.Groups)
	}
	st := any(cache.NewMemory()).(cache.State)
	b, err := bridge.New(left, right, st, bridge.Options{Source: "t", Map: m, Now: left.Now, Policy: bridge.Phase1(bridge.Left)})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		rep, err := b.Once(t.Context())
		fmt.Printf("%+v %v\n", rep, err)
		left.Advance(time.Minute)
		right.Advance(time.Minute)
	}
	for task, err := range st.Tasks(t.Context(), "t", cache.TaskQuery{}) {
		fmt.Println(task.Type, task.ID, task.Reason, err)
	}
}
