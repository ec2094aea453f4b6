// Package adaptertest is what the tests of the three adapters share besides
// the conformance suite: answers of a server that is not there, fixtures of
// rows, and the speed and memory of lists.
package adaptertest
