package autotasktest

import (
	"slices"

	"github.com/psasync/psasync/internal/simulator"
)

// plants returns what generated tenants hold in keys that nobody needs to keep:
// money and secrets. No two are equal and none is part of another.
func plants() []simulator.Planted {
	return []simulator.Planted{
		{Entity: "Resources", Field: "internalCost", Value: 71730.1901},
		{Entity: "Resources", Field: "accountingReferenceID", Value: "canary-payroll-ref-4be1"},
		{Entity: "Resources", Field: "payrollType", Value: 4_171_729},
		{Entity: "Roles", Field: "hourlyRate", Value: 71731.2902},
		{Entity: "Roles", Field: "hourlyFactor", Value: 71732.3903},
		{Entity: "BillingCodes", Field: "unitCost", Value: 71733.4904},
		{Entity: "BillingCodes", Field: "unitPrice", Value: 71734.5905},
		{Entity: "BillingCodes", Field: "markupRate", Value: 71735.6906},
		{Entity: "Contracts", Field: "estimatedCost", Value: 71736.7907},
		{Entity: "Contracts", Field: "estimatedRevenue", Value: 71737.8908},
		{Entity: "Contracts", Field: "setupFee", Value: 71738.9909},
		{Entity: "Contracts", Field: "overageBillingRate", Value: 71739.1911},
		{Entity: "Contracts", Field: "internalCurrencyOverageBillingRate", Value: 71740.2912},
		{Entity: "Contracts", Field: "internalCurrencySetupFee", Value: 71741.3913},
		{Entity: "Companies", Field: "assetValue", Value: 71742.4914},
		{Entity: "Companies", Field: "taxID", Value: "canary-tax-id-90c3"},
	}
}

// Canaries returns the money and secrets planted in generated tenants. The API
// returns them unless includeFields leaves them out; a program that keeps one
// of them keeps too much. The value of an encrypted user-defined field is one
// of them.
func Canaries() []Canary { return simulator.Canaries(allPlants(), "") }

func allPlants() []simulator.Planted {
	return slices.Insert(plants(), 0, simulator.Planted{Entity: "Companies", Field: secretUDF, Value: secretValue})
}

// secretUDF is an encrypted field of companies, and what it holds.
const (
	secretUDF   = "Router password"
	secretValue = "canary-router-password-2f6d"
)

// plant adds the canaries of a collection to a row.
func plant(collection string, row Row) Row { return simulator.Plant(plants(), collection, row) }

// privates returns texts of generated tenants that only technicians read.
func privates() []simulator.Planted {
	return []simulator.Planted{
		{Entity: "TicketNotes", Field: "description", Value: privateNote},
		{Entity: "TimeEntries", Field: "internalNotes", Value: privateTime},
	}
}

// Privates returns the texts planted where only technicians read them, as part
// of longer ones. They may go to where technicians read them, too, and into
// nothing that is told of a run.
func Privates() []Canary { return simulator.Canaries(privates(), "") }

const (
	privateNote = "canary-internal-note-7d35"
	privateTime = "canary-internal-summary-e19a"
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
	t.store.Taint(word, append(allPlants(), privates()...), map[string][]string{
		"Companies": {"companyName"}, "Contacts": {"lastName"}, "Tickets": {"title"}, "TicketNotes": {"description"}, "TimeEntries": {"summaryNotes", "internalNotes"},
	})
}

// Canaries returns what [Canaries] does, as this tenant spells it.
func (t *Tenant) Canaries() []Canary { return simulator.Canaries(allPlants(), t.spelling()) }

// Privates returns what [Privates] does, as this tenant spells it.
func (t *Tenant) Privates() []Canary { return simulator.Canaries(privates(), t.spelling()) }

func (t *Tenant) spelling() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.word
}
