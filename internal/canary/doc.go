// Package canary looks for planted values in what the SDK writes: credentials,
// people's pay and texts that only colleagues may read. Simulators plant them,
// tests collect what is written, and one [Scanner] finds a value in every form
// in which it may have been written down.
package canary
