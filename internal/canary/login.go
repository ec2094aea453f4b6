package canary

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// Sent returns the credentials that a request carries in its header, whole and
// in their parts: what it is authorised by, a client or integration code, and
// the user name, which is a [Login].
func Sent(h http.Header) (out []Value) {
	add := func(what, text string, c Class) {
		if len(text) >= prefix {
			out = append(out, Value{What: what, Text: text, Class: c})
		}
	}
	for name, class := range map[string]Class{"Clientid": Secret, "Secret": Secret, "Apiintegrationcode": Secret, "X-Api-Key": Secret, "Cookie": Secret, "Username": Login} {
		for _, v := range h.Values(name) {
			add("header "+name, v, class)
		}
	}
	for _, v := range h.Values("Authorization") {
		scheme, token, _ := strings.Cut(v, " ")
		add("header Authorization", v, Secret)
		add(scheme+" credentials", token, Secret)
		plain, err := base64.StdEncoding.DecodeString(token)
		if err != nil || !strings.EqualFold(scheme, "basic") {
			continue
		}
		user, password, _ := strings.Cut(string(plain), ":")
		_, key, _ := strings.Cut(user, "+") // ConnectWise: company+key
		add("name and password", string(plain), Secret)
		add("user name", user, Secret)
		add("public key", key, Secret)
		add("password", password, Secret)
	}
	return out
}
