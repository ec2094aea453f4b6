package accounts_test

import (
	"strings"
	"testing"

	"github.com/psasync/psasync/internal/canary"
	"github.com/psasync/psasync/internal/canary/accounts"
)

// Values of all vendors differ, and each is found.
func TestLeaks(t *testing.T) {
	seen := map[string]string{}
	classes := map[canary.Class]int{}
	for _, v := range accounts.Values() {
		if seen[v.Text] != "" {
			t.Errorf("%s and %s are the same", v.What, seen[v.Text])
		}
		seen[v.Text] = v.What
		classes[v.Class]++
		hits, err := accounts.Leaks([]byte("it is " + v.Text + "."))
		if err != nil || len(hits) == 0 {
			t.Errorf("%s is not found (%v)", v.What, err)
		}
	}
	if classes[canary.Secret] < 50 || classes[canary.Private] < 5 {
		t.Errorf("too little is planted: %v", classes)
	}
	if hits, err := accounts.Leaks([]byte(strings.Repeat("a report without a secret, ", 99))); err != nil || len(hits) > 0 {
		t.Errorf("%v, %v", hits, err)
	}
}
