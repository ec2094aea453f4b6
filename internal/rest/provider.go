package rest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/psasync/psasync/psa"
	"golang.org/x/sync/errgroup"
)

// Admit refuses a query that a kind does not offer, before a request is made.
// vendor is what people call the system.
func Admit(provider, vendor, op string, kind psa.Kind, f psa.Feature, q psa.Query) error {
	refuse := func(format string, args ...any) error {
		return &psa.Error{Provider: provider, Op: op, Code: psa.ErrUnsupported, Detail: fmt.Sprintf(format, args...)}
	}
	switch {
	case !f.Can.Has(psa.CanList):
		return refuse("%s", cmp.Or(f.Missing[psa.CanList], vendor+" has no such kind"))
	case !q.Since.IsZero() && !f.Can.Has(psa.CanSince):
		return refuse("%s", f.Missing[psa.CanSince])
	case q.After != "" && !f.Can.Has(psa.CanResume):
		return refuse("the list cannot be resumed behind a row")
	case !q.Parent.IsZero() && q.Parent.Kind != f.Parent:
		return refuse("%s rows are no children of a %s", kind, q.Parent.Kind)
	}
	for field := range q.Scope {
		if !slices.Contains(f.Filter, field) {
			return refuse("there is no filter by %q", field)
		}
	}
	return nil
}

// Access asks of each kind whether it can be read, most at the same moment.
// Without kinds it asks of one. The error is about the connection as a whole:
// psa.ErrAuth or the end of ctx.
func Access(ctx context.Context, kinds []psa.Kind, one psa.Kind, most int, ask func(context.Context, psa.Kind) error) ([]psa.Access, error) {
	access := make([]psa.Access, len(kinds))
	var group errgroup.Group
	group.SetLimit(most)
	for i, kind := range kinds {
		access[i].Kind = kind
		group.Go(func() error {
			err := ask(ctx, kind)
			if errors.Is(err, psa.ErrAuth) || ctx.Err() != nil {
				return err
			}
			access[i].Err = err
			return nil
		})
	}
	if len(kinds) == 0 {
		group.Go(func() error {
			// A right that is missing proves the credentials as well as a row.
			err := ask(ctx, one)
			if errors.Is(err, psa.ErrDenied) {
				return nil
			}
			return err
		})
	}
	return access, group.Wait()
}

// Once asks each question once. Its zero value is ready; it is safe for
// concurrent use by callers with the same context.
type Once[T any] struct {
	mu   sync.Mutex // never held across a wait
	seen map[string]*answer[T]
}

type answer[T any] struct {
	done chan struct{}
	v    T
}

// Get returns what ask says of a key, and said to whoever asked first.
func (o *Once[T]) Get(key string, ask func() T) T {
	o.mu.Lock()
	a, known := o.seen[key]
	if !known {
		if o.seen == nil {
			o.seen = map[string]*answer[T]{}
		}
		a = &answer[T]{done: make(chan struct{})}
		o.seen[key] = a
	}
	o.mu.Unlock()
	if known {
		<-a.done
		return a.v
	}
	defer close(a.done)
	a.v = ask()
	return a.v
}

// Matches reports whether a row has the values it was looked up by. fold names
// the fields that the vendor compares without regard to case.
func Matches(have, by psa.Fields, fold func(field string) bool) bool {
	for field, want := range by {
		got, _ := have.Lookup(field)
		if psa.ValuesEqual(got, want) {
			continue
		}
		g, _ := got.(string)
		w, _ := want.(string)
		if !fold(field) || !strings.EqualFold(g, w) {
			return false
		}
	}
	return true
}

// EachRow returns a body that is a JSON array with its rows changed by f. A
// body that is no array stays, for whoever refuses it.
func EachRow(body []byte, f func(row []byte) []byte) []byte {
	out := []byte{'['}
	for row, err := range Rows(body, "") {
		if err != nil {
			return body
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, f(row)...)
	}
	return append(out, ']')
}

// IsHTML reports whether an answer is a page for people.
func (r *Response) IsHTML() bool {
	if ct := r.Header.Get("Content-Type"); strings.HasPrefix(strings.ToLower(strings.TrimSpace(ct)), "text/html") {
		return true
	}
	b := bytes.TrimSpace(bytes.TrimPrefix(r.Body, []byte("\xef\xbb\xbf")))
	return len(b) > 0 && b[0] == '<'
}

// Clean makes a vendor's words fit for an error text: one line, at most limit
// runes. What repeats finds are values, which are left out but for its first
// group. Credentials, query strings and addresses are taken out by the Client.
func Clean(s string, limit int, repeats *regexp.Regexp) string {
	s = strings.ToValidUTF8(s[:min(len(s), 4096)], "")
	s = repeats.ReplaceAllString(s, `$1"…"`)
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if utf8.RuneCountInString(s) > limit {
		s = string([]rune(s)[:limit]) + "…"
	}
	return s
}
