package conflict

import "slices"

// A hunk replaces a[a0:a1] by b[b0:b1].
type hunk struct{ a0, a1, b0, b1 int }

// diff returns the hunks that lead from a to b with the fewest lines added and
// removed, in ascending order with at least one unchanged line between two of
// them. ok is false if it takes more than limit lines. Time and memory are
// bounded by the square of limit plus limit times the length.
//
// Eugene W. Myers, An O(ND) Difference Algorithm and Its Variations,
// Algorithmica 1 (1986).
func diff(a, b []int, limit int) (hunks []hunk, ok bool) {
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	endA, endB := len(a), len(b)
	for endA > start && endB > start && a[endA-1] == b[endB-1] {
		endA--
		endB--
	}
	allA, allB := a, b
	a, b = a[start:endA], b[start:endB]

	// v[k+off] is the furthest x reached on diagonal k = x-y; seen keeps, for
	// each number of edits d, the diagonals -d..d before step d.
	limit = min(limit, len(a)+len(b))
	off := limit + 1
	v := make([]int32, 2*limit+3)
	var seen [][]int32
	for d := 0; d <= limit; d++ {
		seen = append(seen, slices.Clone(v[off-d:off+d+1]))
		for k := -d; k <= d; k += 2 {
			var x int
			if down(v[off-d:off+d+1], d, k) {
				x = int(v[off+k+1])
			} else {
				x = int(v[off+k-1]) + 1
			}
			for y := x - k; x < len(a) && y < len(b) && a[x] == b[y]; y++ {
				x++
			}
			v[off+k] = int32(x)
			if x >= len(a) && x-k >= len(b) {
				return settle(backtrack(seen, len(a), len(b), start), allA, allB), true
			}
		}
	}
	return nil, false
}

// down reports whether the best way to diagonal k at step d adds a line of b
// rather than removing one of a. w holds the diagonals -d..d of the step before.
func down(w []int32, d, k int) bool {
	return k == -d || k != d && w[d+k-1] < w[d+k+1]
}

// backtrack walks from the end to the start and joins neighbouring edits.
func backtrack(seen [][]int32, x, y, shift int) []hunk {
	var hunks []hunk
	for d := len(seen) - 1; d > 0; d-- {
		w, k := seen[d], x-y
		var h hunk
		if down(w, d, k) {
			x = int(w[d+k+1])
			y = x - (k + 1)
			h = hunk{x, x, y, y + 1}
		} else {
			x = int(w[d+k-1])
			y = x - (k - 1)
			h = hunk{x, x + 1, y, y}
		}
		h = hunk{h.a0 + shift, h.a1 + shift, h.b0 + shift, h.b1 + shift}
		if n := len(hunks); n > 0 && hunks[n-1].a0 == h.a1 && hunks[n-1].b0 == h.b1 {
			hunks[n-1].a0, hunks[n-1].b0 = h.a0, h.b0
		} else {
			hunks = append(hunks, h)
		}
	}
	slices.Reverse(hunks)
	return hunks
}

// settle moves what was added or removed among equal lines to their end, as git
// does, so that two sides that removed one of three equal lines are seen to have
// removed the same one. Only the last hunk can be anywhere else: before it, each
// path was followed over equal lines as far as they go, but the common end was
// cut off beforehand.
func settle(hunks []hunk, a, b []int) []hunk {
	if len(hunks) == 0 {
		return nil
	}
	h := &hunks[len(hunks)-1]
	added, removed := h.a0 == h.a1, h.b0 == h.b1
	for h.a1 < len(a) && (added && b[h.b0] == b[h.b1] || removed && a[h.a0] == a[h.a1]) {
		*h = hunk{h.a0 + 1, h.a1 + 1, h.b0 + 1, h.b1 + 1}
	}
	return hunks
}

// merge3 joins the hunks of both sides. ok is false if two that touch differ.
func merge3(t [3]text, toLeft, toRight []hunk) (lines []string, ok bool) {
	pos := 0 // in the base
	for len(toLeft) > 0 || len(toRight) > 0 {
		// A region grows as long as a hunk of either side touches it.
		lo := len(t[0].lines)
		for _, h := range [][]hunk{toLeft, toRight} {
			if len(h) > 0 {
				lo = min(lo, h[0].a0)
			}
		}
		hi, l, r := lo, 0, 0
		for {
			if l < len(toLeft) && toLeft[l].a0 <= hi {
				hi = max(hi, toLeft[l].a1)
				l++
			} else if r < len(toRight) && toRight[r].a0 <= hi {
				hi = max(hi, toRight[r].a1)
				r++
			} else {
				break
			}
		}
		lines = append(lines, t[0].lines[pos:lo]...)
		left, right := region(t[1].lines, toLeft[:l], lo, hi), region(t[2].lines, toRight[:r], lo, hi)
		switch {
		case r == 0:
			lines = append(lines, left...)
		case l == 0 || slices.Equal(left, right):
			lines = append(lines, right...)
		default:
			return nil, false
		}
		pos, toLeft, toRight = hi, toLeft[l:], toRight[r:]
	}
	return append(lines, t[0].lines[pos:]...), true
}

// region returns what base lines lo to hi became on a side through hunks, all of
// which lie within.
func region(side []string, hunks []hunk, lo, hi int) []string {
	if len(hunks) == 0 {
		return nil
	}
	first, last := hunks[0], hunks[len(hunks)-1]
	return side[first.b0-(first.a0-lo) : last.b1+(hi-last.a1)]
}
