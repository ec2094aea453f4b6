// Package psatest tests implementations of psa.Provider, and has one in memory
// to test programs against. It is for tests and examples.
//
// # Testing a provider
//
// [Run] is the conformance suite: every rule of package psa is a subtest that
// prints its sentence when it fails. A test of an adapter is a [Harness] that
// opens a fresh tenant and says what can be done behind the provider's back:
//
//	func TestConformance(t *testing.T) {
//		psatest.Run(t, psatest.Harness{Open: func(t testing.TB) *psatest.World {
//			sim := connectwisetest.NewServer(...)      // the tenant, in process
//			p, err := connectwise.New(...)             // with sim.Transport() and small pages
//			...
//			return &psatest.World{
//				Provider: p,
//				Canaries: ...,                         // planted secrets, and the credentials
//				Fill:     map[psa.Kind]func(int){psa.KindBoard: ..., psa.KindStatus: ...},
//				Rename:   ..., Remove: ...,
//				Trouble:  map[psatest.Trouble]func(psa.Kind){psatest.ServerError: ...},
//				Plant:    map[psatest.Oddity]func(string){psatest.TimedNote: ...},
//			}
//		}})
//	}
//
// What runs is decided by Features: a provider that offers no Update runs no
// case about updates. What a vendor or its simulator cannot do is declared in
// Harness.Known with the reason; a declared case must still fail. Nothing is
// skipped.
//
// Each case runs in a testing/synctest bubble of its own, on a tenant of its
// own: waits cost no time and goroutines are watched. Fill makes several pages
// of rows, so give the provider pages of 5 to 50 rows. The example shows a
// host's own tables as a provider.
//
// # Testing a program
//
// [NewProvider] returns a scriptable account in memory. [Boards], [Flat] and
// [Types] are small tenants in the three shapes that vendors have: statuses by
// board, one list of statuses, statuses by ticket type.
package psatest
