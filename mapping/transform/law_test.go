package transform

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// anyHTML generates tag soup of what makes Markdown difficult.
func anyHTML() *rapid.Generator[string] {
	texts := []string{"a", "word", " ", " two words ", "*", "**x", "_", "a_b", "&lt;server&gt;", "&amp;amp;", `C:\temp\`, "1. ", "- ", "# ", "> ", "&gt;", "|",
		"`", "```", "~", "~~~", "[x](y)", "[a]: b", "![i](https://x.example)", "https://a.example/b_c?d=1&amp;e", "===", "---", "+", ":", "!", `\`, "&nbsp;",
		"👩‍💻", "مرحبا", "\n", "    ", "\t", "(c)", "1)", "漢字", ".", ")", "]", "[", "<br>", "<br>", "<hr>", "<img src=https://i.example/x.png alt='a b'>", "<img src=cid:1 alt=pic>"}
	tags := []string{"p", "div", "b", "strong", "i", "em", "s", "span", "h1", "h3", "ul", "ol", "li", "li", "blockquote", "pre", "code", "a href='https://l.example/a b'",
		"table", "tr", "td", "th", "td", "font", "center", "ol start=7"}
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		var open []string
		for range rapid.IntRange(1, 40).Draw(t, "parts") {
			switch rapid.IntRange(0, 5).Draw(t, "part") {
			case 0, 1, 2:
				b.WriteString(rapid.SampledFrom(texts).Draw(t, "text"))
			case 3, 4:
				tag := rapid.SampledFrom(tags).Draw(t, "tag")
				b.WriteString("<" + tag + ">")
				open = append(open, strings.Fields(tag)[0])
			case 5:
				if n := len(open); n > 0 {
					b.WriteString("</" + open[n-1] + ">")
					open = open[:n-1]
				}
			}
		}
		return b.String()
	})
}

// anyText generates texts of the characters that mean something in Markdown or
// HTML.
func anyText() *rapid.Generator[string] {
	part := rapid.SampledFrom([]string{"a", "word", " ", "  ", "\n", "\n\n", "\t", "*", "**", "_", "`", "```\n", "~~", "# ", "- ", "1. ", "> ", "[", "](x)", "![", "](https://x.example/a)",
		"|", "a|b\n-|-\n", "<b>", "</b>", "<script>", "<!--", "&lt;", "&", "\\", "---\n", "===\n", "    ", "é", "👩‍💻", "مرحبا", "\u00a0", "\x00", "\xff", "https://x.example"})
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(part, 0, 30).Draw(t, "parts"), "")
	})
}

// must fails the test on an error.
func must[T any](v T, err error) func(rapid.TB) T {
	return func(t rapid.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// squeezed is a text without its spaces.
func squeezed(s string) string {
	return strings.Join(strings.Fields(s), "")
}

// What HTML becomes is canonical: there and back it is the same Markdown, and
// the HTML of it is the same HTML.
func TestMarkdownIsCanonical(t *testing.T) {
	n := newNotes()
	law := func(t *rapid.T, src string) {
		md := must(n.markdown(src))(t)
		html := must(n.html(md))(t)
		if again := must(n.markdown(html))(t); again != md {
			t.Fatalf("%q became %q, and then %q", src, md, again)
		}
		if again := must(n.html(must(n.markdown(html))(t)))(t); again != html {
			t.Fatalf("%q became %q, and then %q", src, html, again)
		}
		if s := string(n.safe.SanitizeBytes([]byte(html))); s != html {
			t.Fatalf("%q became %q, which is not sanitised: %q", src, html, s)
		}
	}
	t.Run("of HTML", rapid.MakeCheck(func(t *rapid.T) { law(t, anyHTML().Draw(t, "html")) }))
	t.Run("of Markdown", rapid.MakeCheck(func(t *rapid.T) { law(t, must(n.html(anyText().Draw(t, "markdown")))(t)) }))
}

// Markdown says what the HTML said, and no mark of its own shows as text.
func TestMarkdownKeepsTheWords(t *testing.T) {
	n := newNotes()
	rapid.Check(t, func(t *rapid.T) {
		src := anyHTML().Draw(t, "html")
		want, err := clean(src)
		if err != nil {
			t.Fatal(err)
		}
		md := must(n.draft(src))(t)
		got, err := clean(must(n.html(md))(t))
		if err != nil {
			t.Fatal(err)
		}
		if a, b := squeezed(content(want)), squeezed(content(got)); a != b {
			t.Fatalf("%q says %q, and its Markdown %q says %q", src, a, md, b)
		}
	})
}

func TestTextIsCanonical(t *testing.T) {
	t.Run("of HTML", rapid.MakeCheck(func(t *rapid.T) {
		text := must(plain(anyHTML().Draw(t, "html")))(t)
		if c := canonicalText(text); c != text {
			t.Fatalf("%q is not canonical, but %q is", text, c)
		}
		if again := must(plain(must(escaped(text))(t)))(t); again != text {
			t.Fatalf("%q came back %q", text, again)
		}
	}))
	t.Run("of text", rapid.MakeCheck(func(t *rapid.T) {
		src := rapid.OneOf(anyText(), rapid.String()).Draw(t, "text")
		want := canonicalText(src)
		if c := canonicalText(want); c != want {
			t.Fatalf("%q became %q, and then %q", src, want, c)
		}
		html := must(escaped(src))(t)
		if got := must(plain(html))(t); got != want {
			t.Fatalf("%q became %q and came back %q, want %q", src, html, got, want)
		}
	}))
}

func TestPhoneIsCanonical(t *testing.T) {
	number := rapid.OneOf(rapid.String(), rapid.StringMatching(`(\+|00)?(44|49|1|39|33)?[ (-]?0?[0-9]{2,5}[ )/-]?[0-9]{3,4}[ .-]?[0-9]{3,4}( ?(x|ext\.?|#) ?[0-9]{1,5})?`))
	rapid.Check(t, func(t *rapid.T) {
		src := number.Draw(t, "number")
		for _, region := range []string{"", "GB", "US", "DE", "IT"} {
			once := canonicalPhone(src, region)
			for _, other := range []string{region, "US", ""} {
				if twice := canonicalPhone(once, other); once != src && twice != once {
					t.Fatalf("%q in %q became %q, and then in %q %q", src, region, once, other, twice)
				}
			}
		}
	})
}

func TestEmailIsCanonical(t *testing.T) {
	address := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ \x{200b}]?[A-Za-z.+]{1,8}@([A-Za-zÄÖüß0-9-]{1,8}\.){1,2}[A-Za-zé]{2,5}[ \n]?`))
	rapid.Check(t, func(t *rapid.T) {
		src := address.Draw(t, "address")
		once := canonicalEmail(src)
		if twice := canonicalEmail(once); twice != once {
			t.Fatalf("%q became %q, and then %q", src, once, twice)
		}
	})
}

func TestCompanyKeyIsCanonical(t *testing.T) {
	name := rapid.OneOf(rapid.String(), rapid.StringMatching(`([A-Za-zÄöüß&.'+ -]{1,6}){1,4}( (Ltd|& Co\. KG|GmbH|S\.A\.|Inc\.?|and))?`))
	rapid.Check(t, func(t *rapid.T) {
		src := name.Draw(t, "name")
		once := CompanyKey(src)
		if twice := CompanyKey(once); twice != once {
			t.Fatalf("%q became %q, and then %q", src, once, twice)
		}
	})
}
