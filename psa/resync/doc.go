// Package resync copies a PSA's configuration (boards, statuses, priorities,
// custom fields, members, ...) into a [cache.Store], so that forms and
// dropdowns read it there and pay no request.
//
//	s, err := resync.New(provider, store, &resync.Options{Source: "acme/connectwise"})
//	report, err := s.Run(ctx)
//	report.WriteText(os.Stdout)
//
// A run has three phases.
//
// Collect lists every kind, [Options.Concurrency] lists at a time, parents
// before children. A row the snapshot already has is neither decoded nor
// written. What cannot be read completely (a missing right, a timeout, a short
// list, a row that makes no sense) is stale, never empty: its last good rows
// stay, and the run is partial.
//
// Process compares with the snapshot field by field, looks for what a person
// should mend in the PSA, asks the registered maps what the change breaks, and
// stops where a kind would lose more rows than the guard allows, until somebody
// confirms exactly that removal with [Accept].
//
// Update is one atomic commit. Cancelled or killed at any moment before, the
// old snapshot is whole.
//
// # Requests
//
// A run that finds no row missing costs one request for the instance and the
// pages of the lists, nothing else. Absence is never taken for a deletion
// without proof: before rows are removed,
//
//   - each list that lost rows is counted, where the vendor counts; if the count
//     disagrees, rows moved while the list was read, and it is read and counted
//     once more; if it still disagrees the kind is stale;
//   - a list that repeats an id is read once more, since a page that shifted
//     may hide a row as well as repeat one;
//   - a kind, or the children of one parent, that became empty is checked for
//     the right to read it, since some vendors answer a missing right with an
//     empty list; what neither a count nor a check can confirm is stale.
//
// A parent that is gone takes its children along even if the list of another
// parent failed, since nothing may point at what is not there. A child that had
// moved to that other parent comes back with the next run that can read it.
//
// # Inactive rows
//
// They are kept and marked, since old tickets point at them, and are never
// offered as options. Many products copy active rows only;
// [Options.ActiveOnly] does that.
package resync
