package halopsatest

import (
	"iter"
	"net/url"
	"strconv"
	"strings"
)

// query is the parameters of a request. Names do not depend on case; unknown
// ones are ignored.
type query map[string]string

func newQuery(v url.Values) query {
	q := query{}
	for k, list := range v {
		q[strings.ToLower(k)] = list[0]
	}
	return q
}

// flag reads a boolean: only the words count, orderdesc=1 is false.
func (q query) flag(name string) bool { return strings.EqualFold(q[name], "true") }

// tristate reads a boolean that has a default.
func (q query) tristate(name string, def bool) bool {
	switch strings.ToLower(q[name]) {
	case "true":
		return true
	case "false":
		return false
	}
	return def
}

func (q query) int(name string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(q[name]))
	return n, err == nil
}

// ints reads a list of numbers with commas; ok is false if there is none.
func (q query) ints(name string) (map[int]bool, bool) {
	if q[name] == "" {
		return nil, false
	}
	out := map[int]bool{}
	for n := range q.each(name) {
		out[n] = true
	}
	return out, true
}

// each yields the numbers of a list in its order; what is no number is ignored.
func (q query) each(name string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for part := range strings.SplitSeq(q[name], ",") {
			if n, err := strconv.Atoi(strings.TrimSpace(part)); err == nil && !yield(n) {
				return
			}
		}
	}
}
