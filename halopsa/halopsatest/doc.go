// Package halopsatest is a simulator of the HaloPSA (HaloITSM, HaloCRM) REST
// API for tests: a tenant with data, and a server that answers from it the way
// the vendor does, oddities included.
//
//	srv := halopsatest.NewServer(halopsatest.Small(), nil)
//	defer srv.Close()
//	creds := srv.Credentials()
//	// give srv.URL() and creds to the program under test
//
// Inside a testing/synctest bubble nothing may listen on a socket:
//
//	srv := halopsatest.NewServer(tenant, &halopsatest.Options{InProcess: true})
//	client := &http.Client{Transport: srv.Transport()} // knows only srv.URL() and srv.AuthURL()
//
// What the simulator answers follows the vendor's API document and what its
// users measured on real tenants. Where those are silent it takes the stricter
// reading, and Options switches to the other one.
package halopsatest
