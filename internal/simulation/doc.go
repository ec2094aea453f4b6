// Package simulation runs whole histories of a bridge: people and rules on both
// sides, faults, crashes before and after every access, several processes, lost
// and restored states. The engine is the real one; the systems and the state are
// fakes that remember what everybody knew when they wrote. After each history the
// faults end, the bridge settles, and every invariant is checked.
//
// All choices come from one [Tape] of bytes: a seed, a fuzz input and a failure
// that was shrunk are the same thing. docs/reliability.md says what the
// invariants (I1 to I31) mean, what they promise, and how to replay a seed.
//
// Checked elsewhere: I17 to I19 (tenants, secrets, egress) and I24 (rates) by
// internal/endtoend and internal/rest, I20 by psa/resync, I21 by mapping, I27
// (dry runs) by psa/bridge. Not checked yet: I9 needs webhooks, which do not
// exist; I10 (order of independent edits) and I15 (the value each strategy gives)
// are properties of conflict and of the planner's own tests.
package simulation
