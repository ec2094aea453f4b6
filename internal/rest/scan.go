package rest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/bits"

	"github.com/psasync/psasync/psa"
)

// maxDepth bounds the nesting of JSON, so that the open brackets fit into one
// word. Vendors' rows are nested six deep at most.
const maxDepth = 64

var (
	errCut    = errors.New("the JSON is cut off")
	errDeep   = errors.New("the JSON is nested too deeply")
	errShape  = errors.New("the JSON has another shape")
	errSyntax = errors.New("malformed JSON")
	errMore   = errors.New("something follows the JSON")
)

// dataError is the form in which the scanner's errors leave the package.
func dataError(err error) error {
	return &psa.Error{Code: psa.ErrData, Detail: err.Error()}
}

// special marks the bytes that the scanner stops at.
var special = [256]bool{'"': true, '{': true, '}': true, '[': true, ']': true}

// space returns the index of the first byte from i on that is no white space.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain returns the index of the first quote or backslash from i on, or of
// one of the last seven bytes if there is none before. It looks at eight bytes
// at once (Mycroft's zero byte test, exact for the lowest hit).
func plain(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		q, s := x^(ones*'"'), x^(ones*'\\')
		if m := ((q-ones)&^q | (s-ones)&^s) & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	return i
}

// scanString returns the index behind the string whose opening quote is at
// b[i], and whether it holds an escape.
func scanString(b []byte, i int) (end int, escaped bool, err error) {
	for i = plain(b, i+1); i < len(b); i++ {
		switch b[i] {
		case '"':
			return i + 1, escaped, nil
		case '\\':
			escaped = true
			i = plain(b, i+2) - 1
		}
	}
	return 0, false, errCut
}

// scanValue returns the index behind the value at b[i]. Of objects and arrays
// it checks that brackets match, and marks the keys in it; their grammar is
// the decoder's business.
func scanValue(b []byte, i int, keys *keySet) (end int, found mark, err error) {
	if i >= len(b) {
		return 0, 0, errCut
	}
	switch b[i] {
	case '{', '[':
		return scanNested(b, i, keys)
	case '"':
		end, _, err = scanString(b, i)
		return end, 0, err
	}
	end = i
	for end < len(b) && !special[b[end]] && b[end] != ',' && b[end] != ':' && b[end] > ' ' {
		end++
	}
	if end == i || !json.Valid(b[i:end]) {
		if end == len(b) {
			return 0, 0, errCut
		}
		return 0, 0, errSyntax
	}
	return end, 0, nil
}

func scanNested(b []byte, i int, keys *keySet) (end int, found mark, err error) {
	var open uint64 // a bit for each level, set for an object
	depth := 0
	for i < len(b) {
		c := b[i]
		if !special[c] {
			i++
			continue
		}
		if c == '"' {
			start := i + 1
			escaped := false
			if i = plain(b, start); i < len(b) && b[i] == '"' {
				i++
			} else if i, escaped, err = scanString(b, start-1); err != nil {
				return 0, 0, err
			}
			if keys == nil || i == len(b) || b[i] == ',' {
				continue
			}
			if b[i] == ':' || colon(b, i) {
				found |= keys.find(b[start:i-1], escaped)
			}
			continue
		}
		i++
		if c == '{' || c == '[' {
			if depth == maxDepth {
				return 0, 0, errDeep
			}
			depth++
			open <<= 1
			if c == '{' {
				open |= 1
			}
			continue
		}
		if open&1 == 1 != (c == '}') {
			return 0, 0, errSyntax
		}
		open >>= 1
		if depth--; depth == 0 {
			return i, found, nil
		}
	}
	return 0, 0, errCut
}

// colon reports whether a colon comes next.
func colon(b []byte, i int) bool {
	i = space(b, i)
	return i < len(b) && b[i] == ':'
}

// wholeValue checks that b is one value and nothing else, not nested too
// deeply.
func wholeValue(b []byte) error {
	end, _, err := scanValue(b, space(b, 0), nil)
	if err != nil {
		return err
	}
	if space(b, end) != len(b) {
		return errMore
	}
	return nil
}
