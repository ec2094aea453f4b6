package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// lines returns what is wrong with a layout, one "line:column: message" each.
func lines(t *testing.T, src string) []string {
	t.Helper()
	l, err := ParseLayout("f", []byte(src))
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) || l != nil {
		t.Fatalf("got layout %v and a %T", l, err)
	}
	out := strings.Split(err.Error(), "\n")
	for i := range out {
		out[i] = strings.TrimPrefix(out[i], "f:")
	}
	return out
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name, src string
		want      []string
	}{
		{"empty", "", []string{`1:1: the file is empty; start with "version: 1"`}},
		{"comment only", "# x\n", []string{`1:1: the file is empty; start with "version: 1"`}},
		{"list", "- a\n", []string{"1:1: a layout is a list; write a mapping with version, provider, keys, times, references, absent, shapes, kinds"}},
		{"bom", "\xef\xbb\xbfversion: 1\n", []string{"1:1: the file starts with a byte order mark; save it as UTF-8 without one"}},
		{"utf-16", "\xff\xfev\x00", []string{"1:1: the file is UTF-16; save it as UTF-8"}},
		{"latin-1", "version: 1\n# caf\xe9\n", []string{"2:6: this byte is not UTF-8; save the file as UTF-8"}},
		{"tab", "version: 1\nkinds:\n\tteam: x\n", []string{`3:1: a tab; indent with spaces, and write "\t" in double quotes where a value needs one`}},
		{"control", "version: 1 #\x07\n", []string{"1:13: control character U+0007; remove it"}},
		{"syntax", "version: 1\nkinds: [\n", []string{"2: not YAML: did not find expected node content"}},
		{"documents", "version: 1\nkinds: {}\n---\nversion: 1\n", []string{"3:1: a second document starts here; write one document per file"}},
		{"version", "version: \"1\"\nkinds: {}\n", []string{`1:10: version is "1"; this release reads version 1`}},
		{"no version, no kinds", "provider: x\n", []string{`1:1: kinds is missing`, `1:1: version is missing; start with "version: 1"`}},
		{"alias", "version: 1\nkinds: {team: &a {id: id}, board: *a}\n", []string{
			"2:15: an anchor (&a); anchors and aliases are not allowed",
			"2:35: an alias (*a); write the value out, or use shapes or extends"}},
		{"merge", "version: 1\nkinds:\n  <<: {}\n", []string{"3:3: a merge key (<<); write the keys out, or use shapes or extends"}},
		{"tag", "version: 1\nkinds: {team: {id: id, active: !inactive , fields: {}}}\n", []string{`2:32: a tag (!inactive); put the value in quotes if the "!" belongs to it`}},
		{"duplicate key", "version: 1\nkinds:\n  team: {id: id, fields: {name: name}}\n  team: {id: id, fields: {name: name}}\n", []string{`4:3: "team" stands here and in line 3; remove one`}},
		{"silent conversions", "version: 1\nkinds:\n  status:\n    id: id\n    fields:\n      name: {path: x, values: {017: a, 1_000: b, 2026-01-02: c, yes: d, 0x1F: e, 1.10: f, True: g, on: h, ~: i, 1e3: j, .inf: k, +5: l}}\n",
			[]string{
				`6:32: 017 is another number to some readers of YAML and a text to others; write '017' in quotes if you mean the text, or a plain decimal number`,
				`6:40: 1_000 is another number to some readers of YAML and a text to others; write '1_000' in quotes if you mean the text, or a plain decimal number`,
				`6:50: 2026-01-02 is a time to some readers of YAML and a text to others; write '2026-01-02' in quotes if you mean the text`,
				`6:65: yes is a truth value to some readers of YAML and a text to others; write true or false, or write 'yes' in quotes if you mean the text`,
				`6:73: 0x1F is another number to some readers of YAML and a text to others; write '0x1F' in quotes if you mean the text, or a plain decimal number`,
				`6:82: 1.10 is another number to some readers of YAML and a text to others; write '1.10' in quotes if you mean the text, or a plain decimal number`,
				`6:91: True is a truth value to some readers of YAML and a text to others; write true or false, or quote the text`,
				`6:100: on is a truth value to some readers of YAML and a text to others; write true or false, or write 'on' in quotes if you mean the text`,
				`6:107: an empty key; put it in quotes`,
				`6:113: 1e3 is another number to some readers of YAML and a text to others; write '1e3' in quotes if you mean the text, or a plain decimal number`,
				`6:121: .inf is another number to some readers of YAML and a text to others; write '.inf' in quotes if you mean the text, or a plain decimal number`,
				`6:130: +5 is another number to some readers of YAML and a text to others; write '+5' in quotes if you mean the text, or a plain decimal number`,
			}},
		{"empty value", "version: 1\nkinds:\n  team:\n    id:\n", []string{`4:8: no value; write ~ for "none", or '' for the empty text`, "3:3: team has no id", "3:3: team has no fields"}},
		{"unknown keys", "version: 1\nkind: {}\nkinds:\n  tem: {}\n  team: {id: id, field: {}, fields: {nam: x, name: x}}\n", []string{
			`2:1: a layout has no key "kind"; did you mean "kinds"?; it takes version, provider, keys, times, references, absent, shapes, kinds`,
			`4:3: "tem" is no kind; did you mean "team"?`,
			`5:18: team has no key "field"; did you mean "fields"?; it takes like, where, absent, id, parent, active, updated, version, fields`,
			`5:38: team has no field "nam"; did you mean "name"?`}},
		{"rune columns", "version: 1\nkinds:\n  team: {id: \"é\", feilds: {}, fields: {name: x}}\n", []string{
			`3:19: team has no key "feilds"; did you mean "fields"?; it takes like, where, absent, id, parent, active, updated, version, fields`}},
		{"types", "version: 1\nkinds:\n  status:\n    id: id\n    fields:\n      name: \"!x\"\n      order: {const: \"5\"}\n      closed: {path: x, prefix: a}\n      board: {path: x, values: {a: b}}\n      default: 5\n      escalation: {const: 5}\n", []string{
			`6:13: "!" negates truth values, and name is a string`,
			`7:22: "5" does not fit order, which is a number`,
			`8:33: prefix is for texts, and closed is a bool`,
			`9:24: board has no key "values"; it takes path, type, prefix, none, absent, default, clear`,
			`10:16: default is 5; write a path, or {const: 5}`,
			`11:27: 5 does not fit escalation, which is a string; quote it if a text is meant`}},
		{"forms", "version: 1\nkinds:\n  contact:\n    id: [id]\n    where: {}\n    parent: {kind: compny}\n    fields:\n      communications: communicationItems\n      email: {path: a, take: value, each: {}}\n      custom: {path: a, key: id}\n      types: {path: a, each: {id: id, nme: x}}\n      name: {join: [a]}\n      title: {first: []}\n      phone: {when: {a: [b]}}\n      mobile: {}\n      address.x: a\n      company.name: b\n", []string{
			`4:9: an id made of one path is written without brackets`,
			`5:12: a condition without a path always holds; remove it`,
			`6:13: parent needs a path, or an id made of several; leave parent out where rows are listed under it`,
			`6:20: "compny" is no kind; did you mean "company"?`,
			`8:23: communications is a list; say what is in it with each`,
			`9:24: email has no key "take"; it takes path, where, each, absent, default`,
			`9:43: each makes a list, and email is a string`,
			`10:15: key and take make an object of a list, and custom is a object`,
			`11:39: types has no key "nme"; did you mean "name"?; it takes id, name, type, absent, default`,
			`12:20: join is a list; write a list of two expressions or more`,
			`13:22: first is a list; write a list of expressions`,
			`14:14: phone needs both when and then; for the other case, make it an element of first`,
			`15:15: mobile has no path; write {path: ...}, or one of const, first, when, join`,
			`16:7: contact has no field "address"`,
			`17:7: "company" is a ref and has nothing in it`}},
		{"paths", "version: 1\nkinds:\n  team: {id: a..b, fields: {name: \"a b\", leader: $up, default: \"!\"}}\n", []string{
			`3:14: "a..b" is no path; write the vendor's keys with dots between them, e.g. board.id`,
			`3:35: "a b" is no path; write the vendor's keys with dots between them, e.g. board.id`,
			`3:50: "$up" is no path; write the vendor's keys with dots between them, e.g. board.id`,
			`3:64: a path is ""; write a text`}},
		{"unused shapes", "version: 1\nshapes:\n  a: {like: b}\n  b: {id: id}\n  c: {like: b}\nkinds:\n  team: {like: b, fields: {name: name}}\n", []string{
			`3:3: no kind is like the shape "a"; remove it`, `5:3: no kind is like the shape "c"; remove it`}},
		{"shapes", "version: 1\nshapes:\n  a: {like: b}\n  b: {like: a}\nkinds:\n  team: {like: a}\n  board: {like: c}\n", []string{
			`4:13: shape "a" is like itself`,
			"6:3: team has no id", "6:3: team has no fields",
			`7:17: there is no shape "c"; did you mean "a"?`, "7:3: board has no id", "7:3: board has no fields"}},
		{"deep", "version: 1\nkinds: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "\n", []string{
			"2:40: nested deeper than 32 levels", "2:8: kinds is a list; write a mapping"}},
		{"times", "version: 1\ntimes: {zone: CET, empty_before: x}\nkeys: any\nabsent: 5\nkinds: {}\n", []string{
			`2:15: zone is "CET"; write UTC`, `2:34: empty_before is "x"; write a year, e.g. 1981`,
			`3:7: keys is "any"; write exact or fold`, `4:9: absent is 5; for a whole file or kind it is ~ or left out`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := lines(t, tt.src)
			slices.Sort(got)
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestErrorsAreInOrderOfLines(t *testing.T) {
	got := lines(t, "version: 2\nkinds:\n  tem: {}\n  borad: {}\nx: 1\n")
	var starts []string
	for _, l := range got {
		starts = append(starts, l[:strings.Index(l, ":")])
	}
	if diff := cmp.Diff([]string{"1", "3", "4", "5"}, starts); diff != "" {
		t.Error(diff)
	}
}

func TestManyErrorsAreCut(t *testing.T) {
	got := lines(t, "version: 1\nkinds: {team: {id: id, fields: {"+strings.Repeat("x: y, ", 500)+"name: x}}}\n")
	if len(got) != maxProblems || !strings.Contains(got[maxProblems-1], "more errors") {
		t.Errorf("%d lines, last %q", len(got), got[len(got)-1])
	}
}

// What is meant to exhaust a reader ends with an error, and soon.
func TestHostileFiles(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'j'; c++ {
		p := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+p+",", 8) + "*" + p + "]\n"
	}
	files := map[string]string{
		"alias bomb":     bomb,
		"10 MB":          "version: 1\n" + strings.Repeat("#0123456789\n", 1<<20),
		"deep flow":      strings.Repeat("[", 500_000),
		"deep maps":      strings.Repeat("{a: ", 200_000),
		"deep blocks":    deepBlocks(1200),
		"many keys":      manyKeys(30_000),
		"one long key":   strings.Repeat("k", 1_000_000) + ": x",
		"long plain":     "version: 1\nkinds: " + strings.Repeat("k ", 400_000),
		"many documents": strings.Repeat("---\na\n", 100_000),
	}
	for name, src := range files {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, layoutErr := ParseLayout("f", []byte(src))
			_, mapErr := Parse("f", []byte(src), nil)
			for _, err := range []error{layoutErr, mapErr} {
				if err == nil || len(err.Error()) > 100_000 {
					t.Fatalf("error of %d bytes", len(fmt.Sprint(err)))
				}
			}
			if d := time.Since(start); d > 20*time.Second { // idle: 0.1 s
				t.Errorf("took %s", d)
			}
		})
	}
}

func deepBlocks(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("k" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + ": 1\n")
	}
	return b.String()
}
