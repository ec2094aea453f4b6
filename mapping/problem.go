package mapping

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/psasync/psasync/psa"
)

// An Error holds everything that is wrong with a file, in the order of its
// lines. Each finding says where it is, what is wrong and what to write.
type Error struct {
	Findings []psa.Finding
}

// Error returns one line per finding: "file:line:column: message".
func (e *Error) Error() string {
	lines := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		lines[i] = f.Where + ": " + f.Message
	}
	return strings.Join(lines, "\n")
}

// maxProblems bounds a report, so that a file of nothing but errors stays readable.
const maxProblems = 100

type problem struct {
	psa.Finding
	file      string
	line, col int
}

// problems collects what is wrong with one or more files.
type problems struct {
	list []problem
	kind psa.Kind // of what is being looked at
	full bool     // no more are taken
}

// enoughProblems is where reading a file stops collecting; what is shown is
// less still.
const enoughProblems = 1000

func (p *problems) at(n *node, code, format string, args ...any) {
	if p.full {
		return
	}
	p.full = len(p.list) >= enoughProblems
	p.add(n, psa.Failure, code, fmt.Sprintf(format, args...))
}

func (p *problems) add(n *node, s psa.Severity, code, message string) {
	p.list = append(p.list, problem{
		Finding: psa.Finding{Severity: s, Code: code, Kind: p.kind, Where: where(n), Message: message},
		file:    n.file, line: n.line, col: n.col,
	})
}

// findings returns what was collected, in the order of the files' lines.
func (p *problems) findings() []psa.Finding {
	slices.SortStableFunc(p.list, func(a, b problem) int {
		return cmp.Or(strings.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.col, b.col))
	})
	all := make([]psa.Finding, len(p.list))
	for i := range p.list {
		all[i] = p.list[i].Finding
	}
	return slices.Compact(all)
}

// err returns what was collected as an [*Error], or nil.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	all := p.findings()
	if more := len(all) - maxProblems; more > 0 {
		last := all[maxProblems-1]
		last.Message = fmt.Sprintf("and %d more errors from here on", more+1)
		if p.full {
			last.Message = fmt.Sprintf("and more than %d more errors from here on", more)
		}
		all = append(all[:maxProblems-1], last)
	}
	return &Error{Findings: all}
}

func where(n *node) string {
	if n.col == 0 {
		return n.file + ":" + strconv.Itoa(n.line)
	}
	return n.file + ":" + strconv.Itoa(n.line) + ":" + strconv.Itoa(n.col)
}

func quote(s string) string {
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "..."
	}
	return strconv.Quote(s)
}

// didYouMean returns `; did you mean "x"?` for the nearest of the names, or
// "" if none is near.
func didYouMean(got string, names []string) string {
	if best := nearest(got, names); best != "" {
		return "; did you mean " + quote(best) + "?"
	}
	return ""
}

// nearest returns the name that is closest to got, or "" if none is close.
func nearest(got string, names []string) string {
	if len(got) > 100 {
		return ""
	}
	fold := func(s string) string {
		return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(s))
	}
	g := fold(got)
	best, least := "", max(1, len(g)/3)+1
	for _, n := range names {
		if d := distance(g, fold(n), least); d < least {
			best, least = n, d
		}
	}
	return best
}

// distance is the number of edits (insert, delete, replace, swap neighbours)
// between a and b, or limit if there are at least that many.
func distance(a, b string, limit int) int {
	x, y := []rune(a), []rune(b)
	if d := len(x) - len(y); d >= limit || -d >= limit {
		return limit
	}
	before, prev := make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range x {
		cur := make([]int, len(y)+1)
		cur[0] = i + 1
		least := cur[0]
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			cur[j+1] = min(prev[j]+cost, prev[j+1]+1, cur[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				cur[j+1] = min(cur[j+1], before[j-1]+1)
			}
			least = min(least, cur[j+1])
		}
		if least >= limit {
			return limit
		}
		before, prev = prev, cur
	}
	return min(prev[len(y)], limit)
}
