package transform

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNotes(t *testing.T) {
	tests := []struct{ name, html, markdown, text string }{
		{
			name: "Outlook",
			html: `<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p.MsoNormal{margin:0}</style><title>RE: Printer</title></head>
<body lang=EN-GB link="#0563C1"><!--[if gte mso 9]><xml></xml><![endif]--><div class=WordSection1>
<p class=MsoNormal>Hi <b>Priya</b>,<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p>
<p class=MsoNormal>The printer on <span style='color:red'>floor 3</span> is offline, see
<a href="https://kb.example/x?a=1&amp;b=2">KB 12</a>.<o:p></o:p></p>
<div style='border:none;border-top:solid #E1E1E1 1.0pt'><p class=MsoNormal><b>From:</b> Ola Berg &lt;ola@harbor.example&gt;<br><b>Sent:</b> 27 February 2026</p></div>
</div></body></html>`,
			markdown: "Hi **Priya**,\n\nThe printer on floor 3 is offline, see [KB 12](https://kb.example/x?a=1&b=2).\n\n**From:** Ola Berg \\<ola@harbor.example>\n**Sent:** 27 February 2026",
			text:     "Hi Priya,\n\nThe printer on floor 3 is offline, see KB 12 <https://kb.example/x?a=1&b=2>.\n\nFrom: Ola Berg <ola@harbor.example>\nSent: 27 February 2026",
		},
		{
			name:     "signature of layout tables",
			html:     `<p>Thanks</p><p>-- </p><table role=presentation><tr><td><table><tr><td><b>Alex Morgan</b></td></tr><tr><td>Acme Widgets Ltd</td></tr></table></td><td><img src="cid:logo@01" alt="Acme"></td></tr></table>`,
			markdown: "Thanks\n\n\\--\n\n**Alex Morgan**\n\nAcme Widgets Ltd\n\nAcme",
			text:     "Thanks\n\n--\n\nAlex Morgan\nAcme Widgets Ltd\nAcme",
		},
		{
			name:     "lists",
			html:     `<ul><li>one</li><li>two<ol start=3><li>three</li><li>four</li></ol></li></ul>`,
			markdown: "- one\n- two\n\n  3. three\n  4. four",
			text:     "- one\n- two\n  3. three\n  4. four",
		},
		{
			name:     "table",
			html:     `<table border=1><tr><td><p class=MsoNormal>Host</p></td><td align=right>Disk</td></tr><tr><td>srv|01</td><td>99&nbsp;%</td></tr><tr><td>srv02</td></tr></table>`,
			markdown: "| Host | Disk |\n|---|--:|\n| srv\\|01 | 99 % |\n| srv02 |  |",
			text:     "Host | Disk\nsrv|01 | 99 %\nsrv02 |",
		},
		{
			name:     "code",
			html:     `<p>Run <code>ipconfig /all</code>:</p><pre><code class="language-sh">ping  10.0.0.1` + "\n  # ok\n\nexit" + `</code></pre>`,
			markdown: "Run `ipconfig /all`:\n\n```sh\nping  10.0.0.1\n  # ok\n\nexit\n```",
			text:     "Run ipconfig /all:\n\nping  10.0.0.1\n  # ok\n\nexit",
		},
		{
			name:     "quoted code",
			html:     `<blockquote><p>old</p><pre>a` + "\n" + `# b</pre></blockquote>`,
			markdown: "> old\n>\n> ```\n> a\n> # b\n> ```",
			text:     "> old\n\n> a\n> # b",
		},
		{
			name:     "what Markdown would read as markup",
			html:     `<p>Restart &lt;server&gt; *now*, see C:\temp\*.log and some_file_name</p><p># 1 of 3</p><p>1. not a list</p><p>a -> b &amp;amp; c</p>`,
			markdown: "Restart \\<server> \\*now\\*, see C:\\temp\\\\\\*.log and some_file_name\n\n\\# 1 of 3\n\n1\\. not a list\n\na -> b \\&amp; c",
			text:     "Restart <server> *now*, see C:\\temp\\*.log and some_file_name\n\n# 1 of 3\n\n1. not a list\n\na -> b &amp; c",
		},
		{
			name:     "bold within a word",
			html:     `<b>Host:</b>srv1 and H<b>2</b>O`,
			markdown: "**Host**:srv1 and H**2**O",
			text:     "Host:srv1 and H2O",
		},
		{
			name:     "emoji and right to left",
			html:     `<p dir=rtl>الطابعة لا تعمل 👩‍💻</p><p dir=rtl>תודה</p>`,
			markdown: "الطابعة لا تعمل 👩‍💻\n\nתודה",
			text:     "الطابعة لا تعمل 👩‍💻\n\nתודה",
		},
		{
			name: "dropped",
			html: `<script>alert(1)</script><style>a{}</style><p onclick="x()">a<img width=1 height=1 src="https://t.example/p.gif"><img style="width:1px" src="https://t.example/q.gif"></p>` +
				`<div style="display:none">preheader</div><iframe src="https://x.example"></iframe><a href="javascript:alert(1)">b</a><img src="data:image/png;base64,AAAA" alt="shot"><object>c</object>`,
			markdown: "a\n\nbshot",
			text:     "a\n\nbshot",
		},
		{name: "an image", html: `<img src="https://i.example/a.png" alt="Rack">`, markdown: "![Rack](https://i.example/a.png)", text: "Rack"},
		{name: "plain text", html: "C: 99% < 100%", markdown: "C: 99% \\< 100%", text: "C: 99% < 100%"},
		{name: "empty", html: "<p>&nbsp;</p><div><br></div>"},
	}
	n := newNotes()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			md := must(n.markdown(tt.html))(t)
			if diff := cmp.Diff(tt.markdown, md); diff != "" {
				t.Errorf("Markdown: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tt.text, must(plain(tt.html))(t)); diff != "" {
				t.Errorf("text: -want +got:\n%s", diff)
			}
		})
	}
}

// What a host writes is shown in the PSA and runs nothing there.
func TestMarkdownToHTML(t *testing.T) {
	for md, want := range map[string]string{
		"Called\nback":                                 "<p>Called<br>\nback</p>",
		"reboot <server> & wait":                       "<p>reboot &lt;server&gt; &amp; wait</p>",
		"<script>alert(1)</script>":                    "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>",
		"[x](javascript:alert(1))":                     "<p>x</p>",
		"[x](/relative)":                               "<p>x</p>",
		"![x](data:image/png;base64,A)":                "<p><img alt=\"x\"></p>",
		"**a** ~~b~~ [c](https://c.example/?q=\"><b>)": "<p><strong>a</strong> <del>b</del> <a href=\"https://c.example/?q=%22%3E%3Cb%3E\">c</a></p>",
		"```go\" onload=x\nf()\n```":                   "<pre><code>f()\n</code></pre>",
		"a\r\nb\x00":                                   "<p>a<br>\nb</p>",
	} {
		if diff := cmp.Diff(want, must(newNotes().html(md))(t)); diff != "" {
			t.Errorf("%q: -want +got:\n%s", md, diff)
		}
	}
}

func TestTextToHTML(t *testing.T) {
	want := "<p>disk &nbsp;full &lt;C:&gt;<br>\n<br>\n&nbsp;&nbsp;- a</p>"
	if diff := cmp.Diff(want, must(escaped("disk  full <C:> \r\n\r\n  - a\n\n"))(t)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
