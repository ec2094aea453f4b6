package bridge_test

import (
	"testing"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
	"github.com/psasync/psasync/psa/psatest"
)

// TestNoteWrittenMeanwhile: what people wrote to a ticket while its counterpart
// was deleted is carried once that is back.
func TestNoteWrittenMeanwhile(t *testing.T) {
	w, l, r := deskPair(t, desk)
	rec, _ := w.left.Row(l)
	w.left.Remove(l)
	w.tick(time.Hour)
	w.settle()
	w.want("state", linkOf(w, bridge.Right, r).State, cache.LinkGone)
	w.right.Put(psatest.Row(psa.KindNote, "", psa.Fields{"ticket": psatest.RefTo(r.ID, ""), "text": "meanwhile", "visibility": "internal"}))
	w.settle()
	rec.Updated = time.Time{}
	w.left.Put(rec)
	w.settle()
	w.want("state", linkOf(w, bridge.Right, r).State, cache.LinkLive)
	w.want("copies of the note", len(find(w, bridge.Left, psa.KindNote, "text", "meanwhile")), 1)
}
