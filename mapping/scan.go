package mapping

import (
	"encoding/json"
	"errors"
	"strings"
)

// maxJSONDepth bounds the nesting of a row; vendors' rows have five levels.
const maxJSONDepth = 200

// A plan says which paths of a JSON object are wanted. Each has a slot, where
// a scan leaves the bytes of its value.
type plan struct {
	root  *branch
	paths []string // by slot
	fold  bool     // keys match whatever their case (ASCII)
}

type branch struct {
	slot int
	path string
	leaf bool // the value itself is wanted, whatever it is
	sub  map[string]*branch
}

func newPlan(fold bool) *plan {
	p := &plan{fold: fold}
	p.root = p.branch("")
	return p
}

func (p *plan) branch(path string) *branch {
	p.paths = append(p.paths, path)
	return &branch{slot: len(p.paths) - 1, path: path}
}

// slot returns the slot of a dotted path. With leaf, the value may be anything;
// otherwise what lies under the path is wanted, and a text or number there is
// an error.
func (p *plan) slot(path string, leaf bool) int {
	b := p.root
	for rest, more := path, true; more; {
		var key string
		key, rest, more = strings.Cut(rest, ".")
		name := key
		if p.fold {
			key = lowerASCII(key)
		}
		next := b.sub[key]
		if next == nil {
			full := name
			if b.path != "" {
				full = b.path + "." + name
			}
			next = p.branch(full)
			if b.sub == nil {
				b.sub = map[string]*branch{}
			}
			b.sub[key] = next
		}
		b = next
	}
	b.leaf = b.leaf || leaf
	return b.slot
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// A span is where a value stands in the row; end is 0 where it is absent.
type span struct{ start, end int }

// A dataError is what a row has wrong, without any of its content.
type dataError struct {
	path, msg string
}

func (e *dataError) Error() string {
	if e.path == "" {
		return e.msg
	}
	return e.path + ": " + e.msg
}

// under puts a path in front of the path of a dataError.
func under(path string, err error) error {
	if err == nil {
		return nil
	}
	var d *dataError
	if path == "" || !errors.As(err, &d) {
		return err
	}
	if d.path == "" {
		return &dataError{path, d.msg}
	}
	return &dataError{path + "." + d.path, d.msg}
}

// of puts the canonical field that was being read in front of an error.
func of(field string, err error) error {
	return &dataError{"", field + ": " + err.Error()}
}

var (
	errSyntax = &dataError{"", "not JSON"}
	errDepth  = &dataError{"", "JSON nested too deep"}
)

// scan finds the plan's paths in one pass over an object. The whole of it is
// checked against the grammar of JSON, wanted or not. A wanted key that stands
// twice in its object is an error: neither value can be trusted.
func (p *plan) scan(row []byte, spans []span) error {
	s := scanner{b: row, spans: spans, fold: p.fold}
	s.space()
	if s.i == len(row) || row[s.i] != '{' {
		return &dataError{"", "not a JSON object"}
	}
	if err := s.value(p.root, 0); err != nil {
		return err
	}
	s.space()
	if s.i != len(row) {
		return errSyntax
	}
	return nil
}

type scanner struct {
	b     []byte
	i     int
	spans []span
	fold  bool
	low   []byte // the key being read, in lower case
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// value reads the value at s.i for a wanted branch.
func (s *scanner) value(b *branch, depth int) error {
	if s.spans[b.slot].end != 0 {
		return &dataError{b.path, "the key stands twice"}
	}
	start := s.i
	if b.sub != nil && s.i < len(s.b) && s.b[s.i] == '{' {
		if err := s.object(b, depth); err != nil {
			return err
		}
	} else if err := s.skip(depth); err != nil {
		return err
	} else if b.sub != nil {
		null := s.b[start] == 'n'
		if !null && !b.leaf {
			return &dataError{b.path, "want an object"}
		}
		if null {
			s.nulls(b, span{start, s.i})
		}
	}
	s.spans[b.slot] = span{start, s.i}
	return nil
}

// nulls makes everything under b null.
func (s *scanner) nulls(b *branch, null span) {
	for _, sub := range b.sub {
		s.spans[sub.slot] = null
		s.nulls(sub, null)
	}
}

func (s *scanner) object(b *branch, depth int) error {
	if depth > maxJSONDepth {
		return errDepth
	}
	s.i++ // {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == '}' {
		s.i++
		return nil
	}
	for {
		key, err := s.key()
		if err != nil {
			return err
		}
		if sub := b.sub[string(key)]; sub != nil {
			err = s.value(sub, depth+1)
		} else {
			err = s.skip(depth + 1)
		}
		if err != nil {
			return err
		}
		if done, err := s.next('}'); done || err != nil {
			return err
		}
	}
}

// next reads the comma between elements, or the closing bracket.
func (s *scanner) next(end byte) (done bool, err error) {
	s.space()
	if s.i == len(s.b) {
		return false, errSyntax
	}
	c := s.b[s.i]
	s.i++
	if c == end {
		return true, nil
	}
	if c != ',' {
		return false, errSyntax
	}
	s.space()
	return false, nil
}

// key reads a key and its colon. The result is good until the next call.
func (s *scanner) key() ([]byte, error) {
	start := s.i
	escaped, err := s.str()
	if err != nil {
		return nil, err
	}
	raw := s.b[start:s.i]
	s.space()
	if s.i == len(s.b) || s.b[s.i] != ':' {
		return nil, errSyntax
	}
	s.i++
	s.space()
	key := raw[1 : len(raw)-1]
	if escaped {
		text, err := unquote(raw)
		if err != nil {
			return nil, err
		}
		key = []byte(text)
	}
	if s.fold {
		s.low = append(s.low[:0], key...)
		for i, c := range s.low {
			if 'A' <= c && c <= 'Z' {
				s.low[i] = c + 'a' - 'A'
			}
		}
		return s.low, nil
	}
	return key, nil
}

// skip reads any value.
func (s *scanner) skip(depth int) error {
	if depth > maxJSONDepth {
		return errDepth
	}
	if s.i == len(s.b) {
		return errSyntax
	}
	switch c := s.b[s.i]; c {
	case '"':
		_, err := s.str()
		return err
	case '{', '[':
		return s.skipNested(c, depth)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

func (s *scanner) skipNested(open byte, depth int) error {
	end := open + 2 // in ASCII, for both kinds of brackets
	s.i++
	s.space()
	if s.i < len(s.b) && s.b[s.i] == end {
		s.i++
		return nil
	}
	for {
		if open == '{' {
			if _, err := s.str(); err != nil {
				return err
			}
			s.space()
			if s.i == len(s.b) || s.b[s.i] != ':' {
				return errSyntax
			}
			s.i++
			s.space()
		}
		if err := s.skip(depth + 1); err != nil {
			return err
		}
		if done, err := s.next(end); done || err != nil {
			return err
		}
	}
}

func (s *scanner) word(w string) error {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return errSyntax
	}
	s.i += len(w)
	return nil
}

// str reads a string with its quotes and tells whether it holds escapes.
func (s *scanner) str() (escaped bool, err error) {
	b, i := s.b, s.i
	if i == len(b) || b[i] != '"' {
		return false, errSyntax
	}
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			s.i = i + 1
			return escaped, nil
		case c < ' ':
			return false, errSyntax
		case c == '\\':
			escaped = true
			if i++; i == len(b) {
				return false, errSyntax
			}
			switch b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if len(b)-i < 5 || !isHex(b[i+1]) || !isHex(b[i+2]) || !isHex(b[i+3]) || !isHex(b[i+4]) {
					return false, errSyntax
				}
				i += 4
			default:
				return false, errSyntax
			}
		}
	}
	return false, errSyntax
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func (s *scanner) number() error {
	b, i := s.b, s.i
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	case i < len(b) && '1' <= b[i] && b[i] <= '9':
		i = digits(b, i)
	default:
		return errSyntax
	}
	if i < len(b) && b[i] == '.' {
		j := digits(b, i+1)
		if j == i+1 {
			return errSyntax
		}
		i = j
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		j := digits(b, i)
		if j == i {
			return errSyntax
		}
		i = j
	}
	s.i = i
	return nil
}

func digits(b []byte, i int) int {
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}

// elements splits a scanned JSON array.
func elements(raw []byte, yield func(i int, el []byte) error) error {
	s := scanner{b: raw, i: 1}
	s.space()
	if s.b[s.i] == ']' {
		return nil
	}
	for n := 0; ; n++ {
		start := s.i
		if err := s.skip(0); err != nil {
			return err
		}
		if err := yield(n, raw[start:s.i]); err != nil {
			return err
		}
		if done, err := s.next(']'); done || err != nil {
			return err
		}
	}
}

// unquote decodes a JSON string like encoding/json: bytes that are not UTF-8
// become U+FFFD.
func unquote(raw []byte) (string, error) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", errSyntax
	}
	return s, nil
}
