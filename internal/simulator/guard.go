package simulator

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Guard keeps web pages away from a simulator on loopback: requests whose Host
// is not a loopback name are refused (DNS rebinding), and so are requests that
// change something and come from another origin or are not JSON on /_sim/.
func Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopbackHost(r.Host) {
			http.Error(w, "this simulator answers on loopback names only", http.StatusForbidden)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if !sameOrigin(r) {
				http.Error(w, "requests from another origin are refused", http.StatusForbidden)
				return
			}
			if strings.HasPrefix(r.URL.Path, "/_sim/") && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
				http.Error(w, "send application/json", http.StatusUnsupportedMediaType)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func loopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func sameOrigin(r *http.Request) bool {
	if s := r.Header.Get("Sec-Fetch-Site"); s != "" && s != "same-origin" && s != "none" {
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true // not a browser
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}
