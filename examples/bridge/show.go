package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// writeTask writes a task for a terminal.
func writeTask(w io.Writer, t *bridge.TaskView) {
	fmt.Fprintf(w, "  %s\n", t.ID)
	ids := func(s bridge.Side) string {
		if t.IDs[s] == "" {
			return "-"
		}
		return "#" + t.IDs[s]
	}
	fmt.Fprintf(w, "      %s: %s %s in the PSA, %s in the help desk, since %s\n", t.Type, t.Kind, ids(bridge.Left), ids(bridge.Right), t.Since.UTC().Format(time.DateTime))
	for _, line := range []struct{ name, text string }{
		{"why", t.Reason}, {"rule", t.Rule}, {"class", t.Class}, {"waits for", t.WaitsFor}, {"candidates", strings.Join(t.Candidates, ", ")},
	} {
		if line.text != "" {
			fmt.Fprintf(w, "      %s: %s\n", line.name, line.text)
		}
	}
	for _, f := range t.Fields {
		fmt.Fprintf(w, "      %-14s agreed %s; PSA %s; help desk %s\n", f.Field, shown(f.Base), shown(f.Left), shown(f.Right))
	}
	if t.Tries > 0 {
		fmt.Fprintf(w, "      tried %d times", t.Tries)
		if !t.Due.IsZero() {
			fmt.Fprintf(w, ", again at %s", t.Due.UTC().Format(time.DateTime))
		}
		fmt.Fprintln(w)
	}
	if t.Answer != nil {
		fmt.Fprintf(w, "      answered by %s: %s, for the next run\n", t.Answer.Actor, t.Answer.Action)
	} else {
		fmt.Fprintf(w, "      answers: %s\n", strings.Join(t.Answers, ", "))
	}
}

// shown spells a value on one line. %q keeps a terminal safe.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		return fmt.Sprintf("%q", cut(v))
	case json.Number:
		return v.String()
	case psa.Fields:
		if name := v.String("name"); name != "" {
			return fmt.Sprintf("%q", cut(name))
		}
		if id := v.String("id"); id != "" {
			return "#" + cut(id)
		}
	}
	return cut(fmt.Sprint(v))
}

func cut(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "..."
	}
	return s
}

// writePlan writes how much a plan would do; plan -json and the text of the
// plan itself tell all of it.
func writePlan(w io.Writer, p *bridge.Plan) {
	type line struct {
		op   string
		side bridge.Side
		kind psa.Kind
	}
	count := map[line]int{}
	var order []line
	for _, item := range p.Items {
		l := line{item.Op, item.Side, item.Kind}
		if count[l] == 0 {
			order = append(order, l)
		}
		count[l]++
	}
	for _, l := range order {
		where := map[bridge.Side]string{bridge.Left: "in the PSA", bridge.Right: "in the help desk"}[l.side]
		if l.op == "link" {
			where = "by what both have in common"
		}
		fmt.Fprintf(w, "  %-6s %3d %s %s\n", l.op, count[l], l.kind, where)
	}
	for _, list := range p.Report.Lists {
		for _, why := range sorted(list.Out) {
			fmt.Fprintf(w, "  out    %3d %s of the %s side: %s\n", list.Out[why], list.Kind, list.Side, why)
		}
	}
	for _, typ := range sorted(p.Report.Tasks) {
		fmt.Fprintf(w, "  person %3d %s\n", p.Report.Tasks[typ], typ)
	}
	for _, note := range p.Notes {
		fmt.Fprintf(w, "  note   %s\n", note)
	}
}

// indent moves a text to the right.
func indent(text string) string {
	return "      " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n      ")
}
