package cachetest

import (
	"testing"

	"github.com/psasync/psasync/cache"
)

// A StateHarness says how to handle the cache.State under test. Open is
// required.
type StateHarness struct {
	// Open returns a fresh, empty state that t.Cleanup closes.
	Open func(t *testing.T) cache.State

	// Again opens the data of s once more, as another process would; s stays
	// in use. Nil: the state keeps nothing that another could open.
	Again func(t *testing.T, s cache.State) cache.State

	// Fail makes the storage under s fail once, as Harness.Fail does.
	Fail func(s cache.State, step int) (end func() (reached bool))

	// Rows is the size of big batches. Defaults to 2000.
	Rows int

	// Only names the one case to run; "" runs all.
	Only string
}

// RunState runs the cases of a cache.State that the harness allows, each as a
// subtest. Cases about leases and snapshots run where the state is a
// cache.Leaser or cache.Store as well.
func RunState(t *testing.T, h StateHarness) {
	t.Helper()
	for _, g := range stateGuarantees {
		if g.needs != nil && !g.needs(h) || h.Only != "" && g.name != h.Only {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			for _, failure := range g.check(t, h) {
				t.Errorf("%s\nrule: %s", failure, g.rule)
			}
		})
	}
}

// A stateGuarantee is one rule and the case that checks it.
type stateGuarantee struct {
	name  string
	rule  string
	needs func(StateHarness) bool // nil: runs for every state
	run   func(*stateTester)
}

func (g stateGuarantee) check(t *testing.T, h StateHarness) []string {
	c := &stateTester{findings: findings{t: t, ctx: t.Context()}, h: h}
	return c.collect(func() { g.run(c) })
}

// A stateTester runs one case on a State.
type stateTester struct {
	findings
	h StateHarness
}

func stateAgain(h StateHarness) bool { return h.Again != nil }
func stateFails(h StateHarness) bool { return h.Fail != nil }

var stateGuarantees = []stateGuarantee{
	{"Empty", "a source that nothing was saved to has nothing, and no error", nil, stateEmpty},
	{"Link", "a saved link is found by its key and by each of its records, and every save counts its Rev up", nil, stateLink},
	{"Content", "links, tasks, cursors and audit entries come back as they went in: every part, absent, null and value, every digit, any text, times in UTC", nil, stateContent},
	{"Rev", "a link or task whose Rev is not the stored one is ErrStale", nil, stateRev},
	{"Linked", "a record belongs to one link at most; one that is let go in a batch may be taken in the same batch", nil, stateLinked},
	{"Drop", "what is dropped is gone with its records and may come back as new; dropping what is not there changes nothing", nil, stateDrop},
	{"Invalid", "a batch that makes no sense is psa.ErrInvalid", nil, stateInvalid},
	{"Atomic", "of a batch that is refused, whatever for, nothing is kept", nil, stateAtomic},
	{"Order", "links come by key, tasks by Since and id, audit entries newest first, however they were saved", nil, stateOrder},
	{"LinkQuery", "Links yields what matches every part of the query, and nothing else", nil, stateLinkQuery},
	{"TaskQuery", "Tasks yields what matches every part of the query, and nothing else", nil, stateTaskQuery},
	{"AuditQuery", "Audits yields what matches every part of the query, Limit entries at most", nil, stateAuditQuery},
	{"Moved", "queries follow links and tasks that change", nil, stateMoved},
	{"Seen", "the last hash of a row leads to it; one that was replaced or forgotten does not", nil, stateSeen},
	{"Cursor", "the cursor of a kind on one side is the last one saved", nil, stateCursor},
	{"Setting", "a setting is the last value saved, and all with a prefix are found", nil, stateSetting},
	{"Audit", "audit entries are added with a rising Seq and never change", nil, stateAudit},
	{"Sources", "sources do not see each other, whatever their names", nil, stateSources},
	{"Immutable", "values handed out are not changed by later saves, and a batch's slices are the caller's again after Save", nil, stateImmutable},
	{"Loop", "a loop may save, ends, and yields what is there all along once", nil, stateLoop},
	{"Cancelled", "calls under a cancelled context are its error, and write nothing", nil, stateCancelled},
	{"Big", "thousands of links, tasks and hashes go in and out in one batch", nil, stateBig},
	{"Savers", "of saves of one Rev at the same time one wins, the others are ErrStale, and no change is lost", nil, stateSavers},
	{"Readers", "readers see whole links that never go back while others save", nil, stateReaders},
	{"Token", "a save with an older fencing token than one seen or granted is ErrFenced, for snapshots and state alike", nil, stateToken},
	{"Store", "a state that is a Store as well keeps its snapshots as they are", nil, stateStore},

	{"Reopen", "what was saved is there when the data is opened again", stateAgain, stateReopen},
	{"Two", "two states on the same data see each other's saves at once, and one of two saves of the same Rev is ErrStale", stateAgain, stateTwo},
	{"Failure", "a save that fails at any step leaves nothing or, where its end is unknown, all of it and a temporary error, and the next save works", stateFails, stateFailure},
}
