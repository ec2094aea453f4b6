package enginetest

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// TestLinkIDs: the short way tells what Links tells, over several pages, and
// lets the loop save.
func TestLinkIDs(t *testing.T) {
	s := openFile(t, "sqlite", filepath.Join(t.TempDir(), "state.db"), nil)
	states := []cache.LinkState{cache.LinkLive, cache.LinkLive, cache.LinkHalf, cache.LinkDormant, cache.LinkGone}
	var b cache.StateBatch
	for i := range 2000 {
		l := cache.Link{Key: fmt.Sprint("k", i), Kind: psa.KindTicket, State: states[i%len(states)], IDs: [2]string{fmt.Sprint(i), fmt.Sprint("r", i)}}
		if i%7 == 0 {
			l.Kind = psa.KindContact
		}
		if l.State == cache.LinkHalf {
			l.IDs[cache.Right] = ""
		}
		b.Links = append(b.Links, l)
	}
	mustSave(t, s, b)
	for side := range cache.Side(2) {
		for _, kind := range []psa.Kind{psa.KindTicket, psa.KindContact, psa.KindNote} {
			var want, got []string
			for l, err := range s.Links(t.Context(), "a", cache.LinkQuery{Kind: kind, States: []cache.LinkState{cache.LinkLive}}) {
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, l.IDs[side])
			}
			for id, err := range s.LinkIDs(t.Context(), "a", side, kind) {
				if err != nil {
					t.Fatal(err)
				}
				if got = append(got, id); len(got) == 300 {
					mustSave(t, s, cache.StateBatch{Settings: map[string]string{"seen": id}})
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s %s: %d ids, want %d", side, kind, len(got), len(want))
			}
		}
	}
}
