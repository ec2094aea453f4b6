package conflict

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Names are what a written strategy may refer to. The zero value knows the
// built-in names only.
type Names struct {
	// Sides are further names of the sides, e.g. "psa" for Left. "left" and
	// "right" are known always.
	Sides map[string]Side
	// Custom are strategies by the name they are written with.
	Custom map[string]Strategy
}

// Parse reads a strategy with the names of custom besides the built-in ones.
// See [Names.Parse].
func Parse(expr string, custom map[string]Strategy) (Strategy, error) {
	return Names{Custom: custom}.Parse(expr)
}

// Parse reads a strategy as a field map spells it:
//
//	left, right, or a name of a side   PreferLeft, PreferRight
//	filled                             PreferFilled
//	newest, newest(5m)                 Newest, with a skew
//	source_of_truth(left, class:billing, po_number)
//	merge_text                         MergeText
//	merge_set, merge_set(type.id, value, one:default/medium)
//	                                   MergeSet, with a key and AtMostOne/Per
//	manual                             Manual
//	first(a, b, ...)                   First
//	note(a)                            NoteLoser
//	any other name                     Custom
//
// Spaces between words do not matter. A strategy in first after one that always
// decides is an error. Every error is a *[SyntaxError].
func (n Names) Parse(expr string) (Strategy, error) {
	p := parser{names: n, expr: expr}
	if err := p.checkNames(); err != nil {
		return nil, err
	}
	if len(expr) > maxExpr {
		return nil, p.errorf(0, "a strategy of more than %d bytes", maxExpr)
	}
	s, err := p.strategy(0)
	if err != nil {
		return nil, err
	}
	if word, at := p.word(); p.pos < len(p.expr) {
		return nil, p.errorf(at, "unexpected %q after the strategy", word+p.expr[p.pos:p.pos+1])
	}
	return s.Strategy, nil
}

// A SyntaxError says what is wrong with a written strategy.
type SyntaxError struct {
	Column int    // of the first character concerned, in characters, from 1
	Msg    string // what is wrong and, where it can be told, what was meant
}

// Error returns "conflict: column 7: unknown strategy ...".
func (e *SyntaxError) Error() string { return fmt.Sprintf("conflict: column %d: %s", e.Column, e.Msg) }

const (
	maxExpr  = 4096 // bytes
	maxDepth = 16   // strategies within strategies
)

// A parsed strategy. decides is set if it always has an opinion.
type parsed struct {
	Strategy
	decides bool
}

type parser struct {
	names Names
	expr  string
	pos   int
}

// An arg is a word between the brackets of a built-in strategy.
type arg struct {
	word string
	at   int
}

// builtins are the strategies that are made of words; first and note are made
// of strategies.
var builtins = map[string]func(p *parser, at int, args []arg) (parsed, error){
	string(Left): func(p *parser, at int, args []arg) (parsed, error) {
		return parsed{PreferLeft, true}, p.none("left", args)
	},
	string(Right): func(p *parser, at int, args []arg) (parsed, error) {
		return parsed{PreferRight, true}, p.none("right", args)
	},
	"filled": func(p *parser, at int, args []arg) (parsed, error) {
		return parsed{PreferFilled, false}, p.none("filled", args)
	},
	"manual": func(p *parser, at int, args []arg) (parsed, error) {
		return parsed{Manual, true}, p.none("manual", args)
	},
	"merge_text": func(p *parser, at int, args []arg) (parsed, error) {
		return parsed{MergeText(nil), false}, p.none("merge_text", args)
	},
	"newest":          (*parser).newest,
	"merge_set":       (*parser).mergeSet,
	"source_of_truth": (*parser).sourceOfTruth,
}

const (
	first = "first"
	note  = "note"
)

func isBuiltin(name string) bool { return builtins[name] != nil || name == first || name == note }

func (p *parser) strategy(depth int) (parsed, error) {
	name, at := p.word()
	switch {
	case name == "":
		return parsed{}, p.errorf(at, "a strategy is missing")
	case depth > maxDepth:
		return parsed{}, p.errorf(at, "more than %d strategies within each other", maxDepth)
	case name == first || name == note:
		return p.composed(name, at, depth)
	}
	if build := builtins[name]; build != nil {
		args, err := p.args()
		if err != nil {
			return parsed{}, err
		}
		return build(p, at, args)
	}
	var s parsed
	if side, ok := p.names.Sides[name]; ok {
		s.Strategy, s.decides = Named(name, PreferLeft), true
		if side == Right {
			s.Strategy = Named(name, PreferRight)
		}
	} else if custom, ok := p.names.Custom[name]; ok {
		s.Strategy = Named(name, custom)
	} else {
		known := slices.Concat(slices.Collect(maps.Keys(builtins)), []string{first, note},
			slices.Collect(maps.Keys(p.names.Sides)), slices.Collect(maps.Keys(p.names.Custom)))
		return parsed{}, p.errorf(at, "unknown strategy %q, %s", name, suggest(name, known))
	}
	args, err := p.args()
	if err != nil {
		return parsed{}, err
	}
	return s, p.none(name, args)
}

// composed reads the strategies of first and note.
func (p *parser) composed(name string, at, depth int) (parsed, error) {
	if !p.take('(') {
		return parsed{}, p.errorf(at, "%s needs strategies: %s(newest, ...)", name, name)
	}
	var list []Strategy
	decides := false
	for {
		_, begin := p.peek()
		s, err := p.strategy(depth + 1)
		if err != nil {
			return parsed{}, err
		}
		if decides {
			return parsed{}, p.errorf(begin, "this strategy is never asked, the one before always decides")
		}
		list, decides = append(list, s.Strategy), s.decides
		if !p.take(',') {
			break
		}
		if name == note {
			return parsed{}, p.errorf(p.pos-1, "note takes one strategy: note(first(newest, ...))")
		}
	}
	if !p.take(')') {
		return parsed{}, p.errorf(p.pos, "a closing bracket is missing")
	}
	if name == note {
		return parsed{NoteLoser(list[0]), decides}, nil
	}
	return parsed{First(list...), decides}, nil
}

