// Package connectwisetest is a simulator of the ConnectWise PSA (Manage) REST
// API for tests: a tenant with data, and a server that answers from it the way
// the vendor does, oddities included.
//
//	srv := connectwisetest.NewServer(connectwisetest.Small(), nil)
//	defer srv.Close()
//	creds := srv.Credentials()
//	// give srv.URL() and creds to the program under test
//
// Inside a testing/synctest bubble nothing may listen on a socket:
//
//	srv := connectwisetest.NewServer(tenant, &connectwisetest.Options{InProcess: true})
//	client := &http.Client{Transport: srv.Transport()} // knows only srv.URL()
//
// What the simulator answers follows the vendor's developer guide and REST
// schema (2025.1). Where those are silent it takes the stricter reading, and
// Options switches to the other one.
package connectwisetest
