package cache

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/psasync/psasync/psa"
)

// A Delta is what a commit has to write, once everything in the batch that
// changes nothing is left out. Refs are unique over its three lists.
type Delta struct {
	Put     []psa.Record // new rows and rows with other content: they begin at the new version
	Refresh []psa.Record // rows of the same content but other bytes: they replace, without a new version
	End     []psa.Ref    // rows that end at the new version
	Added   int          // how many of Put are new
}

// Changes reports whether the delta makes a new version.
func (d Delta) Changes() bool { return len(d.Put)+len(d.End) > 0 }

// Apply is the step of every Store: it returns the snapshot that follows s
// under the rules of [Store], and what has to be written for it. s itself
// stays as it is. What it costs grows with the batch and with the row count of
// the kinds in it; the others are shared.
func (s *Snapshot) Apply(from Version, b Batch) (*Snapshot, Delta, error) {
	if b.At.IsZero() {
		b.At = time.Now()
	}
	if err := s.refuse(from, b); err != nil {
		return nil, Delta{}, err
	}
	edits, d, err := s.edits(b)
	if err != nil {
		return nil, Delta{}, err
	}
	v := s.meta.Version
	if d.Changes() {
		v++
	}
	return s.with(s.meta.merge(b, v), edits), d, nil
}

func (s *Snapshot) refuse(from Version, b Batch) error {
	switch m := s.meta; {
	case b.Token != 0 && b.Token < m.Token:
		return fmt.Errorf("cache: %s: token %d is older than %d: %w", m.Source, b.Token, m.Token, ErrFenced)
	case from != m.Version:
		return fmt.Errorf("cache: %s: version is %d, not %d: %w", m.Source, m.Version, from, ErrStale)
	case b.Provider != "" && m.Provider != "" && b.Provider != m.Provider:
		return &psa.Error{Provider: b.Provider, Op: "commit", Code: psa.ErrOtherInstance,
			Detail: fmt.Sprintf("source %q was filled by provider %q", m.Source, m.Provider)}
	case b.Instance.ID != "" && m.Instance.ID != "" && b.Instance.ID != m.Instance.ID:
		return &psa.Error{Provider: b.Provider, Op: "commit", Code: psa.ErrOtherInstance,
			Detail: fmt.Sprintf("source %q was filled from %q, not %q", m.Source, m.Instance.ID, b.Instance.ID)}
	}
	return nil
}

// edits sorts the batch by kind and id and drops what changes nothing.
func (s *Snapshot) edits(b Batch) (map[psa.Kind][]edit, Delta, error) {
	all := make([]edit, 0, len(b.Put)+len(b.End))
	for i := range b.Put {
		r := b.Put[i]
		if err := checkRow(r); err != nil {
			return nil, Delta{}, err
		}
		r.Updated = r.Updated.UTC()
		r.Raw = slices.Clip(r.Raw)
		all = append(all, edit{r.Ref, &r})
	}
	for _, ref := range b.End {
		all = append(all, edit{ref: ref})
	}
	if !slices.IsSortedFunc(all, compareEdits) {
		slices.SortFunc(all, compareEdits)
	}
	var d Delta
	edits := map[psa.Kind][]edit{}
	for i, e := range all {
		if i > 0 && all[i-1].ref == e.ref {
			return nil, Delta{}, invalid(e.ref, "it is in the batch twice")
		}
		old := s.row(e.ref)
		switch {
		case e.row == nil && old == nil, e.row != nil && old != nil && identical(old, e.row):
			continue
		case e.row == nil:
			d.End = append(d.End, e.ref)
		case old == nil:
			d.Added++
			d.Put = append(d.Put, *e.row)
		case sameContent(old, e.row):
			d.Refresh = append(d.Refresh, *e.row)
		default:
			d.Put = append(d.Put, *e.row)
		}
		edits[e.ref.Kind] = append(edits[e.ref.Kind], e)
	}
	return edits, d, nil
}

func compareEdits(a, b edit) int { return compareRefs(a.ref, b.ref) }

// sameContent reports whether two rows say the same, whatever their bytes and
// stamps. Hosts see no difference between them.
func sameContent(a, b *psa.Record) bool {
	return a.Parent == b.Parent && a.Active == b.Active && a.Fields.Equal(b.Fields)
}

func identical(a, b *psa.Record) bool {
	return a.Hash == b.Hash && a.Version == b.Version && a.Updated.Equal(b.Updated) &&
		bytes.Equal(a.Raw, b.Raw) && sameContent(a, b)
}

