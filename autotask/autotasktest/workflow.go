package autotasktest

import (
	"fmt"

	"github.com/psasync/psasync/internal/simulator"
)

// WorkflowRule is a rule of the tenant that runs when the API writes. No call
// of the API can suppress it.
type WorkflowRule struct {
	Collection string // Tickets, TicketNotes or TimeEntries
	Create     bool   // runs on create; else on change
	MailTo     string // "contact" or "resource": counts a mail; empty: none
	Set        Row    // keys of the ticket that it changes
	Note       string // text of a workflow note it adds to the ticket; empty: none
}

// AddWorkflowRule adds a rule. Generated tenants have none.
func (t *Tenant) AddWorkflowRule(r WorkflowRule) {
	switch r.Collection {
	case "Tickets", "TicketNotes", "TimeEntries":
	default:
		panic(fmt.Sprintf("autotasktest: no workflow rules on %q", r.Collection))
	}
	for k := range r.Set {
		if f := t.schema.byName["Ticket"].field(k); f == nil || f.name != k {
			panic("autotasktest: Ticket has no key " + k)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rules = append(t.rules, r)
}

func (t *Tenant) rulesFor(path string, create bool) []WorkflowRule {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []WorkflowRule
	for _, r := range t.rules {
		if r.Collection == path && r.Create == create {
			out = append(out, r)
		}
	}
	return out
}

// noteWorkflow is the noteType of notes that rules write.
const noteWorkflow = 13

// workflow runs the tenant's rules after a write. They do not set off others.
func (c *call) workflow(w *change) {
	for _, r := range c.t.rulesFor(w.e.path, w.isNew()) {
		ticket := w.int("ticketID")
		if w.e.path == "Tickets" {
			ticket = w.id
		}
		row, ok := w.tx.Table("Tickets").Get(ticket)
		if !ok {
			continue
		}
		if r.MailTo != "" {
			c.s.core.Mailbox.Add(Mail{Time: c.now(), To: r.MailTo, Reason: "workflow rule on " + w.e.path, Record: fmt.Sprintf("/Tickets/%d", ticket)})
		}
		if len(r.Set) > 0 {
			fields := stored(row)
			changes, _ := simulator.Normalise(r.Set).(map[string]any)
			for k, v := range changes {
				fields[k] = v
			}
			c.t.stampChange(c.t.schema.byName["Ticket"], fields)
			w.tx.Table("Tickets").Put(ticket, compact(fields))
		}
		if r.Note != "" {
			notes := c.t.schema.byName["TicketNote"]
			fields := Row{"ticketID": ticket, "title": "Workflow Rule", "description": r.Note, "noteType": noteWorkflow, "publish": 2}
			c.t.stampNew(notes, fields)
			tab := w.tx.Table(notes.path)
			tab.Put(tab.NextID(), fields)
		}
	}
}
