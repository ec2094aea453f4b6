package cache_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

func TestOptions(t *testing.T) {
	cw, h := connectWise(t), halo(t)
	for _, tt := range []struct {
		snap  *cache.Snapshot
		kind  psa.Kind
		scope string
		want  string
	}{
		{cw, psa.KindBoard, "", "[2 1]"},
		{cw, psa.KindBoard, "whatever", "[2 1]"}, // boards have no scope
		{cw, psa.KindStatus, "1", "[10 12 11]"},
		{cw, psa.KindStatus, "2", "[21 20]"},
		{cw, psa.KindStatus, "", "[21 10 20 12 11]"},
		{cw, psa.KindStatus, "99", "[]"},
		{cw, psa.KindUrgency, "", "[]"},
		{h, psa.KindStatus, "1", "[1 9]"},
		{h, psa.KindStatus, "2", "[1 2 9]"}, // an empty list allows all
		{h, psa.KindStatus, "3", "[]"},
		{h, psa.KindTeam, "1", "[2]"},
		{h, psa.KindTeam, "2", "[1 2]"},
		{h, psa.KindPriority, "2", "[2-1 2-2]"},
	} {
		if got := optionIDs(tt.snap.Options(tt.kind, tt.scope)); got != tt.want {
			t.Errorf("%s of %q: %s, not %s", tt.kind, tt.scope, got, tt.want)
		}
	}
	want := psa.Option{Ref: psa.Ref{Kind: psa.KindStatus, ID: "10"}, Name: "New", Scope: "1", Default: true, Closed: psa.No}
	if got := cw.Options(psa.KindStatus, "1")[0]; got != want {
		t.Errorf("the option is %+v", got)
	}
	if got := h.Options(psa.KindStatus, "1")[0].Scope; got != "" {
		t.Errorf("a status of several ticket types has scope %q", got)
	}
}

// TestFreeRows: rows that name no scoping row are allowed in every scope.
func TestFreeRows(t *testing.T) {
	s := snapshot(t, cache.Meta{Kinds: map[psa.Kind]cache.KindMeta{psa.KindStatus: {Scopes: []psa.Scope{{Kind: psa.KindBoard}}}}},
		on("1", rec(psa.KindStatus, "1", "One", "order", 2)), rec(psa.KindStatus, "2", "Everywhere", "order", 1),
		on("1", rec(psa.KindStatus, "3", "Everywhere else", "order", 3)))
	for scope, want := range map[string]string{"1": "[2 1 3]", "2": "[2]", "": "[2 1 3]"} {
		if got := optionIDs(s.Options(psa.KindStatus, scope)); got != want {
			t.Errorf("%q: %s, not %s", scope, got, want)
		}
		if r, ok := s.Find(psa.KindStatus, scope, "everywhere"); !ok || r.ID != "2" {
			t.Errorf("%q: %v, %v", scope, r, ok)
		}
	}
	if o := s.Options(psa.KindStatus, "2")[0]; o.Scope != "" {
		t.Errorf("a row of every scope has scope %q", o.Scope)
	}
}

// TestSeveralScopes: a row may name several scoping rows.
func TestSeveralScopes(t *testing.T) {
	s := snapshot(t, cache.Meta{Kinds: map[psa.Kind]cache.KindMeta{psa.KindWorkRole: {Scopes: []psa.Scope{{Kind: psa.KindLocation, Via: "locations"}}}}},
		rec(psa.KindWorkRole, "1", "Engineer", "locations", []string{"a", "b", "a"}), rec(psa.KindWorkRole, "2", "Admin", "locations", []string{"b"}),
		rec(psa.KindWorkRole, "3", "Any", "locations", []string{}))
	for scope, want := range map[string]string{"a": "[3 1]", "b": "[2 3 1]", "c": "[3]", "": "[2 3 1]"} {
		if got := optionIDs(s.Options(psa.KindWorkRole, scope)); got != want {
			t.Errorf("%q: %s, not %s", scope, got, want)
		}
	}
}

