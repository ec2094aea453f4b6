package conflict_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/psasync/psasync/conflict"
)

// merged returns the merged text; ok is false if MergeText has no opinion.
func merged(t interface {
	Helper()
	Fatal(...any)
}, o *conflict.TextOptions, base, left, right string) (text string, ok bool) {
	t.Helper()
	c := about(conflict.Of(base), conflict.Of(left), conflict.Of(right), stamps[0])
	d, err := conflict.MergeText(o)(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	switch d.Action {
	case conflict.Merge:
		return d.Values["f"].(string), true
	case conflict.NoOpinion:
		if d.Reason == "" {
			t.Fatal("no opinion without a reason")
		}
		return "", false
	}
	t.Fatal("unexpected action", d.Action)
	return "", false
}

const overlap = "overlap"

// Words stand for lines, "/" for a line end. Where no line end is merged the
// results are those of git merge-file.
var textCases = []struct{ name, base, left, right, want string }{
	{"both ends", "a/b/c/", "x/b/c/", "a/b/y/", "x/b/y/"},
	{"the same change", "a/b/c/", "a/x/c/", "a/x/c/", "a/x/c/"},
	{"the same change and one more", "a/b/c/d/e/", "a/x/c/d/e/", "a/x/c/d/y/", "a/x/c/d/y/"},
	{"the same line", "a/b/c/", "a/x/c/", "a/y/c/", overlap},
	{"neighbouring lines", "a/b/c/d/", "a/x/c/d/", "a/b/y/d/", overlap},
	{"one line between", "a/b/c/d/e/", "a/x/c/d/e/", "a/b/c/y/e/", "a/x/c/y/e/"},
	{"appended and changed, one line between", "a/b/", "a/b/l/", "r/b/", "r/b/l/"},
	{"appended and prepended", "a/b/", "a/b/l/", "r/a/b/", "r/a/b/l/"},
	{"both append", "a/", "a/l/", "a/r/", overlap},
	{"both append the same", "a/", "a/x/", "a/x/", "a/x/"},
	{"one appends more", "a/", "a/x/", "a/x/y/", overlap},
	{"inserted before a changed line", "a/b/", "l/a/b/", "r/b/", overlap},
	{"inserted in the middle of both", "a/b/c/", "a/l/b/c/", "a/b/r/c/", "a/l/b/r/c/"},
	{"removed and kept", "a/b/c/d/", "a/c/d/", "a/b/c/r/", "a/c/r/"},
	{"removed and changed", "a/b/c/", "a/c/", "a/r/c/", overlap},
	{"both remove", "a/b/c/d/", "a/c/d/l/", "a/c/d/", "a/c/d/l/"},
	{"both remove neighbours", "a/b/c/d/", "a/c/d/", "a/b/d/", overlap},
	{"one removes all", "a/b/c/", "", "a/b/c/r/", overlap},
	{"a region that grows", "a/b/c/d/e/f/", "a/x/x/x/e/f/", "a/b/c/y/y/f/", overlap},
	{"one region holds the other", "a/b/c/d/e/", "a/x/e/", "a/b/y/d/e/", overlap},
	{"alike as far as one goes", "k/a/b/l/", "k/x/l/", "k/x/b/l/", overlap},
	{"alike from where one begins", "k/a/b/l/", "k/x/l/", "k/a/x/l/", overlap},
	{"overlapping alike", "a/b/c/d/e/", "a/x/y/e/", "a/x/y/e/", "a/x/y/e/"},
	{"repeated lines", "a/a/a/", "x/a/a/a/", "a/a/a/y/", "x/a/a/a/y/"},
	{"both remove one of three", "x/a/a/a/y/z/", "x/a/a/y/z/", "q/x/a/a/y/z/", "q/x/a/a/y/z/"},
	{"both remove one of three and change the start", "j/e/i/i/i/d/", "j/e/i/i/d/", "e/i/i/d/", "e/i/i/d/"},
	{"one of four removed and one changed", "b/b/b/b/", "b/b/b/", "d/b/b/b/", "d/b/b/"},
	{"both add one of four", "b/c/d/c/c/a/", "x/c/d/c/c/c/a/", "b/c/d/c/c/c/a/", "x/c/d/c/c/c/a/"},
	{"empty lines", "a//b//c/", "x//b//c/", "a//b//y/", "x//b//y/"},
	{"from nothing, alike", "", "a/", "a/", "a/"},
	{"from nothing", "", "a/", "b/", overlap},

	{"no final line end", "a/b", "x/a/b", "a/b/y", "x/a/b/y"},
	{"one side ends the last line", "a/b", "a/b/", "x/a/b", "x/a/b/"},
	{"one side opens the last line", "a/b/", "a/b", "x/a/b/", "x/a/b"},
	{"one line, changed twice", "a", "l", "r", overlap},

	{"CRLF", "a\r/b\r/c\r/", "x\r/b\r/c\r/", "a\r/b\r/y\r/", "x\r/b\r/y\r/"},
	{"CRLF, last line open", "a\r/b\r/c", "x\r/b\r/c", "a\r/b\r/c\r/y", "x\r/b\r/c\r/y"},
	{"one side turns to CRLF", "a/b/c/", "a\r/b\r/c\r/", "a/b/y/", "a\r/b\r/y\r/"},
	{"one side turns to LF", "a\r/b\r/c\r/", "a\r/b\r/y\r/", "a/b/c/", "a/b/y/"},
	{"both turn to CRLF", "a/b/c/", "x\r/b\r/c\r/", "a\r/b\r/y\r/", "x\r/b\r/y\r/"},
	{"one line of two ends", "a", "x/a", "a\r/y", "x/a/y"},
	{"both kinds in one text are lines of their own", "a\r/b/c/", "x\r/b/c/", "a\r/b/y/", "x\r/b/y/"},
	{"both kinds against CRLF", "m\r/b\r/c\r/d\r/e\r/", "m\r/b\r/c\r/d\r/x/", "n\r/b\r/c\r/d\r/e\r/", overlap},
	{"both kinds become CRLF, a line with CRLF added", "a/b\r/c/d/", "a/b\r/c/d/z\r/", "a\r/c\r/d\r/", "a\r/c\r/d\r/z\r/"},
	{"both kinds become CRLF", "a/b\r/c/d/", "a/b\r/c/y/", "a\r/c\r/d\r/", "a\r/c\r/y\r/"},
}

func TestMergeText(t *testing.T) {
	for _, tt := range textCases {
		t.Run(tt.name, func(t *testing.T) {
			lines := func(s string) string { return strings.ReplaceAll(s, "/", "\n") }
			got, ok := merged(t, nil, lines(tt.base), lines(tt.left), lines(tt.right))
			if !ok {
				got = overlap
			}
			if got != lines(tt.want) {
				t.Errorf("got %q, want %q", got, lines(tt.want))
			}
		})
	}
}

func TestMergeTextOfOtherThings(t *testing.T) {
	text := conflict.Of("a\nb\nc\n")
	tests := []struct {
		name              string
		base, left, right conflict.Value
		want              conflict.Value
		reason            string
	}{
		{"null base", conflict.Of(nil), conflict.Of("a\n"), conflict.Of("a\n"), conflict.Of("a\n"), ""},
		{"no base", conflict.Value{}, conflict.Of("a"), conflict.Of("b"), conflict.Value{}, "merge_text: there is no base"},
		{"null", text, conflict.Of(nil), conflict.Of("b"), conflict.Value{}, "merge_text: the left value is no text"},
		{"number", text, conflict.Of("b"), conflict.Of(num(1)), conflict.Value{}, "merge_text: the right value is no text"},
		{"number in the base", conflict.Of(num(1)), conflict.Of("b"), text, conflict.Value{}, "merge_text: the base is no text"},
		{"absent", text, conflict.Of("b"), conflict.Value{}, conflict.Value{}, "merge_text: the right value is no text"},
	}
	for _, tt := range tests {
		d := ask(t, conflict.MergeText(nil), about(tt.base, tt.left, tt.right, stamps[0]))
		if got := conflict.At(d.Values, "f"); !got.Equal(tt.want) || d.Reason != tt.reason {
			t.Errorf("%s: %+v", tt.name, d)
		}
		if tt.reason == "" {
			continue
		}
		d = ask(t, conflict.MergeText(&conflict.TextOptions{Hold: true}), about(tt.base, tt.left, tt.right, stamps[0]))
		if d.Action != conflict.Hold || d.Reason != tt.reason || d.By != "merge_text" {
			t.Errorf("%s: with Hold: %+v", tt.name, d)
		}
	}
}

func TestMergeTextIsBounded(t *testing.T) {
	many := func(n int, line string) string { return strings.Repeat(line, n) }
	different := func(n int, prefix string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%s%d\n", prefix, i)
		}
		return b.String()
	}
	tests := []struct {
		name              string
		o                 *conflict.TextOptions
		base, left, right string
		ok                bool
	}{
		{"within the bytes", &conflict.TextOptions{MaxBytes: 6}, "a\nb\nc\n", "x\nb\nc\n", "a\nb\ny\n", true},
		{"past the bytes", &conflict.TextOptions{MaxBytes: 5}, "a\nb\nc\n", "x\nb\nc\n", "a\nb\ny\n", false},
		{"one side past the bytes", &conflict.TextOptions{MaxBytes: 6}, "a\nb\nc\n", "x\nb\nc\n", "a\nb\nyy\n", false},
		{"past the default", nil, "b\n", "a\nb\n", "b\n" + many(conflict.DefaultMaxText, "c"), false},
		{"many lines", nil, many(19_999, "a\n"), "x\n" + many(19_999, "a\n"), many(19_999, "a\n") + "y\n", true},
		{"too many lines", nil, many(20_000, "a\n"), "x\n" + many(20_000, "a\n"), many(20_000, "a\n") + "y\n", false},
		{"many changes", nil, "k\n" + different(500, "a"), "x\nk\n" + different(500, "a"), "k\n" + different(500, "b"), true},
		{"too many changes", nil, "k\n" + different(501, "a"), "x\nk\n" + different(501, "a"), "k\n" + different(501, "b"), false},
	}
	for _, tt := range tests {
		if _, ok := merged(t, tt.o, tt.base, tt.left, tt.right); ok != tt.ok {
			t.Errorf("%s: merged: %v", tt.name, ok)
		}
	}
}

