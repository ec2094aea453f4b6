package halopsatest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/psasync/psasync/halopsa/halopsatest"
)

// login gets a token as a program does.
func login(client *http.Client, srv *halopsatest.Server) string {
	k := srv.Credentials()
	resp, err := client.PostForm(srv.AuthURL()+"/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {k.ClientID}, "client_secret": {k.ClientSecret}, "scope": {"all"},
	})
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	var t struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&t); err != nil {
		panic(err)
	}
	return t.AccessToken
}

// A test reads a made-up tenant over HTTP; pages of tickets hold 100 rows
// whatever is asked for.
func ExampleNewServer() {
	srv := halopsatest.NewServer(halopsatest.Medium(), &halopsatest.Options{InProcess: true})
	defer srv.Close()
	client := &http.Client{Transport: srv.Transport()}

	req, err := http.NewRequest("GET", srv.URL()+"/api/Tickets?pageinate=true&page_size=1000&page_no=1&order=id", nil)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+login(client, srv))
	resp, err := client.Do(req)
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	var page struct {
		Count   int `json:"record_count"`
		Tickets []struct {
			ID int `json:"id"`
		} `json:"tickets"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		panic(err)
	}
	fmt.Println(resp.StatusCode, len(page.Tickets), "of", page.Count, "tickets, the first is", page.Tickets[0].ID)
	// Output: 200 100 of 500 tickets, the first is 4321
}

// Tenant methods stand for people at work; the request log shows what a program
// did, and the mail what Halo would have told people.
func ExampleTenant_Add() {
	tenant := halopsatest.NewTenant()
	tenant.AddStatus("New", false)
	client, _ := tenant.AddClient("Acme Widgets")

	srv := halopsatest.NewServer(tenant, &halopsatest.Options{InProcess: true})
	defer srv.Close()
	http1 := &http.Client{Transport: srv.Transport()}
	req, err := http.NewRequest("POST", srv.URL()+"/api/Tickets", strings.NewReader(fmt.Sprintf(`[{"summary":"Disk full","client_id":%d}]`, client)))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+login(http1, srv))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http1.Do(req)
	if err != nil {
		panic(err)
	}
	resp.Body.Close()

	for _, id := range tenant.IDs("/Tickets") {
		fmt.Println(tenant.Get("/Tickets", id)["summary"])
	}
	for _, r := range srv.Requests() {
		fmt.Println(r.Method, r.Path, r.Status)
	}
	fmt.Println(srv.MailSent(), "mails")
	// Output:
	// Disk full
	// POST /auth/token 200
	// POST /api/Tickets 201
	// 0 mails
}

// A fault hits the second page only.
func ExampleServer_Fail() {
	srv := halopsatest.NewServer(halopsatest.Small(), &halopsatest.Options{InProcess: true})
	defer srv.Close()
	client := &http.Client{Transport: srv.Transport()}
	token := login(client, srv)
	srv.Fail(halopsatest.Fault{Path: "/Client", Nth: 2, Status: http.StatusBadGateway})
	for page := 1; page <= 3; page++ {
		req, err := http.NewRequest("GET", fmt.Sprintf("%s/api/Client?pageinate=true&page_size=2&page_no=%d", srv.URL(), page), nil)
		if err != nil {
			panic(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := client.Do(req)
		if err != nil {
			panic(err)
		}
		resp.Body.Close()
		fmt.Println(resp.StatusCode)
	}
	// Output:
	// 200
	// 502
	// 200
}
