package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

// A Transform turns a left value into a right one. Values are canonical, see
// psa.Fields, and never nil: null passes by. Functions must be pure and safe
// for concurrent use.
type Transform struct {
	// In and Out are the types of the left and the right value; "" for any.
	In, Out psa.Type
	// Forward maps left to right.
	Forward func(v any) (any, error)
	// Inverse maps right to left. A transform without one is one-way: its rule
	// needs direction: to_right.
	Inverse func(v any) (any, error)
	// Lossy says what is lost on the way there and back, "" if nothing is:
	// Inverse(Forward(v)) equals v. Lint proves it either way.
	Lossy string
	// Same reports whether a left and a right value mean the same though neither
	// function makes one of the other: a target that holds such a value keeps it,
	// and the field does not differ. nil: what the functions make alone.
	Same func(left, right any) bool
	// Make, of a transform of the host, makes the transform from its argument in
	// the map, {name: argument}: a canonical value, nil where the map names it
	// without one. The result stands for this transform. An error is reported
	// where the argument stands. Without Make, a transform takes no argument.
	Make func(arg any) (Transform, error)
}

// builtin returns the closed set of transforms. Each is made from its argument
// in the map, nil where it is named without one.
func builtin() map[string]func(arg *node) (Transform, error) {
	plain := func(t Transform) func(*node) (Transform, error) {
		return func(arg *node) (Transform, error) {
			if arg != nil {
				return t, fmt.Errorf("takes no argument")
			}
			return t, nil
		}
	}
	return map[string]func(*node) (Transform, error){
		"hours_to_minutes": plain(scaling(60, 1)),
		"minutes_to_hours": plain(scaling(1, 60)),
		"hours_to_seconds": plain(scaling(3600, 1)),
		"seconds_to_hours": plain(scaling(1, 3600)),
		"scale":            scaleArg,
		"trim":             plain(folding(strings.TrimSpace, "space at the ends")),
		"lower":            plain(folding(strings.ToLower, "upper case")),
		"upper":            plain(folding(strings.ToUpper, "lower case")),
		"not":              plain(Transform{In: psa.TypeBool, Out: psa.TypeBool, Forward: negate, Inverse: negate}),
		"bool":             boolArg,
		"number_to_text":   plain(Transform{In: psa.TypeNumber, Out: psa.TypeString, Forward: numberToText, Inverse: textToNumber}),
		"text_to_number":   plain(Transform{In: psa.TypeString, Out: psa.TypeNumber, Forward: textToNumber, Inverse: numberToText, Lossy: "superfluous digits, such as 1.0 or 007"}),
		"date":             plain(Transform{In: psa.TypeTime, Out: psa.TypeDate, Forward: timeToDate, Inverse: dateToTime, Lossy: "the time of day"}),
		"zone":             zoneArg,
		"epoch_seconds":    plain(epoch(time.Second, "fractions of a second")),
		"epoch_millis":     plain(epoch(time.Millisecond, "fractions of a millisecond")),
		"split":            splitArg,
		"join":             joinArg,
		"prefix":           prefixArg,
		"truncate":         truncateArg,
	}
}

// TransformNames returns the names of the built-in transforms, sorted.
func TransformNames() []string {
	var names []string
	for n := range builtin() {
		names = append(names, n)
	}
	names = append(names, "template")
	slices.Sort(names)
	return names
}

func want[T any](v any, what string) (T, error) {
	t, ok := v.(T)
	if !ok {
		return t, fmt.Errorf("got %s, want %s", typeName(v), what)
	}
	return t, nil
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a truth value"
	case string:
		return "a text"
	case json.Number:
		return "a number"
	case []any:
		return "a list"
	case psa.Fields:
		return "an object"
	}
	return fmt.Sprintf("a %T", v)
}

func scaling(num, den int64) Transform {
	by, back := big.NewRat(num, den), big.NewRat(den, num)
	return scaleBy(by, back)
}

// scaleBy multiplies. What grows is rounded to 6 decimals and what shrinks to
// 12, so that 20 minutes are 0.333333333333 hours and 20 minutes again.
func scaleBy(by, back *big.Rat) Transform {
	grown, shrunk := 6, 12
	if new(big.Rat).Abs(by).Cmp(big.NewRat(1, 1)) < 0 {
		grown, shrunk = shrunk, grown
	}
	times := func(f *big.Rat, digits int) func(any) (any, error) {
		num, den := int64(0), int64(0) // no quick way
		if f.Num().IsInt64() && f.Denom().IsInt64() {
			num, den = f.Num().Int64(), f.Denom().Int64()
		}
		return func(v any) (any, error) {
			n, err := want[json.Number](v, "a number")
			if err != nil {
				return nil, err
			}
			if out, ok := scaleQuickly(string(n), num, den, digits); ok {
				return out, nil
			}
			r, ok := new(big.Rat).SetString(string(n))
			if !ok {
				return nil, errors.New("not a number")
			}
			return decimal(r.Mul(r, f), digits), nil
		}
	}
	return Transform{In: psa.TypeNumber, Out: psa.TypeNumber, Forward: times(by, grown), Inverse: times(back, shrunk),
		Lossy: "decimals past the sixth"}
}

