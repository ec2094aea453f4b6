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
	ContactName  string         `mapstructure:"contact_name"`
	ContactPhone string         `mapstructure:"contact_phone"`
	PONumber     string         `mapstructure:"po_number"`
	DueAt        string         `mapstructure:"due_at"`
	Resolution   string         `mapstructure:"resolution"`
	ExternalRef  string         `mapstructure:"external_ref"`
	Number       string         `mapstructure:"number"`
	URL          string         `mapstructure:"url"`
	CreatedAt    string         `mapstructure:"created_at"`
	Closed       bool           `mapstructure:"closed"`
	ContactEmail string         `mapstructure:"contact_email"`
	BudgetHours  json.Number    `mapstructure:"budget_hours"`
	WorkedHours  json.Number    `mapstructure:"worked_hours"`
	Company      named          `mapstructure:"company"`
	Contact      named          `mapstructure:"contact"`
	Site         named          `mapstructure:"site"`
	Agreement    named          `mapstructure:"agreement"`
	Board        named          `mapstructure:"board"`
	Team         named          `mapstructure:"team"`
	Location     named          `mapstructure:"location"`
	Source       named          `mapstructure:"source"`
	Impact       named          `mapstructure:"impact"`
	Priority     named          `mapstructure:"priority"`
	Status       named          `mapstructure:"status"`
	Owner        named          `mapstructure:"owner"`
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
