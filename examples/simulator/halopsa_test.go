package main

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// The HaloPSA vendor tells where tokens come from, gives one for the announced
// credentials, and has a control page.
func TestHaloPSA(t *testing.T) {
	svc, err := halopsa(config{tenant: "small"}, "http://127.0.0.1:8081")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, v := range svc.env {
		env[v.name] = v.value
	}
	w := httptest.NewRecorder()
	svc.api.ServeHTTP(w, httptest.NewRequest("GET", env["HALO_URL"]+"/api/authinfo", nil))
	var info struct {
		AuthURL  string `json:"auth_url"`
		TenantID string `json:"tenant_id"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &info); err != nil || info.TenantID != env["HALO_TENANT"] || !strings.HasPrefix(info.AuthURL, env["HALO_URL"]+"/") {
		t.Fatalf("authinfo %s %v", w.Body, err)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {env["HALO_CLIENT_ID"]}, "client_secret": {env["HALO_CLIENT_SECRET"]}, "scope": {"all"}}
	req := httptest.NewRequest("POST", strings.TrimRight(info.AuthURL, "/")+"/token", strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w = httptest.NewRecorder()
	svc.api.ServeHTTP(w, req)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &token); err != nil || token.AccessToken == "" {
		t.Fatalf("token %d %v", w.Code, err)
	}
	req = httptest.NewRequest("GET", env["HALO_URL"]+"/api/Team", nil)
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	w = httptest.NewRecorder()
	svc.api.ServeHTTP(w, req)
	if w.Code != 200 || !strings.Contains(w.Body.String(), "1st Line Support") {
		t.Errorf("teams %d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	svc.control.ServeHTTP(w, httptest.NewRequest("GET", env["HALO_URL"]+"/_sim/", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "HaloPSA") {
		t.Errorf("control page %d", w.Code)
	}
	if _, err := halopsa(config{tenant: "huge"}, ""); err == nil {
		t.Error("an unknown tenant was taken")
	}
}
