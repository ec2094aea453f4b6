// Package endtoend tests the whole way from a vendor's simulator through
// adapter and Syncer into a store. It has no code of its own.
package endtoend
