// Package simulator is the part that the fakes of all vendors share: tables of
// JSON rows, a clock that can be moved, a log of requests, faults on demand,
// a rolling rate limit, a count of mail that would have been sent, and an
// in-process transport. A vendor's skin (paths, paging, filters, error bodies)
// is an [http.Handler] put inside a [Core].
//
// Waits use the time package and never hold a lock, so that a whole test runs
// inside a testing/synctest bubble when it talks through [Core.Transport].
package simulator
