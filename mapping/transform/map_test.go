package transform

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

const contactMap = `version: 1
kinds:
  contact:
    fields:
      phone: {app: tel, transform: phone}
      email: {app: mail, transform: email}
  note:
    fields:
      text: {app: body, transform: %}
`

func mapper(t *testing.T, note string) *mapping.Mapper {
	t.Helper()
	transforms := must(All(&Options{Region: "GB"}))(t)
	m := must(mapping.Parse("map.yaml", []byte(strings.Replace(contactMap, "%", note, 1)), &mapping.Options{Transforms: transforms}))(t)
	for _, f := range m.Lint(nil, nil) {
		if f.Severity == psa.Failure {
			t.Errorf("lint: %v", f)
		}
	}
	return must(m.Compile(nil))(t)
}

// A target that says the same in other words keeps them; what differs is
// written once.
func TestNoEcho(t *testing.T) {
	tests := []struct {
		name, transform string
		kind            psa.Kind
		to              mapping.Side
		in, present     psa.Fields
		want            psa.Fields
	}{
		{name: "rich note kept", transform: "html_to_markdown", kind: psa.KindNote, to: mapping.Left,
			in: psa.Fields{"body": "Hi **Jo**"}, present: psa.Fields{"text": `<div style="color:red">Hi <b>Jo</b></div>`},
			want: psa.Fields{"text": `<div style="color:red">Hi <b>Jo</b></div>`}},
		{name: "rich note changed", transform: "html_to_markdown", kind: psa.KindNote, to: mapping.Left,
			in: psa.Fields{"body": "Hi **Jo**!"}, present: psa.Fields{"text": `<div style="color:red">Hi <b>Jo</b></div>`},
			want: psa.Fields{"text": "<p>Hi <strong>Jo</strong>!</p>"}},
		{name: "host's own Markdown kept", transform: "html_to_markdown", kind: psa.KindNote, to: mapping.Right,
			in: psa.Fields{"text": "<ul>\n<li><em>a</em></li>\n</ul>"}, present: psa.Fields{"body": "* _a_"},
			want: psa.Fields{"body": "* _a_"}},
		{name: "Markdown in the PSA kept", transform: "markdown_to_html", kind: psa.KindNote, to: mapping.Left,
			in: psa.Fields{"body": "<p><em>a</em></p>"}, present: psa.Fields{"text": "_a_\n"},
			want: psa.Fields{"text": "_a_\n"}},
		{name: "plain note kept", transform: "html_to_text", kind: psa.KindNote, to: mapping.Left,
			in: psa.Fields{"body": "Hi Jo"}, present: psa.Fields{"text": "<p>Hi <b>Jo</b></p>"},
			want: psa.Fields{"text": "<p>Hi <b>Jo</b></p>"}},
		{name: "plain text to HTML", transform: "text_to_html", kind: psa.KindNote, to: mapping.Right,
			in: psa.Fields{"text": "a < b"}, present: psa.Fields{"body": "<p>b</p>"},
			want: psa.Fields{"body": "<p>a &lt; b</p>"}},
		{name: "host's Markdown of HTML that Markdown does not give", transform: "html_to_markdown", kind: psa.KindNote, to: mapping.Right,
			in: psa.Fields{"text": `<div style="color:red">Hi <b>Jo</b></div>`}, present: psa.Fields{"body": "Hi __Jo__\n"},
			want: psa.Fields{"body": "Hi __Jo__\n"}},
		{name: "host's HTML of Markdown", transform: "markdown_to_html", kind: psa.KindNote, to: mapping.Right,
			in: psa.Fields{"text": "Hi __Jo__"}, present: psa.Fields{"body": "<div>Hi <b>Jo</b></div>"},
			want: psa.Fields{"body": "<div>Hi <b>Jo</b></div>"}},
		{name: "host's text", transform: "html_to_text", kind: psa.KindNote, to: mapping.Right,
			in: psa.Fields{"text": "<p>Hi <b>Jo</b></p>"}, present: psa.Fields{"body": "Hi Jo\n"},
			want: psa.Fields{"body": "Hi Jo\n"}},
		{name: "host's text differs", transform: "html_to_text", kind: psa.KindNote, to: mapping.Right,
			in: psa.Fields{"text": "<p>Hi <b>Jo</b></p>"}, present: psa.Fields{"body": "Hi Jo!"},
			want: psa.Fields{"body": "Hi Jo"}},
		{name: "another way to write a number", transform: "html_to_text", kind: psa.KindContact, to: mapping.Right,
			in: psa.Fields{"phone": "+44 20 7946 0000"}, present: psa.Fields{"tel": "(020) 7946 0000"},
			want: psa.Fields{"tel": "(020) 7946 0000"}},
		{name: "phone and mail kept", transform: "html_to_text", kind: psa.KindContact, to: mapping.Left,
			in: psa.Fields{"tel": "+442079460000", "mail": "ola@harbor.example"}, present: psa.Fields{"phone": "(020) 7946 0000", "email": " ola@Harbor.example"},
			want: psa.Fields{"phone": "(020) 7946 0000", "email": " ola@Harbor.example"}},
		{name: "phone and mail", transform: "html_to_text", kind: psa.KindContact, to: mapping.Right,
			in: psa.Fields{"phone": "(020) 7946 0000", "email": "ola@Harbor.example"}, present: psa.Fields{},
			want: psa.Fields{"tel": "+442079460000", "mail": "ola@harbor.example"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mp := mapper(t, tt.transform)
			rec := psa.Record{Ref: psa.Ref{Kind: tt.kind, ID: "1"}, Fields: tt.in}
			got, issues := mp.To(tt.to, rec, &mapping.Env{Present: tt.present})
			if diff := cmp.Diff(tt.want, got); diff != "" || issues != nil {
				t.Errorf("-want +got:\n%s%v", diff, issues)
			}
			left, right := got, tt.in
			if tt.to == mapping.Right {
				left, right = tt.in, got
			}
			if names := mp.Differ(tt.kind, left, right); names != nil {
				t.Errorf("still different: %v", names)
			}
		})
	}
}

