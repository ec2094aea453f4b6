package connectwisetest

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseAndPrint(t *testing.T) {
	for in, want := range map[string]string{
		`summary = "My text"`:                         `summary = "My text"`,
		`summary='a'`:                                 `summary = "a"`,
		`summary = "say \"hi\""`:                      `summary = "say \"hi\""`,
		`summary = 'it''`:                             ``,
		`summary = 'it\'s'`:                           `summary = "it's"`,
		`summary = "C:\temp"`:                         `summary = "C:\temp"`,
		`board/id = 123`:                              `board/id = 123`,
		`board/id!=-1.50`:                             `board/id != -1.5`,
		`closedFlag = TRUE`:                           `closedFlag = True`,
		`closedFlag=false AND id>3 Or id<=2`:          `closedFlag = False and id > 3 or id <= 2`,
		`a = 1 and (b = 2 or c = 3)`:                  `a = 1 and (b = 2 or c = 3)`,
		`(a = 1 and b = 2) or c = 3`:                  `a = 1 and b = 2 or c = 3`,
		`a = 1 or (b = 2 or c = 3)`:                   `a = 1 or (b = 2 or c = 3)`,
		`not (a = 1 or b = 2)`:                        `not (a = 1 or b = 2)`,
		`not a = 1 and b = 2`:                         `not a = 1 and b = 2`,
		`lastUpdated > [2026-08-20T18:04:26Z]`:        `lastUpdated > [2026-08-20T18:04:26Z]`,
		`timeStart >= [today]`:                        `timeStart >= [today]`,
		`parentTicketId = null`:                       `parentTicketId = null`,
		`status/id in (1, 2,3)`:                       `status/id in (1,2,3)`,
		`status/name not in ("a","b")`:                `status/name not in ("a","b")`,
		`summary not contains "x" and s not like "%"`: `summary not contains "x" and s not like "%"`,
		`summary LIKE "%x%"`:                          `summary like "%x%"`,
		``:                                            ``, `a`: ``, `a =`: ``, `a = 1 b`: ``, `a = "x`: ``, `a = [2026`: ``, `a = [never]`: ``, `= 1`: ``, `a in 1`: ``, `a in (1`: ``, `a in ()`: ``,
		`(a = 1`: ``, `a = 1)`: ``, `a not = 1`: ``, `and = 1`: ``, `a = 1.2.3`: ``, `a & 1`: ``, `a = -`: ``, `not`: ``, `a ! 1`: ``, `a <> 1`: ``,
		strings.Repeat("(", 200) + "a = 1" + strings.Repeat(")", 200): ``,
		strings.Repeat("not ", 200) + "a = 1":                         ``,
	} {
		e, err := parseConditions(in, time.Now())
		switch {
		case want == "" && err == nil:
			t.Errorf("%.40s was taken as %s", in, printExpr(e))
		case want != "" && err != nil:
			t.Errorf("%s: %v", in, err)
		case want != "" && printExpr(e) != want:
			t.Errorf("%s printed as %s, want %s", in, printExpr(e), want)
		}
	}
}

// genExpr draws a condition.
func genExpr(depth int) *rapid.Generator[expr] {
	return rapid.Custom(func(t *rapid.T) expr {
		kind := 0
		if depth > 0 {
			kind = rapid.IntRange(0, 3).Draw(t, "kind")
		}
		switch kind {
		case 1, 2:
			return &binary{or: kind == 2, l: genExpr(depth-1).Draw(t, "l"), r: genExpr(depth-1).Draw(t, "r")}
		case 3:
			return &negation{x: genExpr(depth-1).Draw(t, "x")}
		}
		c := &compare{path: rapid.StringMatching(`[a-z]{1,5}x(/[a-z]{1,4})?`).Draw(t, "path"), op: rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">=", "like", "contains", "in"}).Draw(t, "op")}
		n := 1
		if c.op == "in" {
			n = rapid.IntRange(1, 3).Draw(t, "n")
		}
		if strings.Contains("like contains in", c.op) {
			c.neg = rapid.Bool().Draw(t, "neg")
		}
		for range n {
			c.values = append(c.values, genValue().Draw(t, "value"))
		}
		return c
	})
}

