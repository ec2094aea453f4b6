package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/psasync/psasync/psa"
)

var errSerial = errors.New("no serial number")

// hostTransforms has one that fails with a class, one that takes an argument,
// and one that knows what means the same.
func hostTransforms() *Options {
	text := func(v any) string { s, _ := v.(string); return s }
	return &Options{Transforms: map[string]Transform{
		"serial": {Forward: func(any) (any, error) { return nil, fmt.Errorf("row 5: %w", errSerial) }, Inverse: func(v any) (any, error) { return v, nil }},
		"pad": {Make: func(arg any) (Transform, error) {
			opts, _ := arg.(psa.Fields)
			with := opts.String("with")
			if arg == nil {
				with = "0"
			}
			if with == "" {
				return Transform{}, errors.New("needs {with: text}")
			}
			return Transform{
				Forward: func(v any) (any, error) { return with + text(v), nil },
				Inverse: func(v any) (any, error) { return strings.TrimPrefix(text(v), with), nil },
			}, nil
		}},
		"nothing": {Make: func(any) (Transform, error) { return Transform{}, nil }},
		"loud": {
			Forward: func(v any) (any, error) { return strings.ToUpper(text(v)), nil },
			Inverse: func(v any) (any, error) { return v, nil }, Lossy: "case",
			Same: func(left, right any) bool { return strings.EqualFold(text(left), text(right)) },
		},
	}}
}

func hostMapper(t *testing.T, rules string) *Mapper {
	t.Helper()
	m, err := Parse("map.yaml", []byte(fieldMap(rules)), hostTransforms())
	if err != nil {
		t.Fatal(err)
	}
	mp, err := m.Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	return mp
}

func TestTransformErrorsKeepTheirClass(t *testing.T) {
	for _, rules := range []string{`summary: {app: title, transform: [trim, serial]}`, `communications: {app: lines, each: {value: {app: v, transform: serial}}}`} {
		mp := hostMapper(t, rules)
		src := psa.Fields{"summary": "x", "communications": []any{psa.Fields{"value": "x"}}}
		_, issues := mp.To(Right, ticket(src), nil)
		if len(issues) != 1 || issues[0].Code != "transform" || !errors.Is(issues[0].Err, errSerial) {
			t.Errorf("%s: %#v", rules, issues)
		}
		if b, err := json.Marshal(issues); err != nil || strings.Contains(string(b), "Err") {
			t.Errorf("%s: %v", b, err)
		}
	}
}

func TestTransformsWithArguments(t *testing.T) {
	for _, tt := range []struct{ transform, want string }{{`{pad: {with: "*"}}`, "*7"}, {`pad`, "07"}, {`[{pad: {with: a}}, {pad: {with: b}}]`, "ba7"}} {
		mp := hostMapper(t, `summary: {app: title, transform: `+tt.transform+`}`)
		got, issues := mp.To(Right, ticket(psa.Fields{"summary": "7"}), nil)
		if got.String("title") != tt.want || len(issues) > 0 {
			t.Errorf("%s: %v %v", tt.transform, got, issues)
		}
		back, issues := mp.To(Left, ticket(got), nil)
		if back.String("summary") != "7" || len(issues) > 0 {
			t.Errorf("%s, back: %v %v", tt.transform, back, issues)
		}
	}
	for transform, want := range map[string]string{
		`{pad: {}}`:      "5:46: pad: needs {with: text}",
		`nothing`:        `5:40: the host made "nothing" without a Forward function`,
		`{serial: 1}`:    `5:49: "serial" is the host's and takes no argument`,
		`{nothing: [1]}`: `5:41: the host made "nothing" without a Forward function`,
	} {
		_, err := Parse("map.yaml", []byte(fieldMap(`summary: {app: title, transform: `+transform+`}`)), hostTransforms())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", transform, err, want)
		}
	}
}

// What a transform says is the same is not written, whatever stands around it.
func TestTransformsThatKnowTheSame(t *testing.T) {
	for rules, right := range map[string]string{
		`summary: {app: title, transform: loud}`:                                  "HeLLo",
		`summary: {app: title, transform: [{prefix: "a"}, loud, {prefix: "b "}]}`: "b aHeLLo",
	} {
		mp := hostMapper(t, rules)
		left, host := psa.Fields{"summary": "hello"}, psa.Fields{"title": right}
		got, issues := mp.To(Right, ticket(left), &Env{Present: host})
		back, backIssues := mp.To(Left, ticket(host), &Env{Present: left})
		if d := cmp.Diff(host, got) + cmp.Diff(left, back); d != "" || len(issues)+len(backIssues) > 0 {
			t.Errorf("%s: %v %v\n%s", rules, issues, backIssues, d)
		}
		if d := mp.Differ(psa.KindTicket, left, host); d != nil {
			t.Errorf("%s: %v differ", rules, d)
		}
		if d := mp.Differ(psa.KindTicket, psa.Fields{"summary": "other"}, host); len(d) != 1 {
			t.Errorf("%s: %v differ", rules, d)
		}
	}
}
