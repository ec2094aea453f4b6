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
// docs/reliability.md says for each invariant which file checks it, and for each
// fault where it is injected. I9 (webhooks in any order and number) does not
// apply: there are none, a bridge reads lists only.
package simulation