// decimal returns r in canonical form, rounded to so many decimals.
func decimal(r *big.Rat, digits int) json.Number {
	s := r.FloatString(digits)
	if strings.IndexByte(s, '.') >= 0 {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		s = "0"
	}
	return json.Number(s)
}

func scaleArg(arg *node) (Transform, error) {
	if arg == nil || arg.kind != nodeNumber {
		return Transform{}, fmt.Errorf("needs a number: {scale: 60}")
	}
	by, ok := new(big.Rat).SetString(arg.text)
	if !ok || by.Sign() == 0 {
		return Transform{}, fmt.Errorf("needs a number other than 0")
	}
	return scaleBy(by, new(big.Rat).Inv(by)), nil
}

// folding is a transform that loses something each way and is done the same way
// back: what comes back is what the other side holds.
func folding(f func(string) string, lost string) Transform {
	do := func(v any) (any, error) {
		s, err := want[string](v, "a text")
		if out := f(s); out != s {
			return out, err
		}
		return v, err
	}
	same := func(v any) (any, error) {
		_, err := want[string](v, "a text")
		return v, err
	}
	return Transform{In: psa.TypeString, Out: psa.TypeString, Forward: do, Inverse: same, Lossy: lost}
}

func negate(v any) (any, error) {
	b, err := want[bool](v, "a truth value")
	return !b, err
}

func boolArg(arg *node) (Transform, error) {
	t := Transform{In: psa.TypeBool, Out: psa.TypeString}
	if arg == nil || arg.kind != nodeMap || len(arg.keys) != 2 {
		return t, fmt.Errorf("needs both values: {bool: {true: Yes, false: No}}")
	}
	var words [2]any
	for i, key := range []string{"false", "true"} {
		n := arg.get(key)
		if n == nil || !n.scalar() || n.kind == nodeNull {
			return t, fmt.Errorf("needs both values: {bool: {true: \"Yes\", false: \"No\"}}")
		}
		words[i] = n.value()
		if n.kind == nodeNumber {
			t.Out = psa.TypeNumber
		}
	}
	if words[0] == words[1] {
		return t, fmt.Errorf("needs two different values")
	}
	t.Forward = func(v any) (any, error) {
		b, err := want[bool](v, "a truth value")
		if b {
			return words[1], err
		}
		return words[0], err
	}
	t.Inverse = func(v any) (any, error) {
		switch v {
		case words[0]:
			return false, nil
		case words[1]:
			return true, nil
		}
		return nil, fmt.Errorf("neither %v nor %v", words[0], words[1])
	}
	return t, nil
}

func numberToText(v any) (any, error) {
	n, err := want[json.Number](v, "a number")
	return string(n), err
}

func textToNumber(v any) (any, error) {
	s, err := want[string](v, "a text")
	if err != nil {
		return nil, err
	}
	n, err := psa.Canonical(json.Number(strings.TrimSpace(s)))
	if err != nil {
		return nil, fmt.Errorf("the text is no number")
	}
	return n, nil
}

func instant(v any) (time.Time, error) {
	s, err := want[string](v, "a time")
	if err != nil {
		return time.Time{}, err
	}
	at, msg := parseTime(s, false)
	if msg != "" {
		return at, fmt.Errorf("the text is no time with a zone")
	}
	return at, nil
}

func timeToDate(v any) (any, error) {
	at, err := instant(v)
	if err != nil {
		return nil, err
	}
	return at.Format(time.DateOnly), nil
}

func dateToTime(v any) (any, error) {
	s, err := want[string](v, "a date")
	if err != nil {
		return nil, err
	}
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return nil, fmt.Errorf("the text is no date")
	}
	return psa.FormatTime(at), nil
}

