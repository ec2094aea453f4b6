package canary

import (
	"bytes"
	"fmt"
	"slices"
)

// A Class says where a value may be at all.
type Class uint8

// The classes.
const (
	Secret  Class = iota // nowhere: credentials, pay, and all that is another tenant's
	Login                // only where the system's people are listed: a user name that is part of credentials
	Private              // only where colleagues read it: an internal note
)

// A Value is something that was planted.
type Value struct {
	What  string // for people, e.g. "Member.hourlyCost"; it does not tell the value
	Text  string
	Class Class
	Owner string // the system that it was planted in
}

// A Hit is a value that was found.
type Hit struct {
	Value
	Form string // how it was written down, e.g. "base64"
	At   int    // offset
}

// String tells what was found and where, not the value.
func (h Hit) String() string { return fmt.Sprintf("%s (%s) at byte %d", h.What, h.Form, h.At) }

// prefix is the length of the part of a form that is looked up first, and so
// that of the shortest value.
const prefix = 4

// A Scanner finds values. It is safe for concurrent use once it is made.
type Scanner struct {
	forms map[uint32][]form
	maybe [1 << 16]bool // by hash of a prefix, to pass over most bytes quickly
}

type form struct {
	value  *Value
	name   string
	folded []byte
	digits bool // a number, which is not found within a longer one
}

// New returns a scanner for values. It fails for one that is too short to be
// told from what is there anyway.
func New(values ...Value) (*Scanner, error) {
	s := &Scanner{forms: map[uint32][]form{}}
	for _, v := range values {
		if len(v.Text) < prefix {
			return nil, fmt.Errorf("canary: %s is shorter than %d bytes", v.What, prefix)
		}
		seen := map[string]bool{}
		for _, w := range formsOf(v.Text) {
			if len(w.text) < prefix || seen[w.text] {
				continue
			}
			seen[w.text] = true
			f := form{value: &v, name: w.name, folded: fold([]byte(w.text)), digits: w.digits}
			key := keyOf(f.folded)
			s.forms[key] = append(s.forms[key], f)
			s.maybe[hash(key)] = true
		}
	}
	return s, nil
}

// Scan returns each value that text holds, once for each form. Upper and lower
// case are the same.
func (s *Scanner) Scan(text []byte) (hits []Hit) {
	type found struct {
		value *Value
		form  string
	}
	seen := map[found]bool{}
	text = fold(text)
	var key uint32
	for i, c := range text {
		key = key<<8 | uint32(c)
		if i < prefix-1 || !s.maybe[hash(key)] {
			continue
		}
		at := i - prefix + 1
		for _, f := range s.forms[key] {
			if !bytes.HasPrefix(text[at:], f.folded) || f.digits && within(text, at, at+len(f.folded)) || seen[found{f.value, f.name}] {
				continue
			}
			seen[found{f.value, f.name}] = true
			hits = append(hits, Hit{Value: *f.value, Form: f.name, At: at})
		}
	}
	return hits
}

// Find returns the hits that allow does not admit; a nil allow admits none.
func (s *Scanner) Find(text []byte, allow func(Hit) bool) []Hit {
	return slices.DeleteFunc(s.Scan(text), func(h Hit) bool { return allow != nil && allow(h) })
}

// within reports whether digits go on before or after a part of text.
func within(text []byte, from, to int) bool {
	return from > 0 && digit(text[from-1]) || to < len(text) && digit(text[to])
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func keyOf(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func hash(key uint32) uint16 { return uint16((key * 2654435761) >> 16) }

func fold(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		out[i] = c
	}
	return out
}
