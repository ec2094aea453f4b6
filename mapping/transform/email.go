package transform

import (
	"strings"

	"golang.org/x/net/idna"
)

// invisible is what copying from other programs leaves around an address.
const invisible = " \t\r\n\v\f\u00a0\u200b\u200e\u200f\u202f\u2060\ufeff"

// canonicalEmail returns an address without space around it and with its domain
// in lower case and in ASCII. What stands in front of the @ is the receiver's
// business (RFC 5321, section 2.3.11) and stays, as does what is no address.
func canonicalEmail(s string) string {
	address := strings.Trim(s, invisible)
	at := strings.LastIndexByte(address, '@')
	if at < 1 || len(address) > 320 || strings.ContainsAny(address, " \t\r\n,;<>") {
		return s
	}
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil || domain == "" {
		return s
	}
	return address[:at+1] + domain
}