func TestFind(t *testing.T) {
	cw := connectWise(t)
	long := strings.Repeat("Very Long Name ", 20)
	more, _, err := cw.Apply(1, cache.Batch{Put: []psa.Record{
		rec(psa.KindUrgency, "1", "High"), off(rec(psa.KindUrgency, "2", "Low")), off(rec(psa.KindUrgency, "3", "Low")),
		rec(psa.KindUrgency, "4", "Größe  M"), rec(psa.KindUrgency, "5", long), rec(psa.KindUrgency, "6", "high "), rec(psa.KindUrgency, "7", "x"), rec(psa.KindUrgency, "8", "x"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		kind        psa.Kind
		scope, name string
		want        string // id, "" if not found
	}{
		{psa.KindBoard, "", "Managed Services", "1"},
		{psa.KindBoard, "", " managed\t SERVICES ", "1"},
		{psa.KindBoard, "", "Managed", ""},
		{psa.KindBoard, "", "Old Board", "3"},
		{psa.KindBoard, "", "", ""},
		{psa.KindStatus, "1", "New", "10"},
		{psa.KindStatus, "2", "new", "20"},
		{psa.KindStatus, "", "New", ""}, // two boards have one
		{psa.KindStatus, "", "Triage", "21"},
		{psa.KindStatus, "1", "Triage", ""},
		{psa.KindStatus, "1", "waiting", "13"},
		{psa.KindImpact, "", "x", ""},
		{psa.KindUrgency, "", "High", "1"},
		{psa.KindUrgency, "", "high ", "6"},
		{psa.KindUrgency, "", "HIGH", ""}, // two fold to it
		{psa.KindUrgency, "", "Low", "2"}, // both inactive: the first
		{psa.KindUrgency, "", "größe m", "4"},
		{psa.KindUrgency, "", "GRÖSSE M", ""},
		{psa.KindUrgency, "", strings.ToUpper(long), "5"},
		{psa.KindUrgency, "", "x", ""},
	} {
		got, ok := more.Find(tt.kind, tt.scope, tt.name)
		if got.ID != tt.want || ok != (tt.want != "") {
			t.Errorf("%s %q in %q: %v, %v, not %q", tt.kind, tt.name, tt.scope, got, ok, tt.want)
		}
	}
}

func TestRelatives(t *testing.T) {
	cw := connectWise(t)
	var ids []string
	for r := range cw.Children(psa.Ref{Kind: psa.KindBoard, ID: "1"}, psa.KindStatus) {
		ids = append(ids, r.ID)
	}
	if want := []string{"10", "11", "12", "13"}; !slices.Equal(ids, want) {
		t.Errorf("the statuses of board 1 are %v", ids)
	}
	for range cw.Children(psa.Ref{Kind: psa.KindBoard, ID: "3"}, psa.KindStatus) {
		t.Error("board 3 has a status")
	}
	for range cw.Children(psa.Ref{Kind: psa.KindBoard, ID: "1"}, psa.KindUrgency) {
		t.Error("board 1 has an urgency")
	}
	if p, ok := cw.Parent(psa.Ref{Kind: psa.KindStatus, ID: "20"}); !ok || p.Name() != "Internal IT" {
		t.Errorf("the parent of status 20 is %v, %v", p.Ref, ok)
	}
	for _, id := range []string{"99", "1"} {
		if _, ok := cw.Parent(psa.Ref{Kind: psa.KindBoard, ID: id}); ok {
			t.Errorf("board %s has a parent", id)
		}
	}
}

func TestViews(t *testing.T) {
	cw := connectWise(t)
	st, err := cache.Lookup[psa.Status](cw, psa.Ref{Kind: psa.KindStatus, ID: "11"})
	if err != nil || st.Name != "Closed" || st.Closed != psa.Yes || st.Parent.ID != "1" {
		t.Errorf("%+v, %v", st, err)
	}
	if _, err := cache.Lookup[psa.Status](cw, psa.Ref{Kind: psa.KindStatus, ID: "99"}); !errors.Is(err, psa.ErrNotFound) {
		t.Errorf("no such row: %v", err)
	}
	if _, err := cache.Lookup[psa.Board](cw, st.Ref); !errors.Is(err, psa.ErrData) {
		t.Errorf("another view: %v", err)
	}
	var got []string
	for b, err := range cache.Views[psa.Board](cw, psa.KindBoard) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b.Name)
	}
	if want := []string{"Managed Services", "Internal IT", "Old Board"}; !slices.Equal(got, want) {
		t.Errorf("the boards are %v", got)
	}
}

func TestKinds(t *testing.T) {
	s := snapshot(t, cache.Meta{Kinds: map[psa.Kind]cache.KindMeta{psa.KindTicket: {}, psa.KindBoard: {}}},
		rec(psa.KindStatus, "1", "x"), rec("zebra", "1", "x"), rec("apple", "1", "x"))
	want := []psa.Kind{psa.KindBoard, psa.KindStatus, psa.KindTicket, "apple", "zebra"}
	if got := s.Kinds(); !slices.Equal(got, want) {
		t.Errorf("the kinds are %v", got)
	}
}

func TestFields(t *testing.T) {
	fieldNames := func(s *cache.Snapshot, kind psa.Kind) []string {
		var out []string
		for _, f := range s.Fields(kind) {
			out = append(out, f.Name)
		}
		return out
	}
	cw := connectWise(t)
	got := fieldNames(cw, psa.KindTicket)
	if !slices.IsSorted(got) {
		t.Errorf("the fields are not sorted: %v", got)
	}
	for _, name := range []string{"summary", "board", "status", "type", "subtype", "item", "priority", "owner", "company", "custom.16", "custom.17", "custom.20", "custom.22"} {
		if !slices.Contains(got, name) {
			t.Errorf("ConnectWise tickets have no %s", name)
		}
	}
	for _, name := range []string{"ticket_type", "category_1", "form", "urgency", "custom.19", "custom.21", "custom"} {
		if slices.Contains(got, name) {
			t.Errorf("ConnectWise tickets have %s", name)
		}
	}
	if got := fieldNames(halo(t), psa.KindTicket); slices.Contains(got, "board") || slices.Contains(got, "type") || slices.Contains(got, "category_3") || !slices.Contains(got, "category_2") {
		t.Errorf("Halo tickets have %v", got)
	}
	if got := fieldNames(cw, psa.KindContact); got != nil {
		t.Errorf("contacts are not offered, but have %v", got)
	}
	if got := fieldNames(cw, psa.KindUrgency); got != nil {
		t.Errorf("urgencies are not offered, but have %v", got)
	}
	only := snapshot(t, cache.Meta{Kinds: map[psa.Kind]cache.KindMeta{psa.KindTicket: {Fields: []string{"summary", "board"}, Required: []string{"board"}}}})
	want := []psa.Field{mustField(t, "board", true), mustField(t, "summary", false)}
	if d := cmp.Diff(want, only.Fields(psa.KindTicket)); d != "" {
		t.Errorf("declared fields: %s", d)
	}
	f := cw.Fields(psa.KindTicket)
	f[0].Name = "changed"
	if cw.Fields(psa.KindTicket)[0].Name == "changed" {
		t.Error("callers share the list of fields")
	}
}

// A list's options are the values that a record may hold: active ones, in
// display order. Nothing else has options.
func TestFieldOptions(t *testing.T) {
	for _, f := range connectWise(t).Fields(psa.KindTicket) {
		var want, labels []string
		if f.Name == "custom.17" {
			want, labels = []string{"lo", "hi"}, []string{"Low", "High"} // "old" is inactive
		}
		if d := cmp.Diff(want, f.Options) + cmp.Diff(labels, f.Labels); d != "" {
			t.Errorf("%s: %s", f.Name, d)
		}
	}
}

func mustField(t *testing.T, name string, required bool) psa.Field {
	t.Helper()
	f, ok := psa.FieldOf(psa.KindTicket, name)
	if !ok {
		t.Fatalf("tickets have no %s", name)
	}
	f.Required = required
	return f
}

func TestTicketTypes(t *testing.T) {
	if got := names(connectWise(t).TicketTypes("1")); !slices.Equal(got, []string{"Incident", "Request"}) {
		t.Errorf("ConnectWise: %v", got)
	}
	if got := connectWise(t).TicketTypes(""); len(got) != 3 {
		t.Errorf("ConnectWise, all boards: %v", names(got))
	}
	if got := names(halo(t).TicketTypes("")); !slices.Equal(got, []string{"Change", "Incident"}) {
		t.Errorf("Halo: %v", got)
	}
}

func TestNewSnapshotRefuses(t *testing.T) {
	for what, rows := range map[string][]psa.Record{
		"two of one":   {rec(psa.KindBoard, "1", "a"), rec(psa.KindStatus, "1", "a"), rec(psa.KindBoard, "1", "b")},
		"without id":   {rec(psa.KindBoard, "", "a")},
		"without kind": {rec("", "1", "a")},
	} {
		if s, err := cache.NewSnapshot(cache.Meta{}, slices.Values(rows)); !errors.Is(err, cache.ErrCorrupt) {
			t.Errorf("%s: %v, %v", what, s, err)
		}
	}
	s := snapshot(t, cache.Meta{}, rec(psa.KindBoard, "1", "a"))
	if _, err := s.Advance(cache.Meta{}, []psa.Record{rec(psa.KindBoard, "2", "a"), rec(psa.KindBoard, "2", "b")}, nil); !errors.Is(err, cache.ErrCorrupt) {
		t.Errorf("Advance: %v", err)
	}
}

// TestScopesMayChange: a new declaration of scopes is taken up without a new
// version.
func TestScopesMayChange(t *testing.T) {
	s := snapshot(t, cache.Meta{}, on("1", rec(psa.KindStatus, "1", "x")), on("2", rec(psa.KindStatus, "2", "y")))
	if n := len(s.Options(psa.KindStatus, "1")); n != 2 {
		t.Errorf("without scopes there are %d", n)
	}
	next, _, err := s.Apply(1, cache.Batch{Kinds: map[psa.Kind]cache.KindMeta{psa.KindStatus: {Scopes: []psa.Scope{{Kind: psa.KindBoard}}}}})
	if err != nil || next.Version() != 1 {
		t.Fatalf("version %d, %v", next.Version(), err)
	}
	if n := len(next.Options(psa.KindStatus, "1")); n != 1 {
		t.Errorf("with scopes there are %d", n)
	}
}

// TestReverseScopeFollowsItsRows: what a ticket type allows may change without
// the statuses.
func TestReverseScopeFollowsItsRows(t *testing.T) {
	h := halo(t)
	if got := optionIDs(h.Options(psa.KindStatus, "1")); got != "[1 9]" {
		t.Fatal(got)
	}
	next, _, err := h.Apply(1, cache.Batch{Put: []psa.Record{rec(psa.KindTicketType, "1", "Incident", "statuses", []string{"2"})}})
	if err != nil {
		t.Fatal(err)
	}
	if got := optionIDs(next.Options(psa.KindStatus, "1")); got != "[2]" {
		t.Error(got)
	}
	if got := optionIDs(h.Options(psa.KindStatus, "1")); got != "[1 9]" {
		t.Errorf("the former snapshot changed: %s", got)
	}
}

func TestUnsupportedExtras(t *testing.T) {
	bare := struct{ cache.Store }{cache.NewMemory()}
	ctx := t.Context()
	for what, err := range map[string]error{
		"At":           second(cache.At(ctx, bare, "a", 1)),
		"DiffVersions": second(cache.DiffVersions(ctx, bare, "a", 0, 1)),
		"Acquire":      second(cache.Acquire(ctx, bare, "a", "me", 1)),
	} {
		if !errors.Is(err, psa.ErrUnsupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
	n := 0
	for _, err := range cache.Versions(ctx, bare, "a") {
		n++
		if !errors.Is(err, psa.ErrUnsupported) {
			t.Errorf("Versions: %v", err)
		}
	}
	if n != 1 {
		t.Errorf("Versions yields %d times", n)
	}
	if s, err := cache.Refresh(ctx, bare, "a"); err != nil || s.Version() != 0 {
		t.Errorf("Refresh: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestMemoryForgets: Memory keeps a bounded history.
func TestMemoryForgets(t *testing.T) {
	m := cache.NewMemory()
	for i := range 250 {
		if _, err := m.Commit(t.Context(), "a", cache.Version(i), cache.Batch{Put: []psa.Record{rec(psa.KindBoard, "1", fmt.Sprint(i))}}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for c, err := range m.Versions(t.Context(), "a") {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if _, err := m.At(t.Context(), "a", c.Version); err != nil {
			t.Errorf("version %d is listed: %v", c.Version, err)
		}
	}
	if n != 100 {
		t.Errorf("%d commits are kept", n)
	}
	if _, err := m.At(t.Context(), "a", 150); !errors.Is(err, psa.ErrNotFound) {
		t.Errorf("version 150: %v", err)
	}
}
