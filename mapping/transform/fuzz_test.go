package transform

import (
	"errors"
	"strings"
	"testing"
)

// known reports whether an error is one that callers are told of.
func known(err error) bool { return errors.Is(err, ErrTooLarge) || errors.Is(err, ErrTooDeep) }

func FuzzHTML(f *testing.F) {
	for _, s := range []string{"<p>Hi <b>Jo</b></p>", "<ul><li>a<ul><li>b</ul></ul>", "<table><tr><td>a<td>b<tr><td>c", "<pre>a\n#</pre>", "<a href=x:y>[</a>", "<b>a:</b>b", "<blockquote># - 1.", "&lt;script&gt;"} {
		f.Add(s)
	}
	n := newNotes()
	f.Fuzz(func(t *testing.T, src string) {
		if _, err := plain(src); err != nil && !known(err) {
			t.Fatal(err)
		}
		md, err := n.markdown(src)
		if err != nil {
			if !known(err) {
				t.Fatal(err)
			}
			return
		}
		html := must(n.html(md))(t)
		if again := must(n.markdown(html))(t); again != md {
			t.Fatalf("%q became %q and then %q", src, md, again)
		}
	})
}

func FuzzMarkdown(f *testing.F) {
	for _, s := range []string{"# a\n- b\n  1. c", "**a** _b_ ~~c~~ `d`", "a|b\n-|-\n1|2", "> a\n\n```go\nx\n```", "[a](https://b.example) ![c](d)", "<script>alert(1)</script>", "[a]: b\n[a]"} {
		f.Add(s)
	}
	n := newNotes()
	f.Fuzz(func(t *testing.T, src string) {
		html, err := n.html(src)
		if err != nil {
			if !known(err) {
				t.Fatal(err)
			}
			return
		}
		if strings.Contains(html, "<script") || n.safe.Sanitize(html) != html {
			t.Fatalf("%q became %q, which is not sanitised", src, html)
		}
		if _, err := n.markdown(html); err != nil && !known(err) {
			t.Fatal(err)
		}
	})
}

func FuzzContact(f *testing.F) {
	for _, s := range []string{"020 7946 0000 x12", "+1 (212) 736-5000", " Ola@Bücher.example ", "Müller GmbH & Co. KG", "\xf5Ǯ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, canon := range map[string]func(string) string{
			"phone": func(s string) string { return canonicalPhone(s, "GB") }, "email": canonicalEmail, "company": CompanyKey,
		} {
			if once := canon(s); canon(once) != once {
				t.Errorf("%s of %q: %q became %q", name, s, once, canon(once))
			}
		}
	})
}
