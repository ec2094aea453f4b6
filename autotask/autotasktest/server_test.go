package autotasktest

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// discover calls zone discovery without credentials.
func (c *client) discover(host, user string) answer {
	req, err := http.NewRequest("GET", host+"/atservicesrest/v1.0/zoneInformation?user="+url.QueryEscape(user), nil)
	if err != nil {
		return answer{err: err}
	}
	resp, err := c.srv.Transport().RoundTrip(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, raw, err}
}

// Zone discovery, a query by POST over pages, and metadata: what a program
// does first.
func TestEndToEnd(t *testing.T) {
	c := serve(t, Small(), Options{})
	z := c.discover(c.srv.URL(), c.srv.Credentials().UserName).object(t)
	if z["url"] != "https://webservices1.autotask.invalid/ATServicesRest/" || z["ci"] != 41001 || z["zoneName"] != "America East" || !strings.HasSuffix(z["webUrl"].(string), "/") {
		t.Fatalf("zone %v", z)
	}
	c.discover(c.srv.URL(), "nobody@summitmsp.example").fails(t, 500, `{"errors":["`)
	c.discover(c.srv.URL(), "").fails(t, 500, `{"errors":["`)
	c.base = z["url"].(string) + "V1.0"
	pages := c.walk(t, "Tickets", Row{"MaxRecords": 5, "filter": []any{cond("gte", "id", 0)}})
	if len(pages) != 3 || len(pages[0]) != 5 || len(pages[2]) != 2 || pages[0][0] != firstTicket {
		t.Errorf("pages %v", pages)
	}
	for _, f := range c.get("/Tickets/entityInformation/fields").object(t)["fields"].([]any) {
		if at(f, "name") == "status" {
			if at(f, "isPickList") != true || at(f, "picklistValues", 1, "value") != "5" || at(f, "picklistValues", 1, "label") != "Complete" {
				t.Errorf("status %v", f)
			}
		}
	}
	for _, e := range loadSchema().list {
		if n := len(c.query(e.path).rows(t)); n == 0 {
			t.Errorf("%s is empty", e.path)
		}
	}
	if c.srv.Violations() != 0 {
		t.Error("violations")
	}
}
