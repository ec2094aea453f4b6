// Package psatest tests implementations of psa.Provider, and has one in memory
// to test programs against.
package psatest
