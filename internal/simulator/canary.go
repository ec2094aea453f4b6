package simulator

// Canary is a planted value that no program may keep: money or a secret that
// the vendor returns although nobody needs it.
type Canary struct {
	Entity string // vendor's name of the record, such as Member
	Field  string // vendor's key, such as hourlyCost
	Value  string // the text to search for in everything a program writes
}
