package conflict

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestDiff holds diff to its contract on short lists, where a table of all
// common subsequences is cheap.
func TestDiff(t *testing.T) {
	lists := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 12)
	rapid.Check(t, func(t *rapid.T) {
		a, b := lists.Draw(t, "a"), lists.Draw(t, "b")
		least := len(a) + len(b) - 2*common(a, b)

		hunks, ok := diff(a, b, least)
		if !ok {
			t.Fatalf("not done in %d edits", least)
		}
		var edits int
		var got []int
		pos, last := 0, -1
		for _, h := range hunks {
			if h.a0 <= last {
				t.Fatalf("hunks %v touch", hunks)
			}
			if h.a1 < len(a) && (h.a0 == h.a1 && b[h.b0] == b[h.b1] || h.b0 == h.b1 && a[h.a0] == a[h.a1]) {
				t.Fatalf("hunks %v: %v could stand further down", hunks, h)
			}
			if h.a0 == h.a1 && h.b0 == h.b1 {
				t.Fatalf("hunks %v: an empty one", hunks)
			}
			got = append(got, a[pos:h.a0]...)
			if len(got) != h.b0 {
				t.Fatalf("hunks %v: %v does not begin where it should", hunks, h)
			}
			got = append(got, b[h.b0:h.b1]...)
			pos, last = h.a1, h.a1
			edits += h.a1 - h.a0 + h.b1 - h.b0
		}
		got = append(got, a[pos:]...)
		if !slices.Equal(got, b) {
			t.Fatalf("hunks %v lead to %v", hunks, got)
		}
		if edits != least {
			t.Fatalf("%d edits, %d would do", edits, least)
		}
		if least > 0 {
			if _, ok := diff(a, b, least-1); ok {
				t.Fatalf("done within %d edits, which takes %d", least-1, least)
			}
		}
	})
}

// common is the length of the longest common subsequence.
func common(a, b []int) int {
	row := make([]int, len(b)+1)
	for i := range a {
		diagonal := 0
		for j := range b {
			next := row[j+1]
			if a[i] == b[j] {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(row[j+1], row[j])
			}
			diagonal = next
		}
	}
	return row[len(b)]
}

// Identities of values agree with Equal.
func TestIdentify(t *testing.T) {
	values := []any{
		nil, true, false, "", "~", "true", "#1", "1", `"`, "a,", []any{}, []any{nil}, []any{[]any{}}, []any{"a", "b"}, []any{"a,b"}, []any{"a\",\"b"},
		map[string]any{}, Values(nil), map[string]any{"a": nil}, Values{"a": nil}, map[string]any{"a": "b"}, map[string]any{"a:b": nil},
		map[string]any{"a": nil, "b": nil}, "\xff", "\xfe", "\ufffd", json.Number("1"), json.Number("true"), json.Number("~"),
	}
	for _, a := range values {
		for _, b := range values {
			x, ok1 := identify(nil, a)
			y, ok2 := identify(nil, b)
			if !ok1 || !ok2 || Equal(a, b) != (string(x) == string(y)) {
				t.Errorf("%#v is %q, %#v is %q", a, x, b, y)
			}
		}
	}
	for _, v := range []any{1, 1.5, struct{}{}, []string{"a"}, []any{1}, map[string]any{"a": 1}, map[int]any{}} {
		if x, ok := identify(nil, v); ok {
			t.Errorf("%#v has the identity %q", v, x)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"newest", "newest", 0}, {"newst", "newest", 1},
		{"newets", "newest", 1}, {"kitten", "sitting", 3}, {"né", "ne", 1}, {"ab", "ba", 1},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
