// Package benchmarks compares a compiled field map with the other ways of
// doing what it does: Go written by hand, an expression language with a program
// for each rule, and a struct decoded and encoded by reflection.
//
// It is a module of its own, so that what it compares with is no dependency of
// the SDK. README.md holds the results.
package benchmarks