func zoneArg(arg *node) (Transform, error) {
	t := Transform{In: psa.TypeTime, Out: psa.TypeString}
	if arg == nil || arg.kind != nodeString {
		return t, fmt.Errorf("needs the name of a zone: {zone: Europe/Berlin}")
	}
	loc, err := time.LoadLocation(arg.text)
	if err != nil || arg.text == "Local" {
		return t, fmt.Errorf("knows no zone %s", quote(arg.text))
	}
	t.Forward = func(v any) (any, error) {
		at, err := instant(v)
		if err != nil {
			return nil, err
		}
		return at.In(loc).Format(time.RFC3339Nano), nil
	}
	t.Inverse = func(v any) (any, error) {
		at, err := instant(v)
		if err != nil {
			return nil, err
		}
		return psa.FormatTime(at), nil
	}
	return t, nil
}

func epoch(unit time.Duration, lost string) Transform {
	return Transform{
		In: psa.TypeTime, Out: psa.TypeNumber, Lossy: lost,
		Forward: func(v any) (any, error) {
			at, err := instant(v)
			if err != nil {
				return nil, err
			}
			n := at.Unix()
			if unit == time.Millisecond {
				n = at.UnixMilli()
			}
			return psa.Canonical(n)
		},
		Inverse: func(v any) (any, error) {
			n, err := want[json.Number](v, "a number")
			if err != nil {
				return nil, err
			}
			i, err := n.Int64()
			if err != nil {
				return nil, fmt.Errorf("not a whole number")
			}
			at := time.Unix(i, 0)
			if unit == time.Millisecond {
				at = time.UnixMilli(i)
			}
			if y := at.UTC().Year(); y < 0 || y > 9999 {
				return nil, fmt.Errorf("a time out of range")
			}
			return psa.FormatTime(at), nil
		},
	}
}

func separator(arg *node, name string) (string, error) {
	if arg == nil || arg.kind != nodeString || arg.text == "" {
		return "", fmt.Errorf("needs a separator: {%s: \",\"}", name)
	}
	return arg.text, nil
}

func split(s, sep string) any {
	list := []any{}
	for part := range strings.SplitSeq(s, sep) {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

func joinTexts(v any, sep string) (any, error) {
	list, err := want[[]any](v, "a list")
	if err != nil {
		return nil, err
	}
	parts := make([]string, len(list))
	for i := range list {
		if parts[i], err = want[string](list[i], "a list of texts"); err != nil {
			return nil, err
		}
		if strings.Contains(parts[i], sep) {
			return nil, fmt.Errorf("an element contains the separator %q", sep)
		}
	}
	return strings.Join(parts, sep), nil
}

func splitArg(arg *node) (Transform, error) {
	sep, err := separator(arg, "split")
	return Transform{In: psa.TypeString, Out: psa.TypeIDs, Lossy: "space around elements, and empty ones",
		Forward: func(v any) (any, error) {
			s, err := want[string](v, "a text")
			if err != nil {
				return nil, err
			}
			return split(s, sep), nil
		},
		Inverse: func(v any) (any, error) { return joinTexts(v, sep) },
	}, err
}

func joinArg(arg *node) (Transform, error) {
	t, err := splitArg(arg)
	if err != nil {
		_, err = separator(arg, "join")
	}
	t.Forward, t.Inverse, t.In, t.Out = t.Inverse, t.Forward, t.Out, t.In
	return t, err
}

func prefixArg(arg *node) (Transform, error) {
	t := Transform{In: psa.TypeString, Out: psa.TypeString}
	if arg == nil || arg.kind != nodeString || arg.text == "" {
		return t, fmt.Errorf("needs a text: {prefix: \"CW-\"}")
	}
	pre := arg.text
	t.Forward = func(v any) (any, error) {
		s, err := want[string](v, "a text")
		return pre + s, err
	}
	t.Inverse = func(v any) (any, error) {
		s, err := want[string](v, "a text")
		rest, ok := strings.CutPrefix(s, pre)
		if err == nil && !ok {
			err = fmt.Errorf("the text does not start with %q", pre)
		}
		return rest, err
	}
	return t, nil
}

func truncateArg(arg *node) (Transform, error) {
	t := Transform{In: psa.TypeString, Out: psa.TypeString, Lossy: "what is past the length"}
	if arg == nil || arg.kind != nodeNumber || !plainInt.MatchString(arg.text) || arg.text[0] == '-' || len(arg.text) > 6 || arg.text == "0" {
		return t, fmt.Errorf("needs a length in characters: {truncate: 100}")
	}
	limit := 0
	for _, d := range arg.text {
		limit = limit*10 + int(d-'0')
	}
	t.Forward = func(v any) (any, error) {
		s, err := want[string](v, "a text")
		if r := []rune(s); len(r) > limit {
			s = string(r[:limit])
		}
		return s, err
	}
	t.Inverse = func(v any) (any, error) { return want[string](v, "a text") }
	return t, nil
}
