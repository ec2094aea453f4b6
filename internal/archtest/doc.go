// Package archtest holds the rules of the repository as tests: who may import
// whom and why, that every package is documented once, that fixtures hold no
// secret, that the code in the documents compiles, and that an importer of the
// SDK links no SQL engine. It has no code of its own.
package archtest
