package connectwisetest

import (
	"fmt"
	"io"
	"net/http"
	"testing"
)

func TestSmoke(t *testing.T) {
	s := NewServer(Small(), &Options{InProcess: true})
	for _, p := range []string{"/service/boards?pageSize=2", "/service/boards/12/statuses?pageSize=1", "/service/boards/12/typeSubTypeItemAssociations?pageSize=2", "/service/boards/12/items/741/associations", "/service/tickets?pageSize=1&conditions=board/id=12", "/service/tickets/48213/allNotes", "/company/contacts?pageSize=1", "/service/teams?pageSize=1", "/system/info/members?pageSize=1", "/time/entries?pageSize=1", "/service/tickets/count", "/system/members?fields=id,_info&pageSize=2", "/company/companies?pageSize=1", "/service/foo"} {
		req, _ := http.NewRequest("GET", s.URL()+"/v4_6_release/apis/3.0"+p, nil)
		c := s.Credentials()
		req.SetBasicAuth(c.Company+"+"+c.PublicKey, c.PrivateKey)
		req.Header.Set("clientId", c.ClientID)
		r, err := s.Transport().RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(r.Body)
		fmt.Println(p, r.StatusCode, r.Header.Get("Link"), string(b))
	}
}
