package connectwisetest

import "github.com/psasync/psasync/internal/simulator"

// plants returns what generated tenants hold in keys that nobody needs to keep:
// money and secrets. No two are equal and none is part of another.
func plants() []simulator.Planted {
	return []simulator.Planted{
		{Entity: "Member", Field: "hourlyCost", Value: 61730.1901},
		{Entity: "Member", Field: "hourlyRate", Value: 61731.2902},
		{Entity: "Member", Field: "password", Value: "canary-member-password-7c1f"},
		{Entity: "Member", Field: "token", Value: "canary-member-token-9e40"},
		{Entity: "WorkRole", Field: "hourlyRate", Value: 61732.3903},
		{Entity: "WorkType", Field: "rate", Value: 61733.4904},
		{Entity: "WorkType", Field: "costMultiplier", Value: 61734.5905},
		{Entity: "ServiceTemplate", Field: "billingAmount", Value: 61735.6906},
		{Entity: "Ticket", Field: "hourlyRate", Value: 61736.7907},
		{Entity: "Ticket", Field: "billingAmount", Value: 61737.8908},
		{Entity: "Ticket", Field: "subBillingAmount", Value: 61738.9909},
		{Entity: "Ticket", Field: "estimatedTimeCost", Value: 61739.1911},
		{Entity: "Ticket", Field: "estimatedTimeRevenue", Value: 61740.2912},
		{Entity: "TimeEntry", Field: "hourlyRate", Value: 61741.3913},
		{Entity: "TimeEntry", Field: "hourlyCost", Value: "61742.4914"},
		{Entity: "TimeEntry", Field: "overageRate", Value: 61743.5915},
		{Entity: "TimeEntry", Field: "agreementAmount", Value: 61744.6916},
		{Entity: "TimeEntry", Field: "extendedInvoiceAmount", Value: 61745.7917},
		{Entity: "Contact", Field: "portalPassword", Value: "canary-portal-password-51d2"},
	}
}

// Canaries returns the money and secrets planted in generated tenants. The API
// returns them unless the fields parameter leaves them out; a program that
// keeps one of them keeps too much.
func Canaries() []Canary { return simulator.Canaries(plants(), "") }

// plant adds the canaries of an entity to a row.
func plant(entity string, row Row) Row { return simulator.Plant(plants(), entity, row) }

// privates returns texts of generated tenants that only technicians read.
func privates() []simulator.Planted {
	return []simulator.Planted{
		{Entity: "ServiceNote", Field: "text", Value: privateNote},
		{Entity: "TimeEntry", Field: "internalNotes", Value: privateTime},
	}
}

// Privates returns the texts planted where only technicians read them, as part
// of longer ones. They may go to where technicians read them, too, and into
// nothing that is told of a run.
func Privates() []Canary { return simulator.Canaries(privates(), "") }

const (
	privateNote = "canary-internal-note-8b21"
	privateTime = "canary-internal-analysis-c07e"
)

// Taint gives the tenant an alphabet of its own, to tell what comes from it from
// what comes from another one: planted values become others, see
// [Tenant.Canaries], and the texts that people write end in word. It is for a
// generated tenant, once, before anything else; rows that are made when they
// are read stay as they are.
func (t *Tenant) Taint(word string) {
	t.mu.Lock()
	t.word = word
	t.mu.Unlock()
	t.store.Taint(word, append(plants(), privates()...), map[string][]string{
		"companies": {"name"}, "contacts": {"lastName"}, "tickets": {"summary"}, "notes": {"text"}, "timeEntries": {"notes", "internalNotes"},
	})
}

// Canaries returns what [Canaries] does, as this tenant spells it.
func (t *Tenant) Canaries() []Canary { return simulator.Canaries(plants(), t.spelling()) }

// Privates returns what [Privates] does, as this tenant spells it.
func (t *Tenant) Privates() []Canary { return simulator.Canaries(privates(), t.spelling()) }

func (t *Tenant) spelling() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.word
}
