package rest

import (
	"errors"
	"net/http"
	"strings"
)

var errLink = errors.New("rest: malformed Link header")

// NextLink returns the target of the first link with a relation type, "" if
// there is none (RFC 8288, 3). A malformed header is an error, since taking it
// for "no next page" would make a list short.
func NextLink(h http.Header, rel string) (target string, err error) {
	for _, field := range h.Values("Link") {
		rest := field
		for {
			rest = strings.TrimLeft(rest, " \t,")
			if rest == "" {
				break
			}
			var uri string
			var match bool
			if uri, match, rest, err = link(rest, rel); err != nil {
				return "", err
			}
			if match && target == "" {
				target = uri
			}
		}
	}
	return target, nil
}

// link reads one link-value.
func link(s, rel string) (uri string, match bool, rest string, err error) {
	if s[0] != '<' {
		return "", false, "", errLink
	}
	uri, s, ok := strings.Cut(s[1:], ">")
	if !ok {
		return "", false, "", errLink
	}
	uri = strings.TrimSpace(uri)
	first := true // only the first rel counts
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] == ',' {
			return uri, match && uri != "", s, nil
		}
		if s[0] != ';' {
			return "", false, "", errLink
		}
		s = strings.TrimLeft(s[1:], " \t")
		end := strings.IndexAny(s, "=;, \t")
		if end < 0 {
			end = len(s)
		}
		name := s[:end]
		s = strings.TrimLeft(s[end:], " \t")
		if !strings.HasPrefix(s, "=") {
			continue // a parameter without value
		}
		var value string
		if value, s, err = parameter(strings.TrimLeft(s[1:], " \t")); err != nil {
			return "", false, "", err
		}
		if strings.EqualFold(name, "rel") && first {
			first = false
			for _, r := range strings.Fields(value) {
				match = match || strings.EqualFold(r, rel)
			}
		}
	}
}

// parameter reads a token or a quoted string.
func parameter(s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ";, \t")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], nil
		case '\\':
			i++
			if i == len(s) {
				return "", "", errLink
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", errLink
}
