package connectwisetest_test

import (
	"fmt"
	"io"
	"net/http"

	"github.com/psasync/psasync/connectwise/connectwisetest"
)

func Example() {
	tenant := connectwisetest.NewTenant()
	board := tenant.AddBoard("Service Desk")
	tenant.AddStatus(board, "New", false)
	tenant.AddStatus(board, "Closed", true)

	srv := connectwisetest.NewServer(tenant, nil)
	defer srv.Close()
	keys := srv.Credentials()

	url := fmt.Sprintf("%s/v4_6_release/apis/3.0/service/boards/%d/statuses?fields=id,name,closedStatus", srv.URL(), board)
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.SetBasicAuth(keys.Company+"+"+keys.PublicKey, keys.PrivateKey)
	req.Header.Set("clientId", keys.ClientID)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(body))
	// Output: [{"id":1,"name":"New","closedStatus":false},{"id":2,"name":"Closed","closedStatus":true}]
}

func ExampleServer_Fail() {
	srv := connectwisetest.NewServer(connectwisetest.Small(), &connectwisetest.Options{InProcess: true})
	// The second page of every list of tickets is a proxy's login page once.
	page := connectwisetest.LoginPage()
	page.Path, page.Nth = "/service/tickets", 2
	srv.Fail(page)

	client := &http.Client{Transport: srv.Transport()}
	keys := srv.Credentials()
	for n := 1; n <= 3; n++ {
		req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/v4_6_release/apis/3.0/service/tickets?pageSize=5&page=%d", srv.URL(), n), nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		req.SetBasicAuth(keys.Company+"+"+keys.PublicKey, keys.PrivateKey)
		req.Header.Set("clientId", keys.ClientID)
		resp, err := client.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	// Output:
	// 200 application/json; charset=utf-8
	// 200 text/html; charset=utf-8
	// 200 application/json; charset=utf-8
}
