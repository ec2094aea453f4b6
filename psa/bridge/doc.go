// Package bridge keeps the records of two systems the same: companies, sites,
// contacts, tickets, notes and time entries of a PSA and a host platform, or of
// two PSAs.
//
// [New] takes two providers, a cache.State that remembers what both agreed on,
// and a field map. [Bridge.Plan] looks and writes nothing, [Bridge.Apply] does
// what a plan shows, [Bridge.Once] is one cycle, [Bridge.Run] polls until it is
// cancelled. README.md in this directory is the guide, from the first dry run to
// the last migration phase.
//
// A cycle reads what changed on either side and compares it three ways with the
// base, the last state both sides agreed on. What is decided about a pair of
// records is a pure function of the base, both records, the map and the policy.
// An echo of the bridge's own write equals the base and dissolves.
//
// Every write follows one protocol: the intent is stored, the record is read
// again and compared anew, only changed fields are written, and what the system
// answers is compared with what was sent before it becomes the base. A create
// carries a marker made of the source record's identity and is looked up by it
// before it is made, so that neither a lost answer, nor a killed process, nor a
// lost state makes two records of one.
//
// One window cannot be closed against vendors without compare-and-set: a person
// who edits the very field that is being written, between the read and the
// write that follows it at once.
package bridge
