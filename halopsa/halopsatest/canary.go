package halopsatest

import "fmt"

// planted is a value that nobody needs to keep: money or a secret.
type planted struct {
	entity, field string
	value         any
}

// plants returns what generated tenants hold in such keys. No two are equal
// and none is part of another.
func plants() []planted {
	return []planted{
		{"Agent", "costprice", 71830.1901},
		{"Agent", "chargerate", 7183121},
		{"Agent", "orion_password", "canary-orion-password-4f10"},
		{"Agent", "new_access_token", "canary-agent-token-83bd"},
		{"Client", "hourlyrate", 71831.2902},
		{"Client", "hourlyrate2", 71832.3903},
		{"Client", "teamviewerpassword", "canary-teamviewer-password-19c2"},
		{"Client", "api_access_clientsecret", "canary-client-secret-6ea7"},
		{"Client", "twilio_subaccount_authtoken", "canary-twilio-token-d05b"},
		{"Category", "chargerate", 7183323},
		{"Outcome", "chargerate", 7183424},
		{"TicketType", "chargerate", 7183525},
		{"Lookup", "value2", "71836.4904"},
		{"Action", "actionchargeamount", 71837.5905},
		{"Action", "actionnonchargeamount", 71838.6906},
	}
}

// Canaries returns the money and secrets planted in generated tenants. The API
// returns them and cannot leave them out (those of a Lookup are in list 17,
// the charge rates); a program that keeps one of them keeps too much.
func Canaries() []Canary {
	var out []Canary
	for _, p := range plants() {
		out = append(out, Canary{Entity: p.entity, Field: p.field, Value: fmt.Sprint(p.value)})
	}
	return out
}

// plant adds the canaries of an entity to a row.
func plant(entity string, row Row) Row {
	for _, p := range plants() {
		if p.entity == entity {
			row[p.field] = p.value
		}
	}
	return row
}
