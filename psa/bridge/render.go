package bridge

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/text"
	"github.com/psasync/psasync/psa"
)

// maxItems bounds the items of one group in a plan's text; the JSON has all.
const maxItems = 200

// WriteJSON writes the plan in its stable form, indented. It holds values of
// records. json.Unmarshal reads it back, for [Bridge.Apply].
func (p *Plan) WriteJSON(w io.Writer) error { return text.WriteJSON(w, p) }

// String is the form of WriteText.
func (p *Plan) String() string { return text.Of(p.WriteText) }

// WriteText writes the plan for a terminal: what to know first, how many records
// take part, and each write with its values before and after. Values are quoted
// and cut, so that they cannot act on the terminal.
func (p *Plan) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Plan for %s: %s; nothing was written\n", clip(p.Source), p.headline())
	fmt.Fprintf(&b, "Token %s\n", clip(p.Token))
	b.WriteString(p.mailLine())
	bullets(&b, "To know before it is applied", p.Notes)
	writeLists(&b, p.Report.Lists)
	writeOutcome(&b, &p.Report)
	for s := range Side(2) {
		for _, op := range []string{opLink, opCreate, opUpdate, opDelete} {
			p.writeItems(&b, s, op)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *Plan) headline() string {
	n := map[string]int{}
	for i := range p.Items {
		n[p.Items[i].Op]++
	}
	var parts []string
	for _, op := range []string{opLink, opCreate, opUpdate, opDelete} {
		if n[op] > 0 {
			parts = append(parts, plural(n[op], op))
		}
	}
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, ", ")
}

// mailLine says who would be told by mail.
func (p *Plan) mailLine() string {
	to := [2]int{}
	for i := range p.Items {
		if p.Items[i].Notify != psa.NotifyNone {
			to[p.Items[i].Side]++
		}
	}
	if to == [2]int{} {
		return "Mail: the plan asks for none\n"
	}
	return fmt.Sprintf("Mail: the left side is asked to send %s, the right side %s\n", plural(to[Left], "mail"), plural(to[Right], "mail"))
}

var opVerbs = map[string]string{opLink: "To be linked", opCreate: "To be created", opUpdate: "To be changed", opDelete: "To be deleted or deactivated"}

func (p *Plan) writeItems(b *strings.Builder, s Side, op string) {
	n := 0
	for i := range p.Items {
		item := &p.Items[i]
		if item.Side != s || item.Op != op {
			continue
		}
		if n++; n == 1 {
			fmt.Fprintf(b, "\n%s on the %s side\n", opVerbs[op], s)
		}
		if n <= maxItems {
			item.write(b)
		}
	}
	if n > maxItems {
		fmt.Fprintf(b, "  ... and %d more\n", n-maxItems)
	}
}

func (i *Item) write(b *strings.Builder) {
	fmt.Fprintf(b, "  %s", i.Kind)
	if i.Target != "" {
		fmt.Fprintf(b, " %s", formatID(i.Target))
	}
	if i.Source != "" {
		fmt.Fprintf(b, " from %s %s", i.Side.Other(), formatID(i.Source))
	}
	if i.Title != "" {
		fmt.Fprintf(b, " %s", quote(i.Title))
	}
	if i.Closes {
		b.WriteString(", closes it")
	}
	if who := tells(i.Notify); who != "" {
		b.WriteString(", tells " + who)
	}
	b.WriteString("\n")
	for _, c := range i.Fields {
		value := format(c.After)
		if i.Op != opCreate {
			value = format(c.Before) + " -> " + value
		}
		fmt.Fprintf(b, "    %s: %s%s\n", clip(c.Field), value, inBrackets(c.By, c.Rule))
	}
}

// inBrackets says who decided, and which rule it is.
func inBrackets(by, rule string) string {
	switch {
	case by != "" && rule != "":
		return " [" + clip(by) + ", " + clip(rule) + "]"
	case by+rule != "":
		return " [" + clip(by+rule) + "]"
	}
	return ""
}

func tells(n psa.Notify) string {
	var who []string
	if n&psa.NotifyContact != 0 {
		who = append(who, "the contact")
	}
	if n&psa.NotifyResources != 0 {
		who = append(who, "the technicians")
	}
	return strings.Join(who, " and ")
}

