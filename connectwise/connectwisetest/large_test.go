package connectwisetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/psasync/psasync/internal/simulator"
	"pgregory.net/rapid"
)

// Every canary is planted, and the API returns it unless it is not selected.
func TestCanaries(t *testing.T) {
	for name, tenant := range map[string]*Tenant{"small": Small(), "large": smallVirtual(3, 3)} {
		c := serve(t, tenant, Options{Limit: Limit{Requests: -1}})
		seen := map[string]string{} // entity -> all answers
		for path, e := range c.lists() {
			seen[e.entity] += string(c.get(with(path, "pageSize", "1000")).raw)
		}
		for _, k := range Canaries() {
			if name == "large" && k.Entity == "TimeEntry" {
				continue // Large has no time entries
			}
			if !strings.Contains(seen[k.Entity], fmt.Sprintf("%q:", k.Field)) || !strings.Contains(seen[k.Entity], k.Value) {
				t.Errorf("%s: %s.%s is not in the answers", name, k.Entity, k.Field)
			}
		}
		for _, info := range []string{"MemberInfo", "WorkRoleInfo", "WorkTypeInfo", "ServiceTemplateInfo"} {
			for _, k := range Canaries() {
				if strings.Contains(seen[info], k.Value) {
					t.Errorf("%s holds %s.%s", info, k.Entity, k.Field)
				}
			}
		}
		if a := c.get("/system/members?fields=id,identifier"); strings.Contains(string(a.raw), "canary") {
			t.Error("fields did not drop a canary")
		}
	}
	all := Canaries()
	for i, a := range all {
		for j, b := range all {
			if i != j && strings.Contains(a.Value, b.Value) {
				t.Errorf("canary %s.%s holds %s.%s", a.Entity, a.Field, b.Entity, b.Field)
			}
		}
	}
}

// What a virtual table says about a field without making the row is what the
// row holds, and the bytes are what the encoder would write for the row.
func TestVirtualFieldsAgree(t *testing.T) {
	tenant := smallVirtual(500, 500)
	c := serve(t, tenant, Options{Limit: Limit{Requests: -1}})
	rapid.Check(t, func(t *rapid.T) {
		table := rapid.SampledFrom([]string{"contacts", "tickets"}).Draw(t, "table")
		i := rapid.IntRange(0, 499).Draw(t, "i")
		tenant.store.View(func(tx *simulator.Tx) {
			v, plain := tx.Table(table).Plain()
			if !plain {
				t.Fatal("not a virtual table")
			}
			row, err := simulator.Decode(v.JSON(i))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range loadAPI().schema[loadAPI().byTable[table].entity].fields {
				quick, answered := v.Field(i, f.name)
				want := at(row, f.name)
				switch {
				case !answered:
				case f.name == "_info":
					if at(quick, "lastUpdated") != at(want, "lastUpdated") || at(quick, "updatedBy") != at(want, "updatedBy") {
						t.Fatalf("%s: %v, row has %v", f.name, quick, want)
					}
				case isRef(f.typ):
					if refID(quick) != refID(want) {
						t.Fatalf("%s: %v, row has %v", f.name, quick, want)
					}
				case !reflect.DeepEqual(quick, want):
					t.Fatalf("%s: %v, row has %v", f.name, quick, want)
				}
			}
		})
		if i%5 != 0 {
			return
		}
		// With all fields named the row goes through the encoder: same values.
		path := map[string]string{"contacts": "/company/contacts", "tickets": "/service/tickets"}[table]
		id := map[string]int{"contacts": firstContact, "tickets": firstTicket}[table] + i
		direct := c.get(fmt.Sprintf("%s/%d", path, id))
		var a, b map[string]any
		if err := json.Unmarshal(direct.raw, &a); err != nil {
			t.Fatal(err)
		}
		var names []string
		for k := range a {
			if k != "_info" {
				names = append(names, k)
			}
		}
		slices.Sort(names)
		encoded := c.get(fmt.Sprintf("%s/%d?fields=%s", path, id, strings.Join(names, ",")))
		if err := json.Unmarshal(encoded.raw, &b); err != nil {
			t.Fatalf("%v: %s", err, encoded.raw)
		}
		delete(a, "_info")
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("generated %v\nencoded %v", a, b)
		}
	})
}

