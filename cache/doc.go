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
package cache
