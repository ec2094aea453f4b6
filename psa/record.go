package psa

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A Ref identifies one row within one provider.
type Ref struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id"` // the vendor's id, always a string
}

// IsZero reports whether r refers to nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// String returns "kind/id", or "" for the zero Ref. [ParseRef] reverses it.
func (r Ref) String() string {
	if r.IsZero() {
		return ""
	}
	return string(r.Kind) + "/" + r.ID
}

// ParseRef parses the form of [Ref.String]. The id may contain slashes.
func ParseRef(s string) (Ref, error) {
	if s == "" {
		return Ref{}, nil
	}
	kind, id, ok := strings.Cut(s, "/")
	if !ok || id == "" || !Kind(kind).Valid() {
		return Ref{}, fmt.Errorf("psa: %q is not kind/id", s)
	}
	return Ref{Kind: Kind(kind), ID: id}, nil
}

// A Hash identifies the bytes a vendor sent for one row, less what is denied,
// salted with the adapter's field map, the kind and the parent. Equal hashes
// mean equal canonical rows. The zero Hash means unknown.
type Hash [16]byte

// IsZero reports whether h is unknown.
func (h Hash) IsZero() bool { return h == Hash{} }

// A Record is one row of a kind.
type Record struct {
	Ref
	Parent    Ref             // board of a status, ticket of a note, company of a contact; zero if none
	Version   string          // opaque token for optimistic concurrency; "" where the vendor has none
	Updated   time.Time       // the vendor's clock, UTC; zero if the vendor tells none
	Active    bool            // false: kept since old tickets point at it, never offered as an option
	Fields    Fields          // canonical names, see Schema
	Raw       json.RawMessage // what the vendor sent, less what is denied (money, secrets)
	Hash      Hash            // zero where the provider does not hash
	Unchanged bool            // known by hash: only Ref, Parent and Hash are set
	Err       error           // this row could not be decoded; Ref is set where the id was readable, and the list goes on
}

// Name returns the field "name", or "" if it is absent or no string.
func (r Record) Name() string { return r.Fields.String("name") }
