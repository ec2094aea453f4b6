package conflict_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/psasync/psasync/conflict"
)

// clash is a true conflict about a field f of class billing.
func clash(at ...conflict.Stamp) conflict.Conflict {
	c := about(conflict.Of("a"), conflict.Of("b"), conflict.Of("c"), stamps[2])
	if len(at) == 2 {
		c.LeftAt, c.RightAt = at[0], at[1]
	}
	return c
}

// group is a true conflict about board and status, with a class each.
func group() conflict.Conflict {
	c := clash()
	c.Fields = []conflict.Field{
		{Name: "board", Class: "technical", Base: conflict.Of("b0"), Left: conflict.Of("b1"), Right: conflict.Of("b0")},
		{Name: "status", Class: "client", Base: conflict.Of("s0"), Left: conflict.Of("s0"), Right: conflict.Of("s2")},
	}
	return c
}

func TestNewest(t *testing.T) {
	at := func(d time.Duration, rest ...any) conflict.Stamp {
		s := conflict.Stamp{At: noon.Add(d)}
		for _, r := range rest {
			switch r := r.(type) {
			case time.Duration:
				s.Granularity = r
			case string:
				s.ExplainedBy = r
			}
		}
		return s
	}
	skew := func(d time.Duration) *conflict.NewestOptions { return &conflict.NewestOptions{Skew: d} }
	tests := []struct {
		name        string
		o           *conflict.NewestOptions
		left, right conflict.Stamp
		want        conflict.Side
		reason      string
	}{
		{"left", nil, at(time.Hour), at(0), conflict.Left, "changed 1h0m0s later"},
		{"right", nil, at(0), at(time.Hour), conflict.Right, "changed 1h0m0s later"},
		{"left has none", nil, conflict.Stamp{}, at(0), "", "newest: the left side has no stamp"},
		{"right has none", nil, at(0), conflict.Stamp{}, "", "newest: the right side has no stamp"},
		{"a note", nil, at(0), at(time.Hour, "note 4711"), "", "newest: the right side's stamp is explained by note 4711"},
		{"the older one is our write", nil, at(0, "our own write"), at(time.Hour), "", "newest: the left side's stamp is explained by our own write"},
		{"equal", skew(-1), at(0), at(0), "", "newest: the stamps are 0s apart, within 0s"},
		{"just past nothing", skew(-1), at(0), at(1), conflict.Right, "changed 1ns later"},
		{"at the edge of the default", nil, at(0), at(time.Minute), "", "newest: the stamps are 1m0s apart, within 1m0s"},
		{"past the default", nil, at(0), at(time.Minute + 1), conflict.Right, "changed 1m0.000000001s later"},
		{"defaults by zero", skew(0), at(0), at(time.Minute), "", "newest: the stamps are 1m0s apart, within 1m0s"},
		{"at the edge of a skew", skew(time.Second), at(time.Second), at(0), "", "newest: the stamps are 1s apart, within 1s"},
		{"past a skew", skew(time.Second), at(time.Second + 1), at(0), conflict.Left, "changed 1.000000001s later"},
		{"the older one is coarse", skew(-1), at(0, time.Minute), at(time.Minute), "", "newest: the stamps are 1m0s apart, within 1m0s"},
		{"the newer one is coarse", skew(-1), at(0), at(time.Minute, time.Minute), "", "newest: the stamps are 1m0s apart, within 1m0s"},
		{"skew and granularity", skew(time.Second), at(0, time.Minute), at(time.Minute+time.Second+1, time.Second), conflict.Right, "changed 1m1.000000001s later"},
		{"a negative granularity", skew(time.Second), at(0, -time.Hour), at(time.Second, -time.Hour), "", "newest: the stamps are 1s apart, within 1s"},
		{"the largest skew", skew(math.MaxInt64), at(0, time.Hour), at(1000*time.Hour, time.Hour), "", "newest: the stamps are 1000h0m0s apart, within 2562047h47m16.854775807s"},
		{"further apart than can be told", nil, conflict.Stamp{At: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)}, at(0), conflict.Right, "changed 2562047h47m16.854775807s later"},
	}
	for _, tt := range tests {
		d := ask(t, conflict.Newest(tt.o), clash(tt.left, tt.right))
		want := conflict.Decision{Reason: tt.reason}
		if tt.want != "" {
			want = conflict.Decision{Action: conflict.Take, Side: tt.want, By: "newest", Reason: tt.reason}
		}
		if diff := cmp.Diff(want, d); diff != "" {
			t.Errorf("%s:\n%s", tt.name, diff)
		}
	}
}

