package resync

import (
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// Loud returns t out of a schedule's quiet hours.
func Loud(t *testing.T, s Schedule, at time.Time) time.Time {
	t.Helper()
	table, err := s.parse("source")
	if err != nil {
		t.Fatal(err)
	}
	return table.loud(at)
}

// Diff is diff.
func Diff(old, new psa.Record) []Change { return diff(old, new) }

// Inspect is inspect.
func Inspect(snap *cache.Snapshot, kinds []psa.Kind) []psa.Finding { return inspect(snap, kinds) }
