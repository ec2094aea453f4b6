// Package psa is the vocabulary of psasync: what a professional services
// automation system (PSA) holds, and what a provider of it can do.
//
// An MSP's PSA (ConnectWise PSA, Autotask PSA, HaloPSA) is seen through one
// [Provider]. It yields [Record] values of a [Kind]: configuration (boards,
// statuses, priorities, custom fields, ...) and records (companies, contacts,
// tickets, notes, time entries). Fields have canonical names, the same for
// every vendor, listed with type, unit and class by [Schema]; a typed view
// (psa.Status, psa.Ticket, ...) is decoded from a record by [As].
//
// Everything past the four methods of Provider is optional: package functions
// such as [Count], [Check] or [Update] find the extra and return
// [ErrUnsupported] where a provider lacks it. [Features] says the same as data,
// before a call is made.
//
// To copy a PSA's configuration into a cache, see psa/resync. To implement a
// provider, see psa/psatest, whose conformance suite states every rule.
package psa
