package benchmarks

import (
	"encoding/json"

	"github.com/go-viper/mapstructure/v2"

	"github.com/psasync/psasync/psa"
)

// A named is a reference as a struct.
type named struct {
	ID   string `mapstructure:"id"`
	Name string `mapstructure:"name"`
}

// A ticketStruct has a field for each field of the record that full returns.
type ticketStruct struct {
	Summary      string         `mapstructure:"summary"`
	Description  string         `mapstructure:"description"`
	Number       string         `mapstructure:"number"`
	URL          string         `mapstructure:"url"`
	ContactName  string         `mapstructure:"contact_name"`
	ContactEmail string         `mapstructure:"contact_email"`
	ContactPhone string         `mapstructure:"contact_phone"`
	PONumber     string         `mapstructure:"po_number"`
	WorkedHours  json.Number    `mapstructure:"worked_hours"`
	DueAt        string         `mapstructure:"due_at"`
	Resolution   string         `mapstructure:"resolution"`
	ExternalRef  string         `mapstructure:"external_ref"`
	CreatedAt    string         `mapstructure:"created_at"`
	CreatedBy    string         `mapstructure:"created_by"`
	UpdatedBy    string         `mapstructure:"updated_by"`
	ClosedAt     *string        `mapstructure:"closed_at"`
	Closed       bool           `mapstructure:"closed"`
	Board        named          `mapstructure:"board"`
	Company      named          `mapstructure:"company"`
	Contact      named          `mapstructure:"contact"`
	Site         named          `mapstructure:"site"`
	Agreement    named          `mapstructure:"agreement"`
	Team         named          `mapstructure:"team"`
	Source       named          `mapstructure:"source"`
	Type         named          `mapstructure:"type"`
	Subtype      named          `mapstructure:"subtype"`
	Priority     named          `mapstructure:"priority"`
	Status       named          `mapstructure:"status"`
	BudgetHours  json.Number    `mapstructure:"budget_hours"`
	Custom       map[string]any `mapstructure:"custom"`
}

// byStruct decodes a record into a struct and that into a map again. It
// renames and translates nothing: it is what the reflection alone costs.
func byStruct(in psa.Fields) (map[string]any, error) {
	var t ticketStruct
	if err := mapstructure.Decode(map[string]any(in), &t); err != nil {
		return nil, err
	}
	var out map[string]any
	err := mapstructure.Decode(t, &out)
	return out, err
}
