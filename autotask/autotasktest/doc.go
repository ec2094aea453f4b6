// Package autotasktest is a simulator of the Autotask PSA REST API v1.0 for
// tests: a tenant with data, and a server that answers from it the way the
// vendor does, oddities included.
//
//	srv := autotasktest.NewServer(autotasktest.Small(), nil)
//	defer srv.Close()
//	creds := srv.Credentials()
//	// give srv.URL() and creds to the program under test
//
// URL is where zone discovery answers; the zone's own URL is in that answer.
//
// Inside a testing/synctest bubble nothing may listen on a socket:
//
//	srv := autotasktest.NewServer(tenant, &autotasktest.Options{InProcess: true})
//	client := &http.Client{Transport: srv.Transport()} // knows srv.URL() and the zones
//
// What the simulator answers follows the vendor's developer help and REST
// schema. Where those are silent it takes the stricter reading, and Options
// switches to the other one.
package autotasktest
