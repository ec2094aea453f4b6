package cache

import (
	"maps"
	"slices"
	"time"

	"github.com/psasync/psasync/psa"
)

// Meta is what a snapshot tells about itself. Its JSON form is what stores
// keep.
type Meta struct {
	Source   string                `json:"source"`
	Version  Version               `json:"version"`
	Provider string                `json:"provider,omitempty"`
	Instance psa.Instance          `json:"instance,omitzero"`
	At       time.Time             `json:"at,omitzero"` // of the last commit, by its caller's clock, UTC
	Run      string                `json:"run,omitempty"`
	Token    int64                 `json:"token,omitempty"` // the greatest fencing token seen
	Kinds    map[psa.Kind]KindMeta `json:"kinds,omitempty"`
}

// KindMeta is what is known of one kind beside its rows: what the provider's
// psa.Feature declares of it, and how fresh it is. Record kinds have one too,
// so that forms know their fields.
type KindMeta struct {
	Term        string      `json:"term,omitempty"`         // what the vendor's own users call it
	Parent      psa.Kind    `json:"parent,omitempty"`       // kind of Record.Parent
	Scopes      []psa.Scope `json:"scopes,omitempty"`       // where a row may be used
	NamesRepeat bool        `json:"names_repeat,omitempty"` // two rows may share a name even within a scope
	Required    []string    `json:"required,omitempty"`     // fields a create cannot do without
	// Fields names the canonical fields the provider has. Nil: those of
	// psa.Schema that point at nothing or at a kind that is offered.
	Fields []string `json:"fields,omitempty"`

	// Fresh is when the kind was last read completely; zero: never. A batch
	// that leaves it zero keeps the present value.
	Fresh time.Time `json:"fresh,omitzero"`
	// Stale says why the last read failed; "" if it did not.
	Stale string `json:"stale,omitempty"`
	// StaleSince is when reading began to fail. A batch that leaves it zero
	// beside a Stale keeps the present value, or else takes Batch.At.
	StaleSince time.Time `json:"stale_since,omitzero"`
}

// KindMetaOf returns what a feature declares, for a kind read completely at
// fresh.
func KindMetaOf(f psa.Feature, fresh time.Time) KindMeta {
	return KindMeta{
		Term: f.Term, Parent: f.Parent, Scopes: slices.Clone(f.Scopes),
		NamesRepeat: f.NamesRepeat, Required: slices.Clone(f.Required), Fresh: fresh,
	}
}

// merge returns the meta data after b at the given version.
func (m Meta) merge(b Batch, v Version) Meta {
	m.Version = v
	m.At = b.At.UTC()
	m.Run = b.Run
	m.Token = max(m.Token, b.Token)
	if b.Provider != "" {
		m.Provider = b.Provider
	}
	if b.Instance.ID != "" {
		m.Instance = b.Instance
	}
	if len(b.Kinds) > 0 {
		kinds := make(map[psa.Kind]KindMeta, len(m.Kinds)+len(b.Kinds))
		maps.Copy(kinds, m.Kinds)
		for kind, k := range b.Kinds {
			kinds[kind] = kinds[kind].merge(k, m.At)
		}
		m.Kinds = kinds
	}
	return m
}

func (old KindMeta) merge(k KindMeta, at time.Time) KindMeta {
	k = k.clone()
	if k.Fresh.IsZero() {
		k.Fresh = old.Fresh
	}
	k.Fresh = k.Fresh.UTC()
	switch {
	case k.Stale == "":
		k.StaleSince = time.Time{}
	case k.StaleSince.IsZero() && old.Stale != "":
		k.StaleSince = old.StaleSince
	case k.StaleSince.IsZero():
		k.StaleSince = at
	}
	k.StaleSince = k.StaleSince.UTC()
	return k
}

func (k KindMeta) clone() KindMeta {
	k.Scopes = slices.Clone(k.Scopes)
	k.Required = slices.Clone(k.Required)
	k.Fields = slices.Clone(k.Fields)
	return k
}

func (m Meta) clone() Meta {
	m.Kinds = maps.Clone(m.Kinds)
	for kind, k := range m.Kinds {
		m.Kinds[kind] = k.clone()
	}
	return m
}
