// Package rest is the HTTP core under the vendor packages.
//
// A [Client] sends one request at a time to one origin: it adds credentials,
// waits for the connection's [Budget], repeats what is safe to repeat, reads
// the whole bounded body and turns every failure into a *psa.Error. [Records]
// pumps the pages of a list into records; [Rows], [Member] and [Shape] are its
// parts for everything that is no list.
package rest
