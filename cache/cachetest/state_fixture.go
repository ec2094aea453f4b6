package cachetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

var bothSides = []cache.Side{cache.Left, cache.Right}

// link returns a live link of two tickets with the same id.
func link(key, id string) cache.Link {
	f := psa.Fields{"summary": "of " + key}
	return cache.Link{Key: key, Kind: psa.KindTicket, IDs: [2]string{id, id}, Since: noon, Base: [2]psa.Fields{f, f}}
}

func task(id string) cache.Task {
	return cache.Task{ID: id, Type: "retry", Kind: psa.KindTicket, Since: noon, Reason: "of " + id}
}

func audit(link, op string) cache.Audit {
	return cache.Audit{At: noon, Run: "r1", Actor: "bridge", Op: op, Link: link, Kind: psa.KindTicket}
}

func hash(n int) (h psa.Hash) {
	sum := sha256.Sum256(fmt.Append(nil, "row ", n))
	copy(h[:], sum[:])
	return h
}

// hashes is how many of hash are looked for in dump.
const hashes = 13

// A content is all that a source holds.
type content struct {
	Links    []cache.Link
	Tasks    []cache.Task
	Audits   []cache.Audit
	Cursors  []cache.Cursor
	Settings map[string]string
	Seen     map[string]psa.Ref // by side, kind and number of the hash
}

// kinds are those whose cursors and hashes dump looks at.
var kinds = []psa.Kind{psa.KindTicket, psa.KindNote}

func (c *stateTester) dump(s cache.State, source string) content {
	d := content{
		Links: all(c, s.Links(c.ctx, source, cache.LinkQuery{})), Tasks: all(c, s.Tasks(c.ctx, source, cache.TaskQuery{})),
		Audits: all(c, s.Audits(c.ctx, source, cache.AuditQuery{})), Seen: map[string]psa.Ref{},
	}
	var err error
	if d.Settings, err = s.Settings(c.ctx, source, ""); err != nil {
		c.fatalf("Settings: %v", err)
	}
	for _, side := range bothSides {
		for _, kind := range kinds {
			d.Cursors = append(d.Cursors, c.cursor(s, source, side, kind))
			for _, whole := range []bool{true, false} {
				known := c.known(s, source, side, kind, whole)
				for n := range hashes {
					if ref, ok := known.Known(hash(n)); ok {
						d.Seen[fmt.Sprintf("%s %s %d %v", side, kind, n, whole)] = ref
					}
				}
			}
		}
	}
	return d
}

// all returns what a loop yields.
func all[V any](c *stateTester, rows iter.Seq2[V, error]) (found []V) {
	for v, err := range rows {
		if err != nil {
			c.fatalf("%T: %v", v, err)
		}
		if len(found) > 200_000 {
			c.fatalf("%T: the loop does not end", v)
		}
		found = append(found, v)
	}
	return found
}

func (c *stateTester) open() cache.State { return c.h.Open(c.t) }

func (c *stateTester) save(s cache.State, source string, b cache.StateBatch) {
	if err := s.Save(c.ctx, source, b); err != nil {
		c.fatalf("Save(%q): %v", source, err)
	}
}

// saveLinks saves links that are new.
func (c *stateTester) saveLinks(s cache.State, links ...cache.Link) {
	c.save(s, source, cache.StateBatch{Links: links})
}

// refused saves a batch that must fail and change nothing.
func (c *stateTester) refused(what string, s cache.State, b cache.StateBatch, class error) {
	before := c.dump(s, source)
	if err := s.Save(c.ctx, source, b); !errors.Is(err, class) {
		c.errorf("%s: the error is %v, not %q", what, err, class)
	}
	c.same(what+": after the refusal", c.dump(s, source), before)
}

func (c *stateTester) same(what string, got, want any) {
	if d := unlike(got, want); d != "" {
		c.errorf("%s: %s", what, d)
	}
}

func (c *stateTester) link(s cache.State, key string) cache.Link {
	l, ok, err := s.Link(c.ctx, source, key)
	if err != nil || !ok {
		c.fatalf("Link(%q): %v, %v", key, ok, err)
	}
	return l
}

func (c *stateTester) task(s cache.State, id string) cache.Task {
	t, ok, err := s.Task(c.ctx, source, id)
	if err != nil || !ok {
		c.fatalf("Task(%q): %v, %v", id, ok, err)
	}
	return t
}

// linkOf checks to which link a record belongs, "" is none.
func (c *stateTester) linkOf(s cache.State, side cache.Side, kind psa.Kind, id, want string) {
	l, ok, err := s.LinkOf(c.ctx, source, side, psa.Ref{Kind: kind, ID: id})
	if err != nil || ok != (want != "") || l.Key != want {
		c.errorf("%s %s/%s belongs to link %q (%v, %v), not %q", side, kind, id, l.Key, ok, err, want)
	}
}

func (c *stateTester) cursor(s cache.State, source string, side cache.Side, kind psa.Kind) cache.Cursor {
	cursor, err := s.Cursor(c.ctx, source, side, kind)
	if err != nil {
		c.fatalf("Cursor: %v", err)
	}
	return cursor
}

func (c *stateTester) known(s cache.State, source string, side cache.Side, kind psa.Kind, all bool) psa.Known {
	known, err := s.Seen(c.ctx, source, side, kind, all)
	if err != nil || known == nil {
		c.fatalf("Seen: %v", err)
	}
	return known
}

// unlike says where two values differ, "" if they are the same. An empty slice
// or map is the same as none; a time is the same at the same instant, but what
// was stored has to be in UTC.
func unlike(got, want any) string { return unlikeValue(reflect.ValueOf(got), reflect.ValueOf(want)) }

func unlikeValue(got, want reflect.Value) string {
	switch w := want.Interface().(type) {
	case time.Time:
		if g := got.Interface().(time.Time); !g.Equal(w) || g.Location() != time.UTC {
			return fmt.Sprintf("is %v, not %v", g, w.UTC())
		}
		return ""
	case psa.Fields:
		if g := got.Interface().(psa.Fields); !g.Equal(w) && len(g)+len(w) > 0 {
			return fmt.Sprintf("is %#v, not %#v", g, w)
		}
		return ""
	}
	switch want.Kind() {
	case reflect.Struct:
		for i := range want.NumField() {
			if d := unlikeValue(got.Field(i), want.Field(i)); d != "" {
				return want.Type().Field(i).Name + " " + d
			}
		}
	case reflect.Slice, reflect.Array:
		if got.Len() != want.Len() {
			return fmt.Sprintf("has %d, not %d", got.Len(), want.Len())
		}
		for i := range want.Len() {
			if d := unlikeValue(got.Index(i), want.Index(i)); d != "" {
				return fmt.Sprintf("[%d] %s", i, d)
			}
		}
	case reflect.Pointer:
		if got.IsNil() || want.IsNil() {
			if got.IsNil() != want.IsNil() {
				return fmt.Sprintf("is %v, not %v", got, want)
			}
			return ""
		}
		return unlikeValue(got.Elem(), want.Elem())
	case reflect.Map:
		if got.Len() != want.Len() {
			return fmt.Sprintf("has %d entries, not %d", got.Len(), want.Len())
		}
		for _, k := range want.MapKeys() {
			if g := got.MapIndex(k); !g.IsValid() {
				return fmt.Sprintf("has no %v", k)
			} else if d := unlikeValue(g, want.MapIndex(k)); d != "" {
				return fmt.Sprintf("[%v] %s", k, d)
			}
		}
	default:
		if !got.Equal(want) {
			return fmt.Sprintf("is %v, not %v", got, want)
		}
	}
	return ""
}