// edited draws what a side made of the base, and for each base line whether it
// was kept. All lines of the base differ, and what is added is new, so that
// there is only one way to see what was kept.
func edited(t *rapid.T, side string, base []string) (lines []string, kept []bool) {
	kept = make([]bool, len(base))
	add := func(i int) {
		switch rapid.IntRange(0, 9).Draw(t, side) {
		case 0:
			lines = append(lines, fmt.Sprintf("%s%d", side, i))
		case 1:
			lines = append(lines, fmt.Sprintf("%s%d", side, i), fmt.Sprintf("%s%d again", side, i))
		case 2:
			lines = append(lines, fmt.Sprintf("common %d", i))
		}
	}
	for i, l := range base {
		add(i)
		if kept[i] = rapid.IntRange(0, 5).Draw(t, side+" keeps") > 0; kept[i] {
			lines = append(lines, l)
		}
	}
	add(len(base))
	return lines, kept
}

// reference is diff3 by its definition (Khanna, Kunal, Pierce, A Formal
// Investigation of Diff3, 2007): lines that both sides kept are stable; between
// two of them, what one side left alone is the other side's to change.
func reference(base, left, right []string, keptLeft, keptRight []bool) (lines []string, ok bool) {
	to := func(side []string, line string) int {
		if i := slices.Index(side, line); i >= 0 {
			return i
		}
		return len(side)
	}
	b, l, r := 0, 0, 0
	for i := 0; i <= len(base); i++ {
		stable := ""
		if i < len(base) {
			if !keptLeft[i] || !keptRight[i] {
				continue
			}
			stable = base[i]
		}
		chunk, lc, rc := base[b:i], left[l:], right[r:]
		if i < len(base) {
			lc, rc = left[l:to(left, stable)], right[r:to(right, stable)]
		}
		switch {
		case slices.Equal(lc, chunk):
			lines = append(lines, rc...)
		case slices.Equal(rc, chunk), slices.Equal(lc, rc):
			lines = append(lines, lc...)
		default:
			return nil, false
		}
		if i < len(base) {
			lines = append(lines, stable)
			b, l, r = i+1, to(left, stable)+1, to(right, stable)+1
		}
	}
	return lines, true
}

