package bridge_test

import (
	"strings"
	"testing"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// A ticket of a company that is out of scope is out of scope, too: nobody is
// asked about it. Once the company takes part, so does the ticket.
func TestTicketOfACompanyOutOfScope(t *testing.T) {
	w := newWorld(t, strings.Replace(basic, "company:\n    match", "company:\n    scope: {website: [in.example]}\n    match", 1))
	w.settle()
	w.want("tasks", w.tasks(), "[]")
	w.want("companies", len(w.right.Refs(psa.KindCompany)), 0)
	w.want("tickets", len(w.right.Refs(psa.KindTicket)), 0)
	ticket, _ := w.left.Row(ref(psa.KindTicket, "1001"))
	w.left.Edit(ref(psa.KindCompany, ticket.Fields.Ref("company").ID), psa.Fields{"website": "in.example"})
	w.settle()
	w.tick(25 * 60 * 60 * 1e9) // by the next complete list at the latest
	w.settle()
	w.peer(bridge.Left, ref(psa.KindTicket, "1001"))
	w.want("tasks", w.tasks(), "[]")
}