func invalid(ref psa.Ref, why string) error {
	return &psa.Error{Op: "commit", Ref: ref, Code: psa.ErrInvalid, Detail: why}
}

// checkRow refuses what would not come back from every store as it went in.
func checkRow(r psa.Record) error {
	switch {
	case r.Kind == "" || r.ID == "":
		return invalid(r.Ref, "a row needs a kind and an id")
	case r.Err != nil:
		return invalid(r.Ref, "the row could not be decoded")
	case r.Unchanged:
		return invalid(r.Ref, "an unchanged row has no content to store")
	case !validText(r.ID, r.Version, string(r.Kind), r.Parent.ID, string(r.Parent.Kind)):
		return invalid(r.Ref, "the text is not UTF-8")
	case len(r.Raw) > 0 && !json.Valid(r.Raw):
		return invalid(r.Ref, "the vendor's row is not JSON")
	}
	if why := checkValue(r.Fields); why != "" {
		return invalid(r.Ref, why)
	}
	return nil
}

func validText(texts ...string) bool {
	return !slices.ContainsFunc(texts, func(s string) bool { return !utf8.ValidString(s) })
}

func checkValue(v any) string {
	switch v := v.(type) {
	case nil, bool:
		return ""
	case string:
		if !utf8.ValidString(v) {
			return "the text is not UTF-8"
		}
		return ""
	case json.Number:
		if plainNumber(string(v)) {
			return ""
		}
		if c, err := psa.Canonical(v); err != nil || c != v {
			return fmt.Sprintf("%.40q is no canonical number", string(v))
		}
		return ""
	case psa.Fields:
		for name, v := range v {
			if !utf8.ValidString(name) {
				return "the text is not UTF-8"
			}
			if why := checkValue(v); why != "" {
				return join(name, why)
			}
		}
		return ""
	case []any:
		for _, v := range v {
			if why := checkValue(v); why != "" {
				return why
			}
		}
		return ""
	default:
		return fmt.Sprintf("a %T is no canonical value", v)
	}
}

// plainNumber reports whether s is a short number in canonical form, as nearly
// all are. It costs a hundredth of what psa.Canonical takes for a fraction.
func plainNumber(s string) bool {
	whole, fraction, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	for _, digits := range [2]string{whole, fraction} {
		for i := range len(digits) {
			if digits[i] < '0' || digits[i] > '9' {
				return false
			}
		}
	}
	return whole != "" && len(s) <= 40 && s != "-0" && (whole == "0" || whole[0] != '0') &&
		(!point || fraction != "" && fraction[len(fraction)-1] != '0')
}

func join(name, why string) string {
	if strings.Contains(why, ": ") {
		return name + "." + why
	}
	return name + ": " + why
}

// with returns s under other meta data and with the rows of some kinds edited.
func (s *Snapshot) with(m Meta, edits map[psa.Kind][]edit) *Snapshot {
	next := &Snapshot{meta: m, tables: s.tables}
	if len(edits) > 0 {
		next.tables = maps.Clone(s.tables)
		if next.tables == nil {
			next.tables = make(map[psa.Kind]table, len(edits))
		}
		for kind, es := range edits {
			next.tables[kind] = next.tables[kind].merge(es)
			if len(next.tables[kind]) == 0 {
				delete(next.tables, kind)
			}
		}
	}
	next.build(s)
	return next
}

// Advance returns the snapshot that another process made of s: its meta data,
// the rows that are new or other, and the refs of those that ended. It is for
// stores that read what they did not write themselves; nothing is checked but
// that no ref comes twice.
func (s *Snapshot) Advance(m Meta, put []psa.Record, end []psa.Ref) (*Snapshot, error) {
	all := make([]edit, 0, len(put)+len(end))
	for i := range put {
		r := put[i]
		all = append(all, edit{r.Ref, &r})
	}
	for _, ref := range end {
		all = append(all, edit{ref: ref})
	}
	slices.SortFunc(all, compareEdits)
	edits := map[psa.Kind][]edit{}
	for i, e := range all {
		if i > 0 && all[i-1].ref == e.ref {
			return nil, fmt.Errorf("cache: %s: two rows of %v: %w", m.Source, e.ref, ErrCorrupt)
		}
		edits[e.ref.Kind] = append(edits[e.ref.Kind], e)
	}
	return s.with(m.clone(), edits), nil
}
