package connectwisetest

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
		{"Member", "hourlyCost", 61730.1901},
		{"Member", "hourlyRate", 61731.2902},
		{"Member", "password", "canary-member-password-7c1f"},
		{"Member", "token", "canary-member-token-9e40"},
		{"WorkRole", "hourlyRate", 61732.3903},
		{"WorkType", "rate", 61733.4904},
		{"WorkType", "costMultiplier", 61734.5905},
		{"ServiceTemplate", "billingAmount", 61735.6906},
		{"Ticket", "hourlyRate", 61736.7907},
		{"Ticket", "billingAmount", 61737.8908},
		{"Ticket", "subBillingAmount", 61738.9909},
		{"Ticket", "estimatedTimeCost", 61739.1911},
		{"Ticket", "estimatedTimeRevenue", 61740.2912},
		{"TimeEntry", "hourlyRate", 61741.3913},
		{"TimeEntry", "hourlyCost", "61742.4914"},
		{"TimeEntry", "overageRate", 61743.5915},
		{"TimeEntry", "agreementAmount", 61744.6916},
		{"TimeEntry", "extendedInvoiceAmount", 61745.7917},
		{"Contact", "portalPassword", "canary-portal-password-51d2"},
	}
}

// Canaries returns the money and secrets planted in generated tenants. The API
// returns them unless the fields parameter leaves them out; a program that
// keeps one of them keeps too much.
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
