package simulator

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Cut says how a body is cut off in the middle.
type Cut string

// The three ways a body arrives incomplete. The first two are read errors; a
// client that does not read JSON to its closing bracket misses the third.
const (
	CutLength Cut = "length" // Content-Length promises more than is sent
	CutChunk  Cut = "chunk"  // chunked, without the closing chunk
	CutValid  Cut = "valid"  // half of the body with a matching Content-Length
)

// Fault is something that goes wrong with some requests. The zero value of
// every field means "no": a Fault with only Latency set delays one request.
type Fault struct {
	// Which requests. Path is matched against the path below the API's root
	// (for ConnectWise: after /apis/3.0); "*" stands for one segment and a
	// trailing "/**" for any rest. Empty fields match everything.
	Method string
	Path   string
	Nth    int // first matching request that is hit, from 1; 0 means 1
	Count  int // how many are hit; 0 means 1, below 0 all

	// Before the vendor's code runs.
	Latency time.Duration

	// Status answers with that status, Header and Body instead of the
	// vendor's answer. With Apply the request takes effect all the same.
	Status int
	Header map[string]string
	Body   string
	Apply  bool

	// Drop closes the connection without an answer: before the request takes
	// effect, or with Apply after it.
	Drop bool

	// What happens to the vendor's body.
	Cut       Cut
	Rewrite   func(body []byte) []byte
	SlowChunk int           // bytes sent at once ...
	SlowEvery time.Duration // ... with this pause after each

	// What happens to a list. Lists without paging ignore these.
	EmptyList  bool   // no rows, although there are
	RepeatPage bool   // the first page again for every page asked for
	CapPage    int    // pages silently hold at most this many rows
	Shift      int    // later pages start this many rows late (rows skipped, as if earlier ones were deleted) or, if negative, early (rows repeated, as if some were inserted)
	NextHost   string // the link to the next page names this host
	CountDelta int    // the count is off by this many
}

// LoginPage is the fault "200 with an HTML page", as a proxy or an expired
// session answers.
func LoginPage() Fault {
	return Fault{
		Status: http.StatusOK,
		Header: map[string]string{"Content-Type": "text/html; charset=utf-8"},
		Body:   "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form method=\"post\"><input name=\"user\"></form></body></html>",
	}
}

// Redirect is the fault "307 to another place".
func Redirect(to string) Fault {
	return Fault{Status: http.StatusTemporaryRedirect, Header: map[string]string{"Location": to}}
}

// Truncated is the fault "body cut in the middle".
func Truncated(how Cut) Fault { return Fault{Cut: how} }

// armed is a fault with its counters.
type armed struct {
	Fault
	id, seen, hits int
}

type faults struct {
	mu   sync.Mutex
	last int
	set  []*armed
}

func (f *faults) add(list ...Fault) []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []int
	for _, x := range list {
		f.last++
		f.set = append(f.set, &armed{Fault: x, id: f.last})
		ids = append(ids, f.last)
	}
	return ids
}

func (f *faults) remove(ids ...int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(ids) == 0 {
		f.set = nil
		return
	}
	f.set = slices.DeleteFunc(f.set, func(a *armed) bool { return slices.Contains(ids, a.id) })
}

// match returns the fault that hits this request; the first armed one wins.
// Every fault that matches counts the request.
func (f *faults) match(method, path string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var hit *Fault
	for _, a := range f.set {
		if a.Method != "" && !strings.EqualFold(a.Method, method) || !MatchPath(a.Path, path) {
			continue
		}
		a.seen++
		if hit != nil || a.seen < max(a.Nth, 1) {
			continue
		}
		if limit := a.Count; limit >= 0 && a.hits >= max(limit, 1) {
			continue
		}
		a.hits++
		c := a.Fault
		hit = &c
	}
	return hit
}

// ArmedFault is a fault that was added, with what became of it.
type ArmedFault struct {
	ID   int
	Seen int // requests that matched
	Hits int // requests that were hit
	Fault
}

func (f *faults) list() []ArmedFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]ArmedFault, 0, len(f.set))
	for _, a := range f.set {
		out = append(out, ArmedFault{ID: a.id, Seen: a.seen, Hits: a.hits, Fault: a.Fault})
	}
	return out
}

// MatchPath reports whether path matches pattern: "*" is one segment, a
// trailing "/**" any rest (or none), and "" or "**" everything.
func MatchPath(pattern, path string) bool {
	if pattern == "" || pattern == "**" || pattern == "/**" {
		return true
	}
	p := strings.Split(strings.Trim(pattern, "/"), "/")
	s := strings.Split(strings.Trim(path, "/"), "/")
	for i, seg := range p {
		if seg == "**" && i == len(p)-1 {
			return true
		}
		if i >= len(s) || seg != "*" && seg != s[i] {
			return false
		}
	}
	return len(p) == len(s)
}

type faultKey struct{}

// FaultOf returns the fault that hits the request with this context, for the
// vendor's code to apply the parts about lists. It is never nil.
func FaultOf(ctx context.Context) *Fault {
	if f, _ := ctx.Value(faultKey{}).(*Fault); f != nil {
		return f
	}
	return &Fault{}
}
