package main

import (
	"encoding/json"
	"fmt"
	"iter"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// list prints tasks.
func (x *session) list(tasks iter.Seq2[bridge.TaskView, error], none string) error {
	all := []bridge.TaskView{}
	for t, err := range tasks {
		if err != nil {
			return x.explain(err)
		}
		all = append(all, t)
	}
	if x.json {
		return x.encode(all)
	}
	for i := range all {
		writeTask(x.out, &all[i])
	}
	if len(all) == 0 {
		fmt.Fprintln(x.out, none)
	}
	return nil
}

func (x *session) conflicts() func([]string) error {
	var f bridge.TaskFilter
	typ := x.flags.String("type", "", "only this `type`: conflict, ask, held, refused, match or deleted")
	company := x.flags.String("company", "", "only records of this company, by its `id` in the PSA")
	return func([]string) error {
		f.Types = []string{bridge.TaskConflict, bridge.TaskAsk, bridge.TaskHeld, bridge.TaskRefused, bridge.TaskMatch, bridge.TaskDeleted}
		if *typ != "" {
			f.Types = []string{*typ}
		}
		if *company != "" {
			f.Companies = []string{*company}
		}
		return x.list(x.b.Tasks(x.ctx, f), "Nothing waits for a person.")
	}
}

func (x *session) quarantine() func([]string) error {
	retry := x.flags.Bool("retry", false, "let the next run try all of them")
	return func([]string) error {
		if !*retry {
			return x.list(x.b.Quarantine(x.ctx), "No record failed.")
		}
		n, err := x.b.ResolveAll(x.ctx, bridge.TaskFilter{Types: []string{bridge.TaskRetry}}, bridge.Answer{Action: bridge.AnswerRetry, Actor: x.actor})
		return x.said(err, "%d records are tried again by the next run.", n)
	}
}

func (x *session) show() func([]string) error {
	return func(args []string) error {
		if len(args) != 1 {
			return usage("which task? conflicts lists them")
		}
		t, err := x.b.Show(x.ctx, args[0])
		if err != nil {
			return x.explain(err)
		}
		if x.json {
			return x.encode(t)
		}
		writeTask(x.out, t)
		return nil
	}
}

func (x *session) resolve() func([]string) error {
	take := x.flags.String("take", "", "the values of this `side`: psa or helpdesk")
	values := x.flags.String("values", "", "these values, a JSON `object` by the PSA's fields: {\"budget_hours\": 3}")
	strategy := x.flags.String("strategy", "", "what this `strategy` decides, as a field map spells it: newest")
	answer := x.flags.String("answer", "", "another `answer` that show names: retry, create, drop, delete, keep or restore")
	later := x.flags.Bool("later", false, "leave it to the next run")
	return func(args []string) error {
		a := bridge.Answer{Actor: x.actor}
		given := 0
		for _, g := range []struct {
			flag, action string
		}{{*take, bridge.AnswerTake}, {*values, bridge.AnswerValues}, {*strategy, bridge.AnswerStrategy}, {*answer, *answer}} {
			if g.flag != "" {
				given++
				a.Action = g.action
			}
		}
		if len(args) != 1 || given != 1 {
			return usage("resolve TASK with one of -take, -values, -strategy and -answer")
		}
		a.Side, a.Strategy = *take, *strategy
		if *values != "" {
			var f psa.Fields
			if err := json.Unmarshal([]byte(*values), &f); err != nil {
				return usage("-values is no JSON object: %v", err)
			}
			a.Values = f
		}
		return x.decide(args[0], a, *later)
	}
}

func (x *session) approve() func([]string) error {
	none := x.flags.Bool("none", false, "none of the candidates is the same record: create one")
	later := x.flags.Bool("later", false, "leave it to the next run")
	return func(args []string) error {
		if len(args) == 0 || *none && len(args) > 1 {
			return usage("approve TASK [ID], or approve -none TASK; conflicts -type match lists them")
		}
		a := bridge.Answer{Action: bridge.AnswerLink, Actor: x.actor}
		switch {
		case *none:
			a.Action = bridge.AnswerCreate
		case len(args) == 2:
			a.ID = args[1]
		default:
			t, err := x.b.Show(x.ctx, args[0])
			if err != nil {
				return x.explain(err)
			}
			if len(t.Candidates) != 1 {
				return usage("there are %d candidates: approve %s ID", len(t.Candidates), args[0])
			}
			a.ID = t.Candidates[0]
		}
		return x.decide(args[0], a, *later)
	}
}

// decide stores an answer and, unless it can wait, acts on it.
func (x *session) decide(task string, a bridge.Answer, later bool) error {
	if later {
		return x.said(x.b.Resolve(x.ctx, task, a), "The next run does it.")
	}
	r, err := x.b.ResolveNow(x.ctx, task, a)
	if err != nil {
		return x.explain(err)
	}
	if err := x.print(r); err != nil {
		return err
	}
	return x.said(nil, "Decided by %s.", a.Actor)
}
