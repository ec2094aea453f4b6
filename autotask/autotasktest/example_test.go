package autotasktest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/psasync/psasync/autotask/autotasktest"
)

// call sends one request with the three headers of the API.
func call(client *http.Client, keys autotasktest.Credentials, method, url, body string) (int, string, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("ApiIntegrationCode", keys.IntegrationCode)
	req.Header.Set("UserName", keys.UserName)
	req.Header.Set("Secret", keys.Secret)
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw), err
}

func Example() {
	tenant := autotasktest.NewTenant()
	tenant.Add("Departments", autotasktest.Row{"name": "Field Services", "description": "", "number": ""})

	srv := autotasktest.NewServer(tenant, nil)
	defer srv.Close()
	keys := srv.Credentials()

	_, body, err := call(http.DefaultClient, keys, "GET", srv.URL()+"/ATServicesRest/V1.0/zoneInformation?user="+url.QueryEscape(keys.UserName), "")
	if err != nil {
		fmt.Println(err)
		return
	}
	var zone struct{ URL string }
	if err := json.Unmarshal([]byte(body), &zone); err != nil {
		fmt.Println(err)
		return
	}
	_, body, err = call(http.DefaultClient, keys, "POST", zone.URL+"V1.0/Departments/query", `{"filter":[{"op":"gte","field":"id","value":0}]}`)
	fmt.Println(body, err)
	// Output: {"items":[{"id":1,"description":"","name":"Field Services","number":"","primaryLocationID":null}],"pageDetails":{"count":1,"requestCount":500,"prevPageUrl":null,"nextPageUrl":null}} <nil>
}

func ExampleServer_MoveZone() {
	srv := autotasktest.NewServer(autotasktest.Small(), &autotasktest.Options{InProcess: true})
	client := &http.Client{Transport: srv.Transport()}
	count := func(zone string) {
		status, body, err := call(client, srv.Credentials(), "POST", zone+"/ATServicesRest/V1.0/Tickets/query/count", `{"filter":[{"op":"exist","field":"id"}]}`)
		fmt.Println(status, body, err)
	}
	first := srv.MoveZone()
	count(first)
	second := srv.MoveZone()
	count(first)
	count(second)
	// Output:
	// 200 {"queryCount":12} <nil>
	// 401  <nil>
	// 200 {"queryCount":12} <nil>
}