// Rows of a large tenant can be changed and deleted like any others.
func TestLargeTenantTakesWrites(t *testing.T) {
	c := serve(t, smallVirtual(400, 400), Options{Limit: Limit{Requests: -1}})
	path := fmt.Sprintf("/company/contacts/%d", firstContact+77)
	row := c.do("PATCH", path, patches("replace", "title", "Changed")).row(t, 200)
	if row["title"] != "Changed" || row["portalPassword"] == nil {
		t.Errorf("patched %v", row)
	}
	got := ids(c.get(with("/company/contacts", "conditions", `title = "Changed"`)).rows(t))
	if !slices.Equal(got, []int{firstContact + 77}) {
		t.Errorf("found %v", got)
	}
	tpath := fmt.Sprintf("/service/tickets/%d", firstTicket+5)
	c.do("POST", tpath+"/notes", Row{"text": "x", "detailDescriptionFlag": true}).row(t, 201)
	if n := len(c.get(tpath + "/notes").rows(t)); n != 1 {
		t.Errorf("%d notes", n)
	}
	if d := c.do("DELETE", tpath, nil); d.status != 204 {
		t.Fatalf("%d %s", d.status, d.raw)
	}
	if n := c.get("/service/tickets/count").row(t, 200)["count"]; n != 399 {
		t.Errorf("%v tickets", n)
	}
	c.head["pagination-type"] = "forward-only"
	all, _ := c.walk(t, "/service/tickets?pageSize=150&fields=id")
	if len(all) != 399 || slices.Contains(all, firstTicket+5) || !slices.IsSorted(all) {
		t.Errorf("walked %d tickets", len(all))
	}
}

// Listing a large table needs no memory for its rows.
func TestLargeListsStream(t *testing.T) {
	const n = 10_000
	tenant := smallVirtual(n, 1)
	srv := NewServer(tenant, &Options{InProcess: true})
	k := srv.Credentials()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most, bytes := heap(), uint64(0), int64(0)
	for id, pages := 0, 0; ; pages++ {
		req, _ := http.NewRequest("GET", fmt.Sprintf("%s/v2025_1/apis/3.0/company/contacts?pageSize=1000&pageId=%d", srv.URL(), id), nil)
		req.SetBasicAuth(k.Company+"+"+k.PublicKey, k.PrivateKey)
		req.Header.Set("clientId", k.ClientID)
		req.Header.Set("pagination-type", "forward-only")
		resp, err := srv.Transport().RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		m, err := io.CopyN(io.Discard, resp.Body, 1<<20)
		if pages%4 == 0 { // in the middle of a page
			most = max(most, heap())
		}
		rest, err2 := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		bytes += m + rest
		if resp.Header.Get("Link") == "" {
			break
		}
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		id = max(id, firstContact-1) + 1000
	}
	if bytes < n*2000 || bytes > n*5000 {
		t.Errorf("%d bytes for %d contacts", bytes, n)
	}
	if grown := int64(most) - int64(before); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes while %d bytes were listed", grown, bytes)
	}
}

func TestLarge(t *testing.T) {
	c := serve(t, Large(), Options{})
	for path, want := range map[string]int{"/service/boards": 150, "/company/contacts": 100_000, "/service/tickets": 100_000, "/company/companies": 301} {
		if n := c.get(path+"/count").row(t, 200)["count"]; n != want {
			t.Errorf("%s: %v rows, want %d", path, n, want)
		}
	}
	// The last page of a list is as near as the first, and so is an id range.
	a := c.get("/service/tickets?pageSize=1000&page=100&fields=id")
	if rows := ids(a.rows(t)); len(rows) != 1000 || rows[999] != firstTicket+99_999 {
		t.Errorf("last page has %d rows", len(rows))
	}
	got := ids(c.get(with("/company/contacts", "conditions", "id > 131040 and id <= 131043", "fields", "id")).rows(t))
	if !slices.Equal(got, []int{131041, 131042, 131043}) {
		t.Errorf("id range %v", got)
	}
	if n := c.get(with("/service/tickets/count", "conditions", "closedFlag = false and lastUpdated > [2026-05-31T00:00:00Z]")).row(t, 200)["count"].(int); n < 10 || n > 1000 {
		t.Errorf("%d open tickets of the last day", n)
	}
}
