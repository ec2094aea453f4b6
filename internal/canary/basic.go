package canary

import "encoding/base64"

// Basic returns the values of a login by name and password: both, the two as
// HTTP joins them, and the header.
func Basic(what, user, password string) []Value {
	pair := user + ":" + password
	return []Value{
		{What: what + ": user name", Text: user},
		{What: what + ": password", Text: password},
		{What: what + ": name and password", Text: pair},
		{What: what + ": Authorization", Text: "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))},
	}
}
