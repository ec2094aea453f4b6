package cachetest

import "github.com/psasync/psasync/cache"

func again(h Harness) bool { return h.Again != nil }
func fails(h Harness) bool { return h.Fail != nil }

// guarantees are the rules of cache.Store and its extras.
var guarantees = []guarantee{
	{"Empty", "a source that nothing was committed to has an empty snapshot of version 0, never nil", nil, testEmpty},
	{"Commit", "what a commit put is what Commit returns and Current shows, and the version rises", nil, testCommit},
	{"Content", "a row comes back as it went in: every part of it, every kind of value, every digit of a number, any text", nil, testContent},
	{"Order", "All yields integer ids by their number, then other ids bytewise", nil, testOrder},
	{"Replace", "Put replaces the row of the same Ref, End removes it, other rows stay", nil, testReplace},
	{"Inactive", "inactive rows are kept and found, but never offered as options", nil, testInactive},
	{"Compare", "a commit from any version but the present one is ErrStale and changes nothing", nil, testCompare},
	{"Unchanged", "a batch that changes no row leaves the version and moves the meta data", nil, testUnchanged},
	{"SameRows", "putting rows of the same content makes no new version, ending rows that are not there neither", nil, testSameRows},
	{"Refresh", "a row of the same content but other bytes takes over hash and bytes without a new version", nil, testRefresh},
	{"Meta", "meta data of kinds in the batch replaces the present one, that of other kinds stays; what a stale kind leaves out is kept", nil, testMeta},
	{"Invalid", "a batch that makes no sense is psa.ErrInvalid and nothing of it is stored", nil, testInvalid},
	{"Instance", "a batch from another account or provider is psa.ErrOtherInstance and nothing of it is stored", nil, testInstance},
	{"Sources", "sources do not see each other, whatever their names", nil, testSources},
	{"Immutable", "a snapshot never changes, and a batch's slices are the caller's again after Commit", nil, testImmutable},
	{"Cancelled", "Commit under a cancelled context is its error and writes nothing", nil, testCancelled},
	{"Big", "thousands of rows go in and out in one commit", nil, testBig},
	{"Known", "the hashes of all present rows lead to them, those of former rows do not", nil, testKnown},
	{"Token", "a commit with an older fencing token than one seen is ErrFenced and changes nothing", nil, testToken},
	{"Writers", "of commits from one version at the same time one wins, the others are ErrStale, and no change is lost", nil, testWriters},
	{"Readers", "readers see whole versions that never go back, and do not wait for commits", nil, testReaders},

	{"Reopen", "what was committed is there when the data is opened again", again, testReopen},
	{"Two", "two stores on the same data see each other's commits, and one of two commits from the same version is ErrStale", again, testTwo},
	{"Failure", "a commit that fails at any step leaves the old snapshot or, where its end is unknown, the whole new one, and the next commit works", fails, testFailure},

	{"History", "Versions yields every commit, newest first, with what it changed and its audit", nil, ifStore[cache.Historian](testHistory)},
	{"At", "every version that was present can be read again, another one is psa.ErrNotFound", nil, ifStore[cache.Historian](testAt)},
	{"Diff", "Diff tells added, changed and removed rows between any two versions, in both directions", nil, ifStore[cache.Historian](testDiff)},
	{"Lease", "one holder at a time has the lease of a source; who asks meanwhile learns who it is", nil, ifStore[cache.Leaser](testLease)},
	{"Expiry", "a lease that is not renewed expires, and the next one has a greater token", nil, ifStore[cache.Leaser](testExpiry)},
	{"Fencing", "from the moment another holder has the lease, the old one can neither commit nor renew", nil, ifStore[cache.Leaser](testFencing)},
}

// ifStore makes a case of one for an optional extra, which passes where the
// store does not have it: extras are optional.
func ifStore[Extra any](run func(*tester, cache.Store, Extra)) func(*tester) {
	return func(c *tester) {
		s := c.open()
		if x, ok := s.(Extra); ok {
			run(c, s, x)
		}
	}
}
