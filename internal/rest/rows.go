package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
)

// Rows yields the raw elements of a JSON array: the body itself, or with a
// wrapper the member of that name of the object that the body is. An error,
// yielded last, is psa.ErrData: another shape, brackets that do not match, a
// body without its closing bracket, anything behind it. The grammar within a
// row is not checked. Rows are parts of body.
func Rows(body []byte, wrapper string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		s := splitter{row: func(row []byte, _ mark) bool { return yield(row, nil) }}
		if err := s.split(body, wrapper); err != nil && !errors.Is(err, errStop) {
			yield(nil, dataError(err))
		}
	}
}

// Member returns the raw value of one member of the object that a body is; ok
// is false without such a member. Brackets are checked to the end of the
// body; the error is psa.ErrData.
func Member(body []byte, name string) (raw []byte, ok bool, err error) {
	s := splitter{member: func(n, v []byte) {
		if string(n) == name {
			raw, ok = v, true
		}
	}}
	body = bytes.TrimPrefix(body, bom)
	end, err := s.object(body, space(body, 0), "")
	if err == nil && space(body, end) != len(body) {
		err = errMore
	}
	if err != nil {
		return nil, false, dataError(err)
	}
	return raw, ok, nil
}

// errStop says that the consumer has had enough. It never leaves the package.
var errStop = errors.New("stopped")

// A splitter walks a list once.
type splitter struct {
	keys   *keySet
	row    func(row []byte, found mark) bool
	member func(name, value []byte) // of the wrapper, rows aside; may be nil
}

func (s *splitter) split(body []byte, wrapper string) error {
	body = bytes.TrimPrefix(body, bom)
	i := space(body, 0)
	if i == len(body) {
		return errCut
	}
	var err error
	if wrapper == "" {
		i, err = s.array(body, i)
	} else {
		i, err = s.object(body, i, wrapper)
	}
	if err != nil {
		return err
	}
	if space(body, i) != len(body) {
		return errMore
	}
	return nil
}

// object walks the members of a wrapper and splits the one with the rows.
func (s *splitter) object(b []byte, i int, rows string) (end int, err error) {
	if i >= len(b) {
		return 0, errCut
	}
	if b[i] != '{' {
		return 0, errShape
	}
	seen := rows == ""
	i = space(b, i+1)
	if i < len(b) && b[i] == '}' {
		if !seen {
			return 0, errShape
		}
		return i + 1, nil
	}
	for {
		var name []byte
		if name, i, err = memberName(b, i); err != nil {
			return 0, err
		}
		if rows != "" && string(name) == rows {
			if seen {
				return 0, errShape // twice: which one holds?
			}
			seen = true
			if i, err = s.array(b, i); err != nil {
				return 0, err
			}
		} else {
			start := i
			if i, _, err = scanValue(b, i, nil); err != nil {
				return 0, err
			}
			if s.member != nil {
				s.member(name, b[start:i])
			}
		}
		i = space(b, i)
		if i == len(b) {
			return 0, errCut
		}
		switch b[i] {
		case ',':
			i = space(b, i+1)
		case '}':
			if !seen {
				return 0, errShape
			}
			return i + 1, nil
		default:
			return 0, errSyntax
		}
	}
}

// memberName reads `"name" :` and returns the index of the value.
func memberName(b []byte, i int) (name []byte, value int, err error) {
	if i >= len(b) {
		return nil, 0, errCut
	}
	if b[i] != '"' {
		return nil, 0, errSyntax
	}
	end, escaped, err := scanString(b, i)
	if err != nil {
		return nil, 0, err
	}
	name = b[i+1 : end-1]
	if escaped {
		name = unescape(b[i:end])
	}
	value = space(b, end)
	if value == len(b) {
		return nil, 0, errCut
	}
	if b[value] != ':' {
		return nil, 0, errSyntax
	}
	return name, space(b, value+1), nil
}

// unescape returns what a quoted JSON string says, or nil if it is malformed.
func unescape(quoted []byte) []byte {
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return nil
	}
	return []byte(s)
}

func (s *splitter) array(b []byte, i int) (end int, err error) {
	if i >= len(b) {
		return 0, errCut
	}
	if b[i] != '[' {
		return 0, errShape
	}
	i = space(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for {
		end, found, err := scanValue(b, i, s.keys)
		if err != nil {
			return 0, err
		}
		if !s.row(b[i:end:end], found) {
			return 0, errStop
		}
		i = space(b, end)
		if i == len(b) {
			return 0, errCut
		}
		switch b[i] {
		case ',':
			i = space(b, i+1)
		case ']':
			return i + 1, nil
		default:
			return 0, errSyntax
		}
	}
}