// Within the declared bounds of skew and granularity, Newest never takes the
// older change.
func TestNewestIsInsensitiveToSkew(t *testing.T) {
	opinions := 0
	rapid.Check(t, func(t *rapid.T) {
		minutes := func(name string, limit int) time.Duration {
			return time.Duration(rapid.IntRange(-limit, limit).Draw(t, name)) * time.Minute
		}
		skew := time.Duration(rapid.IntRange(1, 10).Draw(t, "skew")) * time.Minute
		left, right := noon.Add(minutes("left", 60)), noon.Add(minutes("right", 60))
		drift := min(max(minutes("drift", 10), -skew), skew) // of the right clock against the left one
		stamp := func(name string, at time.Time) conflict.Stamp {
			g := time.Duration(rapid.IntRange(0, 15).Draw(t, name)) * time.Minute
			return conflict.Stamp{At: at.Truncate(g), Granularity: g}
		}
		c := clash(stamp("left granularity", left), stamp("right granularity", right.Add(drift)))
		d, err := conflict.Newest(&conflict.NewestOptions{Skew: skew})(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if d.Action == conflict.Take {
			opinions++
		}
		if d.Side == conflict.Left && !left.After(right) || d.Side == conflict.Right && !right.After(left) {
			t.Fatalf("took %s: changed at %s on the left, %s on the right, stamps %v and %v", d.Side, left, right, c.LeftAt, c.RightAt)
		}
	})
	if opinions < 10 {
		t.Errorf("%d opinions prove little", opinions)
	}
}

func TestPreferFilled(t *testing.T) {
	empty := []any{nil, "", []any{}, fields{}, map[string]any{}, conflict.Value{}}
	full := []any{false, "x", json0, []any{nil}, fields{"id": nil}}
	of := func(v any) conflict.Value {
		if v, ok := v.(conflict.Value); ok {
			return v
		}
		return conflict.Of(v)
	}
	side := func(l, r any) conflict.Side {
		return ask(t, conflict.PreferFilled, about(conflict.Value{}, of(l), of(r), stamps[0])).Side
	}
	for _, e := range empty {
		for _, f := range full {
			if got := side(f, e); got != conflict.Left {
				t.Errorf("%#v against %#v: %q", f, e, got)
			}
			if got := side(e, f); got != conflict.Right {
				t.Errorf("%#v against %#v: %q", e, f, got)
			}
			if got := side(f, f); got != "" {
				t.Errorf("%#v twice: %q", f, got)
			}
		}
		if got := side(e, nil); got != "" {
			t.Errorf("%#v against null: %q", e, got)
		}
	}
	c := group()
	c.Fields[0].Right = conflict.Of(nil)
	if d := ask(t, conflict.PreferFilled, c); d.Action != conflict.NoOpinion {
		t.Errorf("a group with one empty field: %+v", d)
	}
	c.Fields[1].Right = conflict.Of("")
	if d := ask(t, conflict.PreferFilled, c); d.Side != conflict.Left {
		t.Errorf("a group that is empty on the right: %+v", d)
	}
}

var json0 = num(0)

func TestSourceOfTruth(t *testing.T) {
	unclassed := clash()
	unclassed.Fields[0].Class = ""
	tests := []struct {
		name   string
		fields []string
		c      conflict.Conflict
		by     string // "" means no opinion
	}{
		{"every field", nil, clash(), "source_of_truth"},
		{"its name", []string{"x", "f"}, clash(), "source_of_truth[f]"},
		{"its class", []string{"x", "class:billing"}, clash(), "source_of_truth[class:billing]"},
		{"other fields", []string{"x", "class:client", "billing", "ff", "class:f"}, clash(), ""},
		{"no class", []string{"class:"}, unclassed, ""},
		{"one member of a group", []string{"status"}, group(), "source_of_truth[status]"},
		{"the class of one member", []string{"class:client"}, group(), "source_of_truth[class:client]"},
	}
	for _, tt := range tests {
		for _, side := range []conflict.Side{conflict.Left, conflict.Right} {
			want := conflict.Decision{Reason: "source_of_truth: f is none of the fields that the " + string(side) + " side decides"}
			if tt.by != "" {
				want = conflict.Decision{Action: conflict.Take, Side: side, By: tt.by}
			}
			s := conflict.SourceOfTruth(side, tt.fields...)
			if diff := cmp.Diff(want, ask(t, s, tt.c)); diff != "" {
				t.Errorf("%s:\n%s", tt.name, diff)
			}
		}
	}
	names := []string{"f"}
	s := conflict.SourceOfTruth(conflict.Left, names...)
	names[0] = "x"
	if d := ask(t, s, clash()); d.Side != conflict.Left {
		t.Error("the caller's slice is still in use")
	}
}

func TestManual(t *testing.T) {
	want := conflict.Decision{Action: conflict.Hold, By: "manual", Reason: "the rule for board+status asks for a person"}
	if diff := cmp.Diff(want, ask(t, conflict.Manual, group())); diff != "" {
		t.Error(diff)
	}
}
