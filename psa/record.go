package psa

import (
	"encoding/hex"
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

// MarshalText returns 32 hexadecimal digits, or nothing for the zero Hash.
func (h Hash) MarshalText() ([]byte, error) {
	if h.IsZero() {
		return nil, nil
	}
	return []byte(hex.EncodeToString(h[:])), nil
}

// UnmarshalText reads the form of MarshalText.
func (h *Hash) UnmarshalText(b []byte) error {
	*h = Hash{}
	if len(b) == 0 {
		return nil
	}
	if len(b) != 2*len(h) {
		return fmt.Errorf("psa: a hash has %d digits, not %d", 2*len(h), len(b))
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// A Record is one row of a kind. Its JSON form is what stores keep: all of it
// but Unchanged and Err.
type Record struct {
	Ref
	Parent    Ref             `json:"parent,omitzero"`   // board of a status, ticket of a note, company of a contact; zero if none
	Version   string          `json:"version,omitempty"` // opaque token for optimistic concurrency; "" where the vendor has none
	Updated   time.Time       `json:"updated,omitzero"`  // the vendor's clock, UTC; zero if the vendor tells none
	Active    bool            `json:"active"`            // false: kept since old tickets point at it, never offered as an option
	Fields    Fields          `json:"fields"`            // canonical names, see Schema
	Raw       json.RawMessage `json:"raw,omitempty"`     // what the vendor sent, less what is denied (money, secrets)
	Hash      Hash            `json:"hash,omitzero"`     // zero where the provider does not hash
	Unchanged bool            `json:"-"`                 // known by hash: only Ref and Hash are set, and Parent where rows are listed by parent
	Err       error           `json:"-"`                 // this row could not be decoded; Ref is set where the id was readable, and the list goes on
}

// Name returns the field "name", or "" if it is absent or no string.
func (r Record) Name() string { return r.Fields.String("name") }
