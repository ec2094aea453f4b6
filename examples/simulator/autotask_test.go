package main

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// The Autotask vendor answers at the announced URL and has a control page.
func TestAutotask(t *testing.T) {
	svc, err := autotask(config{tenant: "small"}, "http://127.0.0.1:8081")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, v := range svc.env {
		env[v.name] = v.value
	}
	if env["AT_URL"] != "http://127.0.0.1:8081" || env["AT_INTEGRATION_CODE"] == "" || env["AT_SECRET"] == "" || env["AT_RESOURCE_ID"] == "" {
		t.Errorf("environment %v", env)
	}
	w := httptest.NewRecorder()
	svc.api.ServeHTTP(w, httptest.NewRequest("GET", env["AT_URL"]+"/ATServicesRest/V1.0/zoneInformation?user="+url.QueryEscape(env["AT_USERNAME"]), nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"url":"http://127.0.0.1:8081/ATServicesRest/"`) {
		t.Errorf("zone %d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	svc.control.ServeHTTP(w, httptest.NewRequest("GET", env["AT_URL"]+"/_sim/", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "Autotask PSA") {
		t.Errorf("control page %d", w.Code)
	}
	if _, err := autotask(config{tenant: "huge"}, ""); err == nil {
		t.Error("an unknown tenant was taken")
	}
}
