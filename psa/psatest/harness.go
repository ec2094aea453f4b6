package psatest

import (
	"testing"

	"github.com/psasync/psasync/psa"
)

// A Harness is what [Run] needs to know about an implementation.
type Harness struct {
	// Open returns a provider on a fresh tenant of its own, with what can be
	// done to that tenant. It is called once or more for each case, inside its
	// testing/synctest bubble, and closes what it opened with t.Cleanup.
	//
	// The tenant should hold a few rows of every kind, an inactive one, rows
	// that were changed at different times, and no more than a few pages.
	Open func(t testing.TB) *World

	// Known lists deviations: the name of a case, or "case:kind" for one kind
	// only, and why the rule cannot be met. The case must still fail, so that
	// the entry goes when the reason is gone.
	Known map[string]string

	// RealTime runs the cases outside of testing/synctest, for providers that
	// wait for sockets. Waits are then real.
	RealTime bool
}

// A World is one tenant, its provider and what can be done behind the
// provider's back. A case that needs a missing function fails and says which:
// declare in Harness.Known what a vendor's simulator cannot do.
type World struct {
	Provider psa.Provider

	// Canaries are values of four bytes or more that must never leave the tenant,
	// as they are or encoded: planted money and secrets, and the connection's
	// credentials.
	Canaries []string

	// Fill leaves a kind with exactly n active rows. One entry is enough; the
	// suite lists many pages of it. Take kinds that are paged differently.
	Fill map[psa.Kind]func(n int)
	// Rename changes the name of a row of a kind in Fill, and when it was
	// changed.
	Rename func(ref psa.Ref, name string)
	// Remove deletes a row.
	Remove func(ref psa.Ref)
	// Trouble starts something that goes wrong with every request for a kind,
	// until the case ends.
	Trouble map[Trouble]func(kind psa.Kind)
	// Plant adds a row that canonical fields cannot describe. Its text (name,
	// summary, note) holds the token.
	Plant map[Oddity]func(token string)
	// Sample holds fields that make a valid row, for kinds that can be created
	// but not by copying the writable fields of a present row.
	Sample map[psa.Kind]psa.Fields
	// Mails tells how much mail the PSA would have sent so far.
	Mails func() int
}

// Trouble is something that goes wrong with the requests for one kind.
type Trouble string

// What can go wrong.
const (
	AuthRefused  Trouble = "credentials refused" // 401, for every request
	RightRemoved Trouble = "right removed"       // 403
	RateLimited  Trouble = "rate limited"        // 429 with a Retry-After
	ServerError  Trouble = "server error"        // 500 or 503
	CutBody      Trouble = "cut body"            // half a body that looks whole to HTTP
	LoginPage    Trouble = "login page"          // 200 with HTML
	RepeatedPage Trouble = "repeated page"       // the first page, for every page asked for
	CappedPage   Trouble = "capped page"         // fewer rows than asked for in every page
	WrongCount   Trouble = "wrong count"         // the vendor's count is off
	MovingRows   Trouble = "rows move"           // a row of a page already sent is removed while the next one is asked for
	BadRow       Trouble = "row makes no sense"  // one row has something else where its id or name is expected
	Hang         Trouble = "no answer"           // until the context is done
	LostReply    Trouble = "reply of write lost" // a write takes effect, its answer does not come
)

// An Oddity is a row that a vendor has and that is not what it looks like.
type Oddity string

// The oddities.
const (
	TimedNote     Oddity = "note with worked time"            // 0.25 hours on a ticket, shown among the notes
	ProjectTicket Oddity = "ticket that is no service ticket" // of a project, a task, an opportunity
	HiddenPerson  Oddity = "person who is none"               // a general user, a sentinel, an agent's own user row
	UnclearNote   Oddity = "note of unknown visibility"
)
