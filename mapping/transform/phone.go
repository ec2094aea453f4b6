package transform

import (
	"regexp"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// phoneShape lets through what is a number and nothing else. The library also
// finds numbers within sentences and reads letters as keys, which would throw
// words away.
var phoneShape = regexp.MustCompile(`^(?:[Tt][Ee][Ll]:)?([+＋]?[\d０-９\s\x{00A0}().\[\]/‐-―−~-]*\d)\s*[,;]?\s*(?:(?:[Ee][Xx][Tt](?:[Ee][Nn][Ss][Ii][Oo][Nn])?|[Xx]|#|[Dd][Ww])[.:=#]?\s*(\d{1,10}))?$`)

// canonicalPhone returns a number in the form of E.164, with " x" and the
// extension if it has one, or s if it is no valid number.
func canonicalPhone(s, region string) string {
	m := phoneShape.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil || len(s) > phonenumbers.MAX_INPUT_STRING_LENGTH {
		return s
	}
	n, err := phonenumbers.Parse(m[1], region)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return s
	}
	e164 := phonenumbers.Format(n, phonenumbers.E164)
	if m[2] != "" {
		e164 += " x" + m[2]
	}
	return e164
}
