package autotasktest

import "fmt"

// planted is a value that nobody needs to keep: money or a secret.
type planted struct {
	collection, field string
	value             any
}

// plants returns what generated tenants hold in such keys. No two are equal
// and none is part of another.
func plants() []planted {
	return []planted{
		{"Resources", "internalCost", 71730.1901},
		{"Resources", "accountingReferenceID", "canary-payroll-ref-4be1"},
		{"Resources", "payrollType", 4_171_729},
		{"Roles", "hourlyRate", 71731.2902},
		{"Roles", "hourlyFactor", 71732.3903},
		{"BillingCodes", "unitCost", 71733.4904},
		{"BillingCodes", "unitPrice", 71734.5905},
		{"BillingCodes", "markupRate", 71735.6906},
		{"Contracts", "estimatedCost", 71736.7907},
		{"Contracts", "estimatedRevenue", 71737.8908},
		{"Contracts", "setupFee", 71738.9909},
		{"Contracts", "overageBillingRate", 71739.1911},
		{"Contracts", "internalCurrencyOverageBillingRate", 71740.2912},
		{"Contracts", "internalCurrencySetupFee", 71741.3913},
		{"Companies", "assetValue", 71742.4914},
		{"Companies", "taxID", "canary-tax-id-90c3"},
	}
}

// Canaries returns the money and secrets planted in generated tenants. The API
// returns them unless includeFields leaves them out; a program that keeps one
// of them keeps too much. The value of an encrypted user-defined field is one
// of them.
func Canaries() []Canary {
	out := []Canary{{Entity: "Companies", Field: secretUDF, Value: secretValue}}
	for _, p := range plants() {
		out = append(out, Canary{Entity: p.collection, Field: p.field, Value: fmt.Sprint(p.value)})
	}
	return out
}

// secretUDF is an encrypted field of companies, and what it holds.
const (
	secretUDF   = "Router password"
	secretValue = "canary-router-password-2f6d"
)

// plant adds the canaries of a collection to a row.
func plant(collection string, row Row) Row {
	for _, p := range plants() {
		if p.collection == collection {
			row[p.field] = p.value
		}
	}
	return row
}