func (p *parser) newest(_ int, args []arg) (parsed, error) {
	if len(args) == 0 {
		return parsed{Newest(nil), false}, nil
	}
	skew, err := time.ParseDuration(args[0].word)
	if err != nil || skew < 0 {
		return parsed{}, p.errorf(args[0].at, "%q is no skew: write newest(90s) or newest(5m)", args[0].word)
	}
	if skew == 0 {
		skew = -1 // none, where 0 would be the default
	}
	return parsed{Newest(&NewestOptions{Skew: skew}), false}, p.none("newest with a skew", args[1:])
}

func (p *parser) mergeSet(_ int, args []arg) (parsed, error) {
	var o SetOptions
	for _, a := range args {
		one, ok := strings.CutPrefix(a.word, "one:")
		switch {
		case !ok:
			o.Key = append(o.Key, a.word)
		case o.AtMostOne != "":
			return parsed{}, p.errorf(a.at, "one: is given twice")
		default:
			o.AtMostOne, o.Per, _ = strings.Cut(one, "/")
			if o.AtMostOne == "" {
				return parsed{}, p.errorf(a.at, "one: needs the name of a flag: one:default")
			}
		}
	}
	return parsed{MergeSet(&o), false}, nil
}

func (p *parser) sourceOfTruth(at int, args []arg) (parsed, error) {
	if len(args) == 0 {
		return parsed{}, p.errorf(at, "source_of_truth needs a side: source_of_truth(left, class:billing)")
	}
	sides := map[string]Side{string(Left): Left, string(Right): Right}
	maps.Copy(sides, p.names.Sides)
	side, ok := sides[args[0].word]
	if !ok {
		return parsed{}, p.errorf(args[0].at, "unknown side %q, %s", args[0].word, suggest(args[0].word, slices.Collect(maps.Keys(sides))))
	}
	var fields []string
	for _, a := range args[1:] {
		if a.word == classPrefix {
			return parsed{}, p.errorf(a.at, "class: needs the name of a class: class:billing")
		}
		fields = append(fields, a.word)
	}
	return parsed{SourceOfTruth(side, fields...), len(fields) == 0}, nil
}

// none refuses arguments.
func (p *parser) none(name string, args []arg) error {
	if len(args) == 0 {
		return nil
	}
	return p.errorf(args[0].at, "%s takes nothing in brackets, not %q", name, args[0].word)
}

// args reads words in brackets, if there is a bracket.
func (p *parser) args() ([]arg, error) {
	if !p.take('(') {
		return nil, nil
	}
	var args []arg
	for {
		word, at := p.word()
		if word == "" {
			return nil, p.errorf(at, "a word is missing")
		}
		args = append(args, arg{word, at})
		if p.take(')') {
			return args, nil
		}
		if !p.take(',') {
			return nil, p.errorf(p.pos, "a comma or a closing bracket is missing")
		}
	}
}

const space = " \t\r\n"

// word reads up to the next bracket or comma; at is where it begins. Words may
// hold spaces, as captions of custom fields do.
func (p *parser) word() (word string, at int) {
	word, at = p.peek()
	p.pos = at + len(word)
	return strings.TrimRight(word, space), at
}

func (p *parser) peek() (word string, at int) {
	rest := strings.TrimLeft(p.expr[p.pos:], space)
	at = len(p.expr) - len(rest)
	if end := strings.IndexAny(rest, "(),"); end >= 0 {
		rest = rest[:end]
	}
	return rest, at
}

func (p *parser) take(c byte) bool {
	rest := strings.TrimLeft(p.expr[p.pos:], space)
	if rest == "" || rest[0] != c {
		return false
	}
	p.pos = len(p.expr) - len(rest) + 1
	return true
}

func (p *parser) errorf(at int, format string, args ...any) error {
	return &SyntaxError{Column: utf8.RuneCountInString(p.expr[:at]) + 1, Msg: fmt.Sprintf(format, args...)}
}

// checkNames refuses names that would hide each other.
func (p *parser) checkNames() error {
	for _, name := range slices.Sorted(maps.Keys(p.names.Sides)) {
		if side := p.names.Sides[name]; side != Left && side != Right {
			return p.errorf(0, "the name %q stands for no side", name)
		}
		if _, ok := p.names.Custom[name]; ok || isBuiltin(name) && name != string(p.names.Sides[name]) {
			return p.errorf(0, "the name %q of a side is taken by a strategy", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.names.Custom)) {
		if isBuiltin(name) {
			return p.errorf(0, "the custom strategy %q has the name of a built-in one", name)
		}
		if p.names.Custom[name] == nil {
			return p.errorf(0, "the custom strategy %q is nil", name)
		}
	}
	return nil
}

// suggest returns what may have been meant.
func suggest(name string, known []string) string {
	slices.Sort(known)
	best, least := "", max(1, utf8.RuneCountInString(name)/3)+1
	for _, k := range slices.Compact(known) {
		if d := distance(strings.ToLower(name), k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return "known are " + strings.Join(slices.Compact(known), ", ")
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// distance is the least number of letters to add, remove, replace or swap with
// their neighbour (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, last, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i := range s {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range t {
			cost := 1
			if s[i] == t[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(t)]
}
