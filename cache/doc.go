// Package cache keeps a copy of a PSA's configuration that a host's forms and
// dropdowns read.
//
// A [Store] holds one [Snapshot] for each source, a source being the name a
// host gives one connection ("acme/connectwise"). A snapshot is all
// configuration of one source at one [Version]: immutable, shared by every
// reader, and whole, never half of an update. It is a psa.Catalog and answers
// what forms ask: options in display order within their scope, name to id,
// [Snapshot.Form], [Snapshot.Check] and [Snapshot.Explain].
//
// A Store has two methods, so that a host can write one over its own tables:
// read the present snapshot, and in Commit take the one step of
// [Snapshot.Apply] and make it durable. Package cachetest holds the rules as
// test cases. [Memory] is the store for tests and single processes,
// cache/sqlite one that lasts.
//
// What a store can do beyond that it says by implementing [Historian],
// [Leaser] or [Refresher]; the package functions [Versions], [At],
// [DiffVersions], [Acquire] and [Refresh] find the extra and are
// psa.ErrUnsupported where it is missing.
//
// # State
//
// A [State] is what a bridge between two systems remembers, under a source of
// its own: which records are the same thing ([Link]), what both sides last
// agreed on, which writes were begun and not confirmed, what is still to be
// done ([Task]), how far each kind was read ([Cursor]), which rows were dealt
// with ([Seen]), and what was done and why ([Audit]).
//
// A bridge reads what it needs, decides, and hands all consequences to one
// [State.Save], which happens whole or not at all. So whatever interrupts it,
// what is stored is a state it was in. Saves do not lock: each link and task
// carries the Rev it was read at, and a save over something newer is
// [ErrStale]. That a record belongs to one link at most is not left to the
// bridge ([ErrLinked]). Batch.Token and StateBatch.Token come from the same
// [Lease].
//
// [Memory] and cache/sqlite are both a Store and a State in one value. Who
// writes another one begins with [StateBatch.Check] and proves it with
// cachetest.RunState.
package cache
