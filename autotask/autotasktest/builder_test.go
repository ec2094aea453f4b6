package autotasktest

import (
	"testing"
	"time"
)

// A tenant made by hand: what the builder adds can be used by the API.
func TestBuilder(t *testing.T) {
	tenant := NewTenant()
	tenant.Add("Resources", Row{"id": firstResource, "firstName": "API", "lastName": "User", "isActive": true, "licenseType": licenseAPI})
	company := tenant.Add("Companies", Row{"companyName": "Acme", "isActive": true})
	queue, status, issue := tenant.AddQueue("Desk"), tenant.AddStatus("Parked"), tenant.AddIssueType("Mail", "Spam", "Lost")
	tenant.AddField("Tickets", "Colour", "Red", "Blue")
	tenant.AddField("Contacts", "Nickname")
	c := fixed(t, tenant, Options{})
	id := c.do("POST", "/Tickets", Row{
		"companyID": company, "title": "x", "priority": 2, "status": status, "queueID": queue, "issueType": issue, "subIssueType": 2, "userDefinedFields": UDF("Colour", "2"),
	}).saved(t)
	if got := tenant.Get("Tickets", id); got["status"] != 8 || at(got["userDefinedFields"], 0, "value") != "2" {
		t.Errorf("ticket %v", got)
	}
	if f := c.get("/Contacts/entityInformation/userDefinedFields").object(t)["fields"]; byName(f, "name", "Nickname") == nil {
		t.Errorf("fields %v", f)
	}
	for _, collection := range []string{"TimeEntries", "Nope"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s took a user-defined field", collection)
				}
			}()
			tenant.AddField(collection, "x")
		}()
	}
}

// People at work move the stamps that a poll looks at.
func TestPeopleMoveStamps(t *testing.T) {
	tenant := Small()
	now := time.Date(2026, 6, 9, 8, 30, 0, 250e6, time.UTC)
	tenant.SetClock(func() time.Time { return now })
	tracked := tenant.Get("Tickets", firstTicket)["lastTrackedModificationDateTime"]
	tenant.Add("Tickets/70211/Notes", Row{"title": "N", "description": "T", "noteType": 3, "publish": 2})
	if got := tenant.Get("Tickets", firstTicket); got["lastActivityDate"] != fixedStamp || got["lastTrackedModificationDateTime"] != tracked {
		t.Errorf("after a note %v %v", got["lastActivityDate"], got["lastTrackedModificationDateTime"])
	}
	now = now.Add(time.Hour)
	tenant.Update("TimeEntries", 55010, Row{"summaryNotes": "x"})
	if got := tenant.Get("Tickets", firstTicket); got["lastActivityDate"] != "2026-06-09T09:30:00.25Z" {
		t.Errorf("after time %v", got["lastActivityDate"])
	}
	now = now.Add(time.Hour)
	tenant.Update("Tickets", firstTicket, Row{"status": StatusComplete})
	if got := tenant.Get("Tickets", firstTicket); got["completedDate"] != "2026-06-09T10:30:00.25Z" || got["lastTrackedModificationDateTime"] != got["completedDate"] {
		t.Errorf("complete %v", got)
	}
	tenant.Update("Tickets", firstTicket, Row{"status": 1})
	if got := tenant.Get("Tickets", firstTicket); got["completedDate"] != nil {
		t.Errorf("reopened %v", got["completedDate"])
	}
	tenant.Update("Tickets", firstTicket, Row{"status": StatusComplete, "completedDate": "2026-01-01T00:00:00Z"})
	if got := tenant.Get("Tickets", firstTicket); got["completedDate"] != "2026-01-01T00:00:00Z" {
		t.Errorf("given %v", got["completedDate"])
	}
}