func TestMergeTextByReference(t *testing.T) {
	var clean, overlapped int
	rapid.Check(t, func(t *rapid.T) {
		base := make([]string, rapid.IntRange(0, 25).Draw(t, "lines"))
		for i := range base {
			base[i] = fmt.Sprintf("line %d", i)
		}
		left, keptLeft := edited(t, "left", base)
		right, keptRight := edited(t, "right", base)
		text := func(lines []string) string {
			var b strings.Builder
			for _, l := range lines {
				b.WriteString(l + "\n")
			}
			return b.String()
		}
		want, wantOK := reference(base, left, right, keptLeft, keptRight)
		got, ok := merged(t, nil, text(base), text(left), text(right))
		if ok != wantOK || got != text(want) {
			t.Fatalf("got %q, %v, want %q, %v", got, ok, text(want), wantOK)
		}
		if !ok {
			overlapped++
			return
		}
		clean++
		// No line of either side is lost or invented: a line is in the merge
		// exactly if a side added it, or neither removed it.
		lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
		for _, l := range slices.Concat(base, left, right) {
			b, inLeft, inRight := slices.Contains(base, l), slices.Contains(left, l), slices.Contains(right, l)
			want := inLeft || inRight
			if b {
				want = inLeft && inRight
			}
			if slices.Contains(lines, l) != want {
				t.Fatalf("%q: line %q: in the base %v, left %v, right %v", got, l, b, inLeft, inRight)
			}
		}
	})
	if clean < 10 || overlapped < 10 {
		t.Errorf("%d clean merges and %d overlaps prove little", clean, overlapped)
	}
}

