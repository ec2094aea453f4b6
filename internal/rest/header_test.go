package rest

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	clock := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Duration{ // 0: none
		"":                                0,
		"0":                               0,
		"1":                               time.Second,
		" 30 ":                            30 * time.Second,
		"1.5":                             2 * time.Second,
		"2.0":                             2 * time.Second,
		"0.2":                             time.Second,
		"1.x":                             0,
		"-1":                              0,
		"+1":                              0,
		"1e3":                             0,
		"soon":                            0,
		"30s":                             0,
		"315360000":                       315360000 * time.Second,
		"9223372036854775807":             longest,
		"99999999999999999999999999":      longest,
		"Tue, 01 Jan 2030 00:01:00 GMT":   time.Minute,
		"Mon, 31 Dec 2029 23:59:59 GMT":   0,
		"Tuesday, 01-Jan-30 00:00:10 GMT": 10 * time.Second,
		"Tue Jan  1 00:00:20 2030":        20 * time.Second,
		"Fri, 31 Dec 9999 23:59:59 GMT":   longest,
		"Tue, 32 Jan 2030 00:01:00 GMT":   0,
	} {
		h := http.Header{}
		if s != "" {
			h.Set("Retry-After", s)
		}
		got, ok := retryAfter(h, clock)
		if ok != (want > 0) || ok && got != want {
			t.Errorf("%q: %s %v, want %s", s, got, ok, want)
		}
	}
	// Without the vendor's clock, ours.
	h := http.Header{"Retry-After": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}
	if got, ok := retryAfter(h, time.Time{}); !ok || got < 59*time.Minute || got > time.Hour {
		t.Error(got, ok)
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"1", "-1", "1.5", "Tue, 01 Jan 2030 00:01:00 GMT", "99999999999999999999", ""} {
		f.Add(s, int64(1893456000))
	}
	f.Fuzz(func(t *testing.T, s string, unix int64) {
		d, ok := retryAfter(http.Header{"Retry-After": {s}}, time.Unix(unix, 0))
		if ok && (d <= 0 || d > longest) || !ok && d > 0 {
			t.Errorf("%q: %s %v", s, d, ok)
		}
	})
}

func TestNextLink(t *testing.T) {
	for _, tc := range []struct {
		header []string
		want   string
		bad    bool
	}{
		{},
		{header: []string{""}},
		{header: []string{`<https://h/x?page=2>; rel="next", <https://h/x?page=4>; rel="last"`}, want: "https://h/x?page=2"},
		{header: []string{`<https://h/x?page=1>; rel="first", <https://h/x?page=3>; rel="next"`}, want: "https://h/x?page=3"},
		{header: []string{`<a>; rel=prev`, `<b>; rel=next`}, want: "b"},
		{header: []string{`<a>;rel=next,<b>;rel=next`}, want: "a"},
		{header: []string{`<a>; rel="prev NEXT last"`}, want: "a"},
		{header: []string{`<a>; REL = "next"`}, want: "a"},
		{header: []string{`<a>; rel="prev"; rel="next"`}},
		{header: []string{`<a>; title="x, <b>; rel=\"next\""; rel="prev"`}},
		{header: []string{`<a,b;c>; title="\\"; rel="next"`}, want: "a,b;c"},
		{header: []string{`<a>; flag; rel="next"`}, want: "a"},
		{header: []string{`<a>; rel="last",`}},
		{header: []string{`, ,<a>; rel="next"`}, want: "a"},
		{header: []string{`<>; rel="next"`}},
		{header: []string{`<a>`}},
		{header: []string{`<a>; rel="nextish"`}},
		{header: []string{`https://h/x; rel="next"`}, bad: true},
		{header: []string{`<https://h/x; rel="next"`}, bad: true},
		{header: []string{`<a>; rel="next`}, bad: true},
		{header: []string{`<a>; rel="next\`}, bad: true},
		{header: []string{`<a> rel="next"`}, bad: true},
		{header: []string{`<a>; rel="next" <b>; rel="last"`}, bad: true},
	} {
		got, err := NextLink(http.Header{"Link": tc.header}, "next")
		if got != tc.want || (err != nil) != tc.bad || tc.bad && !errors.Is(err, errLink) {
			t.Errorf("%q: %q %v", tc.header, got, err)
		}
	}
}

func FuzzNextLink(f *testing.F) {
	for _, s := range []string{`<https://h/x?page=2>; rel="next", <https://h/x?page=4>; rel="last"`, `<a>; rel=next`, `<a>;x="\"";rel="a next"`, `<`, `<a>;`, `<a>;=`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := NextLink(http.Header{"Link": {s}}, "next")
		if err != nil && got != "" || !strings.Contains(s, got) {
			t.Errorf("%q: %q %v", s, got, err)
		}
		// A header of one's own is read back.
		if err == nil && got != "" && !strings.ContainsAny(got, ">") {
			again, err := NextLink(http.Header{"Link": {`<` + got + `>; rel="next"`}}, "next")
			if err != nil || again != got {
				t.Errorf("%q became %q, %v", got, again, err)
			}
		}
	})
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"Too many requests. Please try again in 30 seconds.":        "Too many requests. Please try again in 30 seconds.",
		"The priority field is required.":                           "The priority field is required.",
		"see https://h.test/x?conditions=name%3D%22Acme%22&p=1 now": "see https://h.test/x now",
		`Get "https://h.test/x?a=b": EOF`:                           `Get "https://h.test/x": EOF`,
		"GET /service/tickets?conditions=x failed":                  "GET /service/tickets failed",
		"https://user:pw@h.test/x":                                  "https://" + gone + "@h.test/x",
		"Authorization: Basic YWNtZTpwcml2 refused":                 "Authorization: " + gone + " " + gone + " refused",
		"bearer abc.def-ghi is expired":                             "bearer " + gone + " is expired",
		`{"client_secret":"s3cr3t","x":1}`:                          `{"client_secret":"` + gone + `","x":1}`,
		"user jo.doe@example.test exists":                           "user " + gone + " exists",
		"id 2f1b9c0e-7f3a-4a52-9d0c-0c2b7f6f9a11 unknown":           "id " + gone + " unknown",
		"a\x00b\x1b[31m\u202ec\n\n d":                               "a b [31m c d",
		"the companyIdentifierOfTheServiceTicketIsWrong":            "the companyIdentifierOfTheServiceTicketIsWrong",
		"key mysecret1 and mysecret12 are the same to mysecret123":  "key " + gone + " and " + gone + " are the same to " + gone,
		"api_key=abc&x=1":                                           "api_key=" + gone + "&x=1",
	} {
		if got := redact(in, newVeil([]string{"mysecret1", "mysecret123", "mysecret12"}, &Request{})); got != want {
			t.Errorf("%q\n got %q\nwant %q", in, got, want)
		}
	}
	if got := redact(strings.Repeat("ä ", 10_000)); len(got) > maxDetail+3 {
		t.Errorf("%d bytes", len(got))
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("Basic YWNtZTpwcml2YXRl https://a?b=c", "priv")
	f.Fuzz(func(t *testing.T, s, secret string) {
		if len(secret) < 4 {
			return
		}
		got := redact(s, newVeil([]string{secret}, &Request{}))
		if len(got) > maxDetail+3 || strings.ContainsAny(got, "\n\r\x00\x1b") {
			t.Errorf("%q", got)
		}
		if strings.Contains(got, secret) && !strings.Contains(gone, secret) && !strings.Contains(got, gone) {
			t.Errorf("%q holds %q", got, secret)
		}
	})
}
