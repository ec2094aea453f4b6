package simulator

import (
	"slices"
	"strings"
	"sync"
)

// Rights are what a vendor's account may not do or see. The zero value allows
// everything; it is safe for concurrent use.
type Rights struct {
	mu     sync.Mutex
	denied []right
	hidden map[hiddenRow]bool
}

type right struct{ method, path string }

type hiddenRow struct {
	table string
	id    int
}

// Deny takes the right for requests away. method may be empty for all; see
// [MatchPath] for path, whose case does not count.
func (r *Rights) Deny(method, path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.denied = append(r.denied, right{method, path})
}

// Denied lists what was denied, as "METHOD path".
func (r *Rights) Denied() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, d := range r.denied {
		out = append(out, strings.TrimSpace(d.method+" "+d.path))
	}
	return out
}

// Denies reports whether a request was denied.
func (r *Rights) Denies(method, path string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	path = strings.ToLower(path)
	return slices.ContainsFunc(r.denied, func(d right) bool {
		return (d.method == "" || strings.EqualFold(d.method, method)) && MatchPath(strings.ToLower(d.path), path)
	})
}

// Hide makes one row of a table invisible.
func (r *Rights) Hide(table string, id int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hidden == nil {
		r.hidden = map[hiddenRow]bool{}
	}
	r.hidden[hiddenRow{table, id}] = true
}

// Hidden reports whether a row is invisible.
func (r *Rights) Hidden(table string, id int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hidden[hiddenRow{table, id}]
}

// Hides reports whether any row is invisible.
func (r *Rights) Hides() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.hidden) > 0
}

// AllowAll gives back what Deny and Hide took away.
func (r *Rights) AllowAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.denied = nil
	clear(r.hidden)
}
