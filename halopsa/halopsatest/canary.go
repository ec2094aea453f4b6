package halopsatest

import "github.com/psasync/psasync/internal/simulator"

// plants returns what generated tenants hold in keys that nobody needs to keep:
// money and secrets. No two are equal and none is part of another.
func plants() []simulator.Planted {
	return []simulator.Planted{
		{Entity: "Agent", Field: "costprice", Value: 71830.1901},
		{Entity: "Agent", Field: "chargerate", Value: 7183121},
		{Entity: "Agent", Field: "orion_password", Value: "canary-orion-password-4f10"},
		{Entity: "Agent", Field: "new_access_token", Value: "canary-agent-token-83bd"},
		{Entity: "Client", Field: "hourlyrate", Value: 71831.2902},
		{Entity: "Client", Field: "hourlyrate2", Value: 71832.3903},
		{Entity: "Client", Field: "teamviewerpassword", Value: "canary-teamviewer-password-19c2"},
		{Entity: "Client", Field: "api_access_clientsecret", Value: "canary-client-secret-6ea7"},
		{Entity: "Client", Field: "twilio_subaccount_authtoken", Value: "canary-twilio-token-d05b"},
		{Entity: "Category", Field: "chargerate", Value: 7183323},
		{Entity: "Outcome", Field: "chargerate", Value: 7183424},
		{Entity: "TicketType", Field: "chargerate", Value: 7183525},
		{Entity: "Lookup", Field: "value2", Value: "71836.4904"},
		{Entity: "Action", Field: "actionchargeamount", Value: 71837.5905},
		{Entity: "Action", Field: "actionnonchargeamount", Value: 71838.6906},
	}
}

// Canaries returns the money and secrets planted in generated tenants. The API
// returns them and cannot leave them out (those of a Lookup are in list 17,
// the charge rates); a program that keeps one of them keeps too much.
func Canaries() []Canary { return simulator.Canaries(plants(), "") }

// plant adds the canaries of an entity to a row.
func plant(entity string, row Row) Row { return simulator.Plant(plants(), entity, row) }

// privates returns texts of generated tenants that only technicians read.
func privates() []simulator.Planted {
	return []simulator.Planted{
		{Entity: "Action", Field: "note", Value: privateNote},
	}
}

// Privates returns the texts planted where only technicians read them, as part
// of longer ones. They may go to where technicians read them, too, and into
// nothing that is told of a run.
func Privates() []Canary { return simulator.Canaries(privates(), "") }

const privateNote = "canary-internal-note-5ac8"

// Taint gives the tenant an alphabet of its own, to tell what comes from it from
// what comes from another one: planted values become others, see
// [Tenant.Canaries], and the texts that people write end in word. It is for a
// generated tenant, once, before anything else; rows that are made when they
// are read stay as they are.
func (t *Tenant) Taint(word string) {
	defer t.version.Add(1)
	t.word.Store(&word)
	t.store.Taint(word, append(plants(), privates()...), map[string][]string{
		"/Client": {"name"}, "/Users": {"name", "surname"}, "/Tickets": {"summary", "details", "details_html"}, "/Actions": {"note", "note_html"},
	})
}

// Canaries returns what [Canaries] does, as this tenant spells it.
func (t *Tenant) Canaries() []Canary { return simulator.Canaries(plants(), t.spelling()) }

// Privates returns what [Privates] does, as this tenant spells it.
func (t *Tenant) Privates() []Canary { return simulator.Canaries(privates(), t.spelling()) }

func (t *Tenant) spelling() string {
	if w := t.word.Load(); w != nil {
		return *w
	}
	return ""
}
