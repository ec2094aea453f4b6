package cache

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/psasync/psasync/psa"
)

var anyID = rapid.OneOf(rapid.StringMatching(`-?[0-9]{1,4}`), rapid.StringMatching(`[0-9a:-]{0,3}`), rapid.String())

// TestIDOrderIsTotal: sorting and binary search rely on it.
func TestIDOrderIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyID.Draw(t, "a"), anyID.Draw(t, "b"), anyID.Draw(t, "c")
		ab, ba := compareIDs(a, b), compareIDs(b, a)
		if ab != -ba {
			t.Fatalf("%q and %q: %d and %d", a, b, ab, ba)
		}
		if (ab == 0) != (a == b) {
			t.Fatalf("%q and %q compare as %d", a, b, ab)
		}
		if ab <= 0 && compareIDs(b, c) <= 0 && compareIDs(a, c) > 0 {
			t.Fatalf("%q <= %q <= %q, but not the first and last", a, b, c)
		}
	})
}

// TestFoldAgrees: the way without allocation folds like the other.
func TestFoldAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`[ \tA-Za-z]{0,20}`), rapid.String()).Draw(t, "s")
		if twice := fold(fold(s)); twice != fold(s) {
			t.Fatalf("%q folds to %q, and that to %q", s, fold(s), twice)
		}
		var buf [64]byte
		if b, ok := foldASCII(buf[:0], s); ok {
			// One letter outside ASCII takes the other way.
			if other := fold("é " + s); other != "é" && other != "é "+string(b) {
				t.Fatalf("%q folds to %q and %q", s, b, other)
			}
		}
	})
}

func TestNearest(t *testing.T) {
	names := []string{"In Progress", "Closed", "Completed", "New", "Waiting on Client", "Waiting on Vendor"}
	for name, want := range map[string][]string{
		"Clsoed":      {"Closed"},
		"in  progres": {"In Progress"},
		"waiting":     {"Waiting on Client", "Waiting on Vendor"},
		"Completd":    {"Completed"},
		"new":         {"New"},
		"zzzzzz":      nil,
	} {
		if got := nearest(name, names); !slices.Equal(got, want) {
			t.Errorf("%q: %q, not %q", name, got, want)
		}
	}
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"ünter", "unter", 1}} {
		if got := distance(tt.a, tt.b, 10); got != tt.want {
			t.Errorf("%q and %q: %d, not %d", tt.a, tt.b, got, tt.want)
		}
	}
	if got := distance("aaaaaaaa", "bbbbbbbb", 2); got <= 2 {
		t.Errorf("far apart: %d", got)
	}
}

// TestHashIndex fills the index with hashes that fall into one slot.
func TestHashIndex(t *testing.T) {
	var rows table
	hash := func(i int) (h psa.Hash) {
		binary.LittleEndian.PutUint64(h[:], 3) // the slot
		binary.LittleEndian.PutUint64(h[8:], uint64(i))
		return h
	}
	for i := range 100 {
		rows = append(rows, &psa.Record{Ref: psa.Ref{Kind: psa.KindBoard, ID: string(rune('a' + i))}, Hash: hash(i)})
	}
	ix := newHashIndex(map[psa.Kind]table{psa.KindBoard: rows})
	for i, r := range rows {
		if ref, ok := ix.Known(hash(i)); !ok || ref != r.Ref {
			t.Errorf("hash %d leads to %v, %v", i, ref, ok)
		}
	}
	if _, ok := ix.Known(hash(100)); ok {
		t.Error("an unknown hash is known")
	}
	if perRow := len(ix.slots) * 4 / len(rows); perRow > 12 {
		t.Errorf("the index takes %d bytes a row", perRow)
	}
	if _, ok := newHashIndex(nil).Known(hash(1)); ok {
		t.Error("an empty index knows a hash")
	}
}

// TestSharing: a commit builds anew what it touched and nothing else.
func TestSharing(t *testing.T) {
	row := func(kind psa.Kind, id string) psa.Record {
		return psa.Record{Ref: psa.Ref{Kind: kind, ID: id}, Active: true, Fields: psa.Fields{"name": id}}
	}
	m := Meta{Source: "a", Version: 1, Kinds: map[psa.Kind]KindMeta{psa.KindStatus: {Scopes: []psa.Scope{{Kind: psa.KindTicketType, Via: "statuses", Reverse: true}}}}}
	s, err := NewSnapshot(m, slices.Values([]psa.Record{row(psa.KindBoard, "1"), row(psa.KindStatus, "1"), row(psa.KindTicketType, "1"), row(psa.KindTeam, "1")}))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		batch Batch
		anew  []psa.Kind
	}{
		{Batch{}, nil},
		{Batch{Kinds: map[psa.Kind]KindMeta{psa.KindTeam: {Stale: "x"}}}, nil},
		{Batch{Kinds: map[psa.Kind]KindMeta{psa.KindTeam: {Scopes: []psa.Scope{{Kind: psa.KindBoard}}}}}, []psa.Kind{psa.KindTeam}},
		{Batch{Put: []psa.Record{row(psa.KindBoard, "2")}}, []psa.Kind{psa.KindBoard}},
		{Batch{Put: []psa.Record{row(psa.KindTicketType, "2")}}, []psa.Kind{psa.KindStatus, psa.KindTicketType}},
	} {
		next, _, err := s.Apply(1, tt.batch)
		if err != nil {
			t.Fatal(err)
		}
		var anew []psa.Kind
		for kind, ix := range next.indexes {
			if ix != s.indexes[kind] {
				anew = append(anew, kind)
			}
		}
		slices.Sort(anew)
		if !slices.Equal(anew, tt.anew) {
			t.Errorf("%+v builds %v anew, not %v", tt.batch, anew, tt.anew)
		}
	}
}

// Where no option has a label of its own, there are none: ConnectWise has
// values only, Autotask and HaloPSA tell both.
func TestFieldLabels(t *testing.T) {
	tests := map[string]struct {
		options         []any
		values, caption []string
	}{
		"ConnectWise": {[]any{psa.Fields{"id": "1", "value": "Red"}, psa.Fields{"id": "2", "value": "Blue"}}, []string{"Red", "Blue"}, nil},
		"Autotask": {[]any{psa.Fields{"id": "1", "value": "r", "label": "Red"}, psa.Fields{"id": "2", "value": "Blue", "label": "Blue"}},
			[]string{"r", "Blue"}, []string{"Red", "Blue"}},
		"HaloPSA": {[]any{psa.Fields{"id": "1", "value": "1", "label": "Red"}, psa.Fields{"id": "2", "value": "2", "label": ""}}, []string{"1", "2"}, []string{"Red", "2"}},
		"empty":   {nil, nil, nil},
	}
	for name, tt := range tests {
		r := psa.Record{Ref: psa.Ref{Kind: psa.KindCustomField, ID: "1"}, Active: true, Fields: psa.Fields{"options": tt.options}}
		values, labels := optionValues(&r)
		if d := cmp.Diff(tt.values, values) + cmp.Diff(tt.caption, labels); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}
