package adaptertest

import (
	"bytes"
	"net/http"
	"regexp"
	"time"

	"github.com/psasync/psasync/internal/simulator"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/psatest"
)

// A Simulator is what Trouble is made with.
type Simulator interface {
	Fail(...simulator.Fault) []int
	Deny(method, path string)
	Before(func(*http.Request))
}

// Trouble is what differs between the vendors when something goes wrong with
// the requests for one kind.
type Trouble struct {
	Server  Simulator
	Below   func(psa.Kind) string              // path of all requests for a kind
	Lists   func(*http.Request, psa.Kind) bool // whether a request lists a kind
	Take    func(psa.Kind)                     // removes a row of the first page
	Rotate  func()                             // changes the credentials
	Limited string                             // body of an answer 429
	Failed  string                             // body of an answer 500
	RowID   *regexp.Regexp                     // group 1 finds the id of a row in a page; nil: the first "id"
}

// All returns each trouble but psatest.LostReply.
func (v Trouble) All() map[psatest.Trouble]func(psa.Kind) {
	always := func(f simulator.Fault) func(psa.Kind) {
		return func(kind psa.Kind) {
			f.Path, f.Count = v.Below(kind), -1
			v.Server.Fail(f)
		}
	}
	return map[psatest.Trouble]func(psa.Kind){
		psatest.AuthRefused:  func(psa.Kind) { v.Rotate() },
		psatest.RightRemoved: func(kind psa.Kind) { v.Server.Deny("", v.Below(kind)) },
		psatest.RateLimited:  always(simulator.Fault{Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "3600"}, Body: v.Limited}),
		psatest.ServerError:  always(simulator.Fault{Status: http.StatusInternalServerError, Body: v.Failed}),
		psatest.CutBody:      always(simulator.Truncated(simulator.CutValid)),
		psatest.LoginPage:    always(simulator.LoginPage()),
		psatest.RepeatedPage: always(simulator.Fault{RepeatPage: true}),
		psatest.CappedPage:   always(simulator.Fault{CapPage: 25}),
		psatest.WrongCount:   always(simulator.Fault{CountDelta: -7}),
		psatest.Hang:         always(simulator.Fault{Latency: 24 * time.Hour}),
		psatest.BadRow:       always(simulator.Fault{Rewrite: v.spoil}),
		psatest.MovingRows: func(kind psa.Kind) {
			n := 0
			v.Server.Before(func(r *http.Request) {
				if v.Lists(r, kind) {
					if n++; n == 2 {
						v.Take(kind)
					}
				}
			})
		},
	}
}

// spoil gives one row of a page an object for its id.
func (v Trouble) spoil(body []byte) []byte {
	at := anID.FindIndex(body)
	if v.RowID != nil {
		if at = v.RowID.FindSubmatchIndex(body); at != nil {
			at = at[2:4]
		}
	}
	if at == nil {
		return body
	}
	return bytes.Join([][]byte{body[:at[0]], []byte(`"id":{"no":"id"}`), body[at[1]:]}, nil)
}