func TestAll(t *testing.T) {
	for _, region := range []string{"XX", "gb", "United Kingdom"} {
		if _, err := All(&Options{Region: region}); err == nil {
			t.Errorf("region %q: no error", region)
		}
	}
	for name, tr := range must(All(nil))(t) {
		if tr.Lossy == "" || tr.Inverse == nil {
			t.Errorf("%s: want it lossy and with an inverse", name)
		}
		for _, do := range []func(any) (any, error){tr.Forward, tr.Inverse} {
			for _, v := range []any{true, []any{"x"}, psa.Fields{}} {
				if _, err := do(v); err == nil {
					t.Errorf("%s takes %v", name, v)
				}
			}
			if v, err := do(""); v != "" || err != nil {
				t.Errorf("%s of an empty text: %v, %v", name, v, err)
			}
		}
	}
}

// What is too much ends with an error, and soon.
func TestLimits(t *testing.T) {
	n := newNotes()
	fill := func(s string, size int) string { return strings.Repeat(s, size/len(s)) }
	tests := []struct {
		name string
		do   func(string) (string, error)
		in   string
		want error
	}{
		{"HTML", n.markdown, fill("x", MaxHTML+1), ErrTooLarge},
		{"HTML as text", plain, fill("x", MaxHTML+1), ErrTooLarge},
		{"mostly style", n.markdown, "<style>" + fill("p{}", MaxHTML-100) + "</style>a", nil},
		{"an embedded image", n.markdown, `<img alt=a src="data:image/png;base64,` + fill("A", MaxHTML-100) + `">`, nil},
		{"long words", n.markdown, fill("word ", MaxMarkdown*2), ErrTooLarge},
		{"elements", n.markdown, fill("<br>a", MaxText), ErrTooLarge},
		{"deep", n.markdown, fill("<div>", 5000) + "a", ErrTooDeep},
		{"deep as text", plain, fill("<b><i>", 1<<20) + "a", ErrTooDeep},
		{"deep but well", n.markdown, fill("<div>", 1500) + "a", nil},
		{"wide table", n.markdown, "<table><tr>" + fill("<td>a", 20_000) + fill("<tr><td>b<td>c", 20_000), nil},
		{"quotes of lines", n.markdown, fill("<blockquote>", 300) + fill("a<br>", 50_000), ErrTooLarge},
		{"brackets in HTML", n.markdown, fill("[", MaxMarkdown), nil},
		{"Markdown", n.html, fill("x", MaxMarkdown+1), ErrTooLarge},
		{"emphasis", n.html, fill("*", 1000) + "a" + fill("*", 1000), ErrTooDeep},
		{"many emphases", n.html, fill("*a_", MaxMarkdown), nil},
		{"brackets", n.html, fill("[", MaxMarkdown), nil},
		{"half links", n.html, fill("[a](", MaxMarkdown/4), nil},
		{"quotes", n.html, fill("> ", MaxMarkdown), nil},
		{"lists", n.html, fill("- ", MaxMarkdown), nil},
		{"lazy lines", n.html, fill(">", 1000) + "a\n" + fill("a\n", MaxMarkdown/2), nil},
		{"a wide Markdown table", n.html, fill("a|", 20_000) + "\n" + fill("-|", 20_000) + "\n" + fill("a\n", 20_000), nil},
		{"text", escaped, fill("x", MaxText+1), ErrTooLarge},
		{"text as text", plain, fill("x", MaxText+1), ErrTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := tt.do(tt.in)
			if !errors.Is(err, tt.want) || tt.want == nil && (out == "" || len(out) > 20*len(tt.in)) {
				t.Errorf("got %d bytes and %v, want %v", len(out), err, tt.want)
			}
		})
	}
}