func genValue() *rapid.Generator[value] {
	return rapid.Custom(func(t *rapid.T) value {
		switch valueKind(rapid.IntRange(0, 4).Draw(t, "kind")) {
		case stringValue:
			// A string cannot end in a backslash: it would escape the quote.
			return value{kind: stringValue, text: strings.TrimRight(rapid.String().Draw(t, "s"), `\`)}
		case numberValue:
			return value{kind: numberValue, num: float64(rapid.IntRange(-1e9, 1e9).Draw(t, "n")) / 4}
		case boolValue:
			return value{kind: boolValue, b: rapid.Bool().Draw(t, "b")}
		case timeValue:
			at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "t"), 0).UTC()
			return value{kind: timeValue, text: stamp(at), t: at}
		}
		return value{kind: nullValue}
	})
}

func TestConditionRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := printExpr(genExpr(4).Draw(t, "expr"))
		e, err := parseConditions(want, time.Time{})
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		if got := printExpr(e); got != want {
			t.Fatalf("%s came back as %s", want, got)
		}
	})
}

// FuzzConditions: the parser never panics, what it takes prints and parses to
// the same, and what parses can be asked of any list.
func FuzzConditions(f *testing.F) {
	for _, s := range []string{`a = 1 and (b like "%x" or not c in (1,2))`, `x = [2026-01-01] or y = null`, `a = "\"`, `a = '\"'`, `((((`, `a not`, `summary = "[[]x]*"`, "a = \"\x00\xff\""} {
		f.Add(s)
	}
	tenant := Small()
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parseConditions(text, time.Unix(0, 0))
		if err != nil {
			return
		}
		printed := printExpr(e)
		again, err := parseConditions(printed, time.Unix(0, 0))
		if err != nil {
			t.Fatalf("%q printed as %q: %v", text, printed, err)
		}
		if got := printExpr(again); got != printed {
			t.Fatalf("%q printed as %q, then %q", text, printed, got)
		}
		c := serve(t, tenant, Options{Limit: Limit{Requests: -1}, MaxURL: -1})
		for _, param := range []string{"conditions", "childConditions", "customFieldConditions"} {
			if a := c.get(with("/company/contacts", param, text, "fields", "id")); a.status != 200 && a.status != 400 {
				t.Fatalf("%s=%q: status %d %v", param, text, a.status, a.err)
			}
		}
	})
}

// Patterns match like the same pattern as a regular expression.
func TestPatternLikeRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pat := rapid.StringMatching(`[ab*%é]{0,8}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[ab%é]{0,10}`).Draw(t, "s")
		like := rapid.Bool().Draw(t, "like")
		var re strings.Builder
		for _, r := range pat {
			if r == '*' || like && r == '%' {
				re.WriteString(".*")
			} else {
				re.WriteString(regexp.QuoteMeta(string(r)))
			}
		}
		want := regexp.MustCompile(`^(?s:` + re.String() + `)$`).MatchString(s)
		if got := compilePattern(pat, like).match(s); got != want {
			t.Fatalf("pattern %q of %q: %v, want %v", pat, s, got, want)
		}
	})
}

func TestPatternClasses(t *testing.T) {
	for _, tc := range []struct {
		pat, s string
		want   bool
	}{
		{"[[]x]", "[x]", true}, {"[[]x]", "x", false}, {"a[bc]d", "acd", true}, {"a[bc]d", "aed", false}, {"[a", "[a", true}, {"[]", "[]", true},
		{"*[[]x]*", "pre [x] post", true}, {"[a]", "", false}, {"[a]", "\xff", false},
	} {
		if got := compilePattern(tc.pat, false).match(tc.s); got != tc.want {
			t.Errorf("%q of %q: %v", tc.pat, tc.s, got)
		}
	}
}