// writeLists says of each kind how much was read and what takes no part. Visits
// of the children of single records are told together.
func writeLists(b *strings.Builder, lists []ListReport) {
	type key struct {
		side Side
		kind psa.Kind
	}
	var order []key
	sums := map[key]*ListReport{}
	for i := range lists {
		l := &lists[i]
		k := key{l.Side, l.Kind}
		sum := sums[k]
		if sum == nil {
			sum = &ListReport{Side: l.Side, Kind: l.Kind, Out: map[string]int{}}
			sums[k] = sum
			order = append(order, k)
		}
		sum.Full = sum.Full || l.Full
		sum.Rows += l.Rows
		sum.Unchanged += l.Unchanged
		sum.Echoes += l.Echoes
		sum.Bad += l.Bad
		sum.New += l.New
		for why, n := range l.Out {
			sum.Out[why] += n
		}
	}
	for i, k := range order {
		if i == 0 {
			b.WriteString("\nRead\n")
		}
		sums[k].write(b)
	}
}

func (l *ListReport) write(b *strings.Builder) {
	what := "changed"
	if l.Full {
		what = "in all"
	}
	fmt.Fprintf(b, "  %s %s: %s %s", l.Side, l.Kind, plural(l.Rows, "row"), what)
	if l.New > 0 {
		fmt.Fprintf(b, ", %d without a link", l.New)
	}
	if n := l.Unchanged + l.Echoes; n > 0 {
		fmt.Fprintf(b, ", %d known", n)
	}
	if l.Bad > 0 {
		fmt.Fprintf(b, ", %d unreadable", l.Bad)
	}
	out := 0
	for _, n := range l.Out {
		out += n
	}
	if l.Rows > 0 {
		fmt.Fprintf(b, ", %d in scope, %d out of it", l.Rows-out, out)
	}
	b.WriteString("\n")
	for _, why := range sortedKeys(l.Out) {
		fmt.Fprintf(b, "    %d: %s\n", l.Out[why], clipTo(why, maxReason))
	}
}

// writeOutcome tells what a run did beside writing.
func writeOutcome(b *strings.Builder, r *Report) {
	var lines []string
	add := func(n int, what, then string) {
		if n > 0 {
			lines = append(lines, plural(n, what)+" "+then)
		}
	}
	add(r.Linked, "pair", "found and linked")
	add(r.Agreed, "pair", "found equal without a write")
	add(r.Restored, "edit", "undone, by a side that does not own the field")
	add(r.Closed, "ticket", "closed")
	add(r.Dormant, "link", "out of scope now")
	add(r.Gone, "link", "with a record that is gone")
	add(r.Skipped, "write", "left for the next run, since the plan does not hold them")
	for _, by := range sortedKeys(r.Decided) {
		add(r.Decided[by], "conflict", "decided by "+clip(by))
	}
	for _, group := range sortedKeys(r.Left) {
		add(r.Left[group], "edit", "left to differ: "+clip(group))
	}
	for _, typ := range sortedKeys(r.Tasks) {
		add(r.Tasks[typ], "task", "of type "+typ+" new in the queue")
	}
	bullets(b, "Besides", lines)
	var failed []string
	for _, f := range r.Failures {
		failed = append(failed, fmt.Sprintf("%s on the %s side: %s", f.Kind, f.Side, f.Error))
	}
	bullets(b, "Not read completely", failed)
}

// WriteJSON writes the report in its stable form, indented.
func (r *Report) WriteJSON(w io.Writer) error { return text.WriteJSON(w, r) }

// String is the form of WriteText.
func (r *Report) String() string { return text.Of(r.WriteText) }

// WriteText writes the report for a terminal.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Run of %s: %s\n", clip(r.Source), r.headline())
	fmt.Fprintf(&b, "Run %s at %s took %s\n", r.Run, stamp(r.Started), r.Took.Round(time.Millisecond))
	if r.Paused != "" {
		fmt.Fprintf(&b, "PAUSED: %s\n", clipTo(r.Paused, maxReason))
	}
	writeLists(&b, r.Lists)
	writeOutcome(&b, r)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) headline() string {
	var parts []string
	for _, c := range []struct {
		n    [2]int
		verb string
	}{{r.Created, "created"}, {r.Updated, "changed"}, {r.Deleted, "deleted"}} {
		for s := range Side(2) {
			if c.n[s] > 0 {
				parts = append(parts, fmt.Sprintf("%d %s on the %s side", c.n[s], c.verb, s))
			}
		}
	}
	s := strings.Join(parts, ", ")
	if s == "" {
		s = "nothing was written"
	}
	if r.DryRun {
		s += " (dry run)"
	}
	return s
}

func bullets(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title)
	for _, line := range lines {
		fmt.Fprintf(b, "  - %s\n", clipTo(line, maxReason))
	}
}
