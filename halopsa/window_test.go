package halopsa

import (
	"testing"

	"pgregory.net/rapid"
)

// A window begins with or before the last row seen and ends behind it, and is
// never longer than allowed; only where a handful of rows is allowed it may
// begin right behind that row.
func TestWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, 3_000_000).Draw(t, "at")
		longest := rapid.IntRange(1, 100).Draw(t, "longest")
		size, number := window(at, longest)
		start, end := (number-1)*size, number*size
		switch {
		case size < 1 || size > longest || number < 1:
			t.Fatalf("page %d of %d rows", number, size)
		case end <= at:
			t.Fatalf("[%d,%d) does not go on", start, end)
		case at > 0 && start >= at && (longest > 10 || start > at):
			t.Fatalf("[%d,%d) leaves a gap", start, end)
		}
	})
}

// The overlap costs less than a sixth of the requests.
func TestWindowCost(t *testing.T) {
	for _, rows := range []int{1_000, 10_000, 500_000} {
		requests := 0
		for at := 0; at < rows; requests++ {
			size, number := window(at, maxPage)
			at = size * number
		}
		if least := rows / maxPage; requests > least+least/6 {
			t.Errorf("%d requests for %d rows", requests, rows)
		}
	}
}
