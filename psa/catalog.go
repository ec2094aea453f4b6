package psa

// A Catalog tells what values an account offers at one moment. A
// cache.Snapshot is one; a host describes its own tables with another.
// Catalogs are immutable and safe for concurrent use.
type Catalog interface {
	// Fields returns the fields of a kind, custom fields included, sorted by
	// name; nil if the kind is not offered.
	Fields(kind Kind) []Field
	// Scopes returns where rows of a kind may be used, see Feature.Scopes.
	Scopes(kind Kind) []Scope
	// Options returns the active rows of a kind in display order. scope is the
	// id of a row of the kind's first scope; "" returns the rows of all scopes.
	Options(kind Kind, scope string) Options
	// Find returns the row of a name within a scope, inactive rows included.
	// Without an exact match it folds case and space. ok is false if there is
	// none or if several active rows match.
	Find(kind Kind, scope, name string) (ref Ref, ok bool)
}

// Options are the choices of a dropdown in display order. The slice is shared:
// do not modify it.
type Options []Option

// An Option is one choice.
type Option struct {
	Ref
	Name    string
	Scope   string // id of the row of the kind's first scope; "" if it has none
	Default bool
	Closed  Tri // of a status: whether it closes the ticket
}

// Severity ranks a [Finding].
type Severity uint8

// Severities in rising order.
const (
	Info Severity = iota
	Warning
	Failure
)

// String returns "info", "warning" or "error".
func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	default:
		return "error"
	}
}

// MarshalText writes the form of String.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Finding is something a person should look at: a duplicate name, a rule of
// a field map that a change broke.
type Finding struct {
	Severity Severity `json:"severity"`
	Code     string   `json:"code"`            // stable, e.g. "duplicate-name"
	Kind     Kind     `json:"kind,omitempty"`  // the kind concerned
	ID       string   `json:"id,omitempty"`    // the row concerned
	Where    string   `json:"where,omitempty"` // file:line:column of a rule
	Message  string   `json:"message"`         // what is wrong and what to do
}
