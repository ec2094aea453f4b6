package simulator

import (
	"slices"
	"testing"
)

func TestRights(t *testing.T) {
	var r Rights
	if r.Denies("GET", "/x") || r.Hides() || r.Hidden("x", 1) || r.Denied() != nil {
		t.Error("the zero value does not allow everything")
	}
	r.Deny("get", "/Service/*/notes")
	r.Deny("", "/company/**")
	for _, tt := range []struct {
		method, path string
		want         bool
	}{
		{"GET", "/service/1/Notes", true},
		{"POST", "/service/1/notes", false},
		{"GET", "/service/1", false},
		{"DELETE", "/company/companies/7", true},
	} {
		if got := r.Denies(tt.method, tt.path); got != tt.want {
			t.Errorf("%s %s: %v", tt.method, tt.path, got)
		}
	}
	if got := r.Denied(); !slices.Equal(got, []string{"get /Service/*/notes", "/company/**"}) {
		t.Error(got)
	}
	r.Hide("x", 1)
	if !r.Hides() || !r.Hidden("x", 1) || r.Hidden("x", 2) || r.Hidden("y", 1) {
		t.Error("one row is hidden")
	}
	r.AllowAll()
	if r.Denies("DELETE", "/company/companies/7") || r.Hides() || r.Hidden("x", 1) {
		t.Error("something was not given back")
	}
}