// checkMerge holds any three texts to what is true of every merge.
func checkMerge(t interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}, base, left, right string) {
	t.Helper()
	got, ok := merged(t, nil, base, left, right)
	if swapped, ok2 := merged(t, nil, base, right, left); swapped != got || ok2 != ok {
		t.Fatalf("%q, %q, %q: %q, %v, swapped %q, %v", base, left, right, got, ok, swapped, ok2)
	}
	if one, ok := merged(t, nil, base, base, right); ok && one != right {
		t.Fatalf("%q: only right changed to %q, merged to %q", base, right, one)
	}
	if !ok {
		return
	}
	count := func(text string) map[string]int {
		n := make(map[string]int)
		for l := range strings.SplitSeq(text, "\n") {
			n[strings.TrimRight(l, "\r")]++
		}
		delete(n, "") // line ends are merged on their own
		return n
	}
	b, l, r, m := count(base), count(left), count(right), count(got)
	for line, n := range m {
		if n > l[line]+r[line] {
			t.Fatalf("%q, %q, %q: merged to %q, which has %q too often", base, left, right, got, line)
		}
	}
	for line := range l {
		if b[line] == 0 && m[line] < max(l[line], r[line]) {
			t.Fatalf("%q, %q, %q: merged to %q, which lost %q", base, left, right, got, line)
		}
	}
	for line := range b {
		if l[line] >= b[line] && r[line] >= b[line] && m[line] == 0 {
			t.Fatalf("%q, %q, %q: merged to %q, which lost %q", base, left, right, got, line)
		}
	}
}

func TestMergeTextProperties(t *testing.T) {
	texts := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "\n", "a\r\n", "a", "\r"}), 0, 8),
		func(l []string) string { return strings.Join(l, "") })
	rapid.Check(t, func(t *rapid.T) {
		checkMerge(t, texts.Draw(t, "base"), texts.Draw(t, "left"), texts.Draw(t, "right"))
	})
}

func FuzzMergeText(f *testing.F) {
	for _, tt := range textCases {
		lines := func(s string) string { return strings.ReplaceAll(s, "/", "\n") }
		f.Add(lines(tt.base), lines(tt.left), lines(tt.right))
	}
	f.Fuzz(func(t *testing.T, base, left, right string) { checkMerge(t, base, left, right) })
}

func BenchmarkMergeText(b *testing.B) {
	var base []string
	for i := range 400 {
		base = append(base, fmt.Sprintf("line %d of a long description of a ticket", i))
	}
	left, right := slices.Clone(base), slices.Clone(base)
	left[10], right[390] = "changed left", "changed right"
	c := about(conflict.Of(strings.Join(base, "\n")), conflict.Of(strings.Join(left, "\n")), conflict.Of(strings.Join(right, "\n")), stamps[0])
	s := conflict.MergeText(nil)
	b.ReportAllocs()
	for b.Loop() {
		if d, err := s(b.Context(), c); err != nil || d.Action != conflict.Merge {
			b.Fatal(d, err)
		}
	}
}
