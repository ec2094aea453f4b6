package conflict_test

import (
	"context"
	"fmt"
	"time"

	"github.com/psasync/psasync/conflict"
)

// ticket is a conflict about one field of ticket 4711.
func ticket(name, class string, base, left, right any) conflict.Conflict {
	at := func(clock string) conflict.Stamp {
		t, err := time.Parse(time.RFC3339, "2026-03-02T"+clock+"Z")
		if err != nil {
			panic(err)
		}
		return conflict.Stamp{At: t, Granularity: time.Second}
	}
	return conflict.Conflict{
		Kind: "ticket", LeftID: "4711", RightID: "T-9", Phase: "1",
		Fields: []conflict.Field{{Name: name, Class: class, Base: conflict.Of(base), Left: conflict.Of(left), Right: conflict.Of(right)}},
		LeftAt: at("09:15:00"), RightAt: at("09:47:30"),
	}
}

// Last write wins, as far as the stamps are evidence.
func ExampleNewest() {
	newest := conflict.Newest(&conflict.NewestOptions{Skew: 2 * time.Minute})
	c := ticket("priority", "technical", "Medium", "High", "Critical")

	d, err := conflict.Decide(context.Background(), newest, c)
	fmt.Println(d.Action, d.Side, "because it", d.Reason, err)
	fmt.Println(c.Agreed(d))

	// A note moved the stamp of the right ticket. It tells nothing any more.
	c.RightAt.ExplainedBy = "note 88"
	d, err = conflict.Decide(context.Background(), newest, c)
	fmt.Println(d.Action == conflict.NoOpinion, d.Reason, err)

	// Output:
	// take right because it changed 32m30s later <nil>
	// map[priority:Critical]
	// true newest: the right side's stamp is explained by note 88 <nil>
}

// One side is right about some fields, the other about the rest.
func ExampleSourceOfTruth() {
	s := conflict.First(
		conflict.SourceOfTruth(conflict.Left, "class:billing", "status"),
		conflict.SourceOfTruth(conflict.Right),
	)
	for _, c := range []conflict.Conflict{
		ticket("agreement", "billing", nil, "Gold", "Silver"),
		ticket("status", "client", "New", "Scheduled", "In progress"),
		ticket("summary", "technical", "printer", "Printer", "Printer on fire"),
	} {
		d, err := conflict.Decide(context.Background(), s, c)
		fmt.Println(c.Agreed(d), d.By, err)
	}
	// Output:
	// map[agreement:Gold] source_of_truth[class:billing] <nil>
	// map[status:Scheduled] source_of_truth[status] <nil>
	// map[summary:Printer on fire] source_of_truth <nil>
}

// A person decides: the conflict waits, and what the person says is applied like
// any other decision.
func ExampleManual() {
	c := ticket("summary", "technical", "printer", "Printer jams", "Printer on fire")
	d, err := conflict.Decide(context.Background(), conflict.Manual, c)
	fmt.Println(d.Action, d.Reason, c.Agreed(d) == nil, err)

	// Later.
	person := func(context.Context, conflict.Conflict) (conflict.Decision, error) {
		return conflict.Decision{
			Action: conflict.Merge, By: "dana@msp.example", Reason: "both are true",
			Values: conflict.Values{"summary": "Printer jams and is on fire"},
		}, nil
	}
	d, err = conflict.Decide(context.Background(), person, c)
	fmt.Println(d.Action, c.Agreed(d), "by", d.By, err)
	// Output:
	// hold the rule for summary asks for a person true <nil>
	// merge map[summary:Printer jams and is on fire] by dana@msp.example <nil>
}

// Strategies compose. The description is merged if that is clean; billing is the
// PSA's in phase 1; the rest goes to the last write, else to a person.
func Example_composition() {
	otherwise := conflict.First(conflict.Newest(nil), conflict.Manual)
	s := conflict.First(
		conflict.PerField(map[string]conflict.Strategy{
			"description": conflict.First(conflict.MergeText(nil), conflict.Manual),
		}),
		conflict.ByPhase(map[string]conflict.Strategy{
			"1": conflict.NoteLoser(conflict.SourceOfTruth(conflict.Left, "class:billing")),
		}),
		otherwise,
	)
	explained := ticket("priority", "technical", "Low", "High", "Medium")
	explained.LeftAt.ExplainedBy = "a time entry"

	for _, c := range []conflict.Conflict{
		ticket("description", "technical", "It is slow.\n\nSince Monday.\n", "It is very slow.\n\nSince Monday.\n", "It is slow.\n\nSince Tuesday.\n"),
		ticket("agreement", "billing", nil, "Gold", "Silver"),
		ticket("team", "technical", "A", "B", "C"),
		explained,
	} {
		d, err := conflict.Decide(context.Background(), s, c)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s %q by %s, loser %q\n", d.Action, c.Agreed(d), d.By, d.Loser)
	}
	// Output:
	// merge map["description":"It is very slow.\n\nSince Tuesday.\n"] by field[description]/merge_text, loser "audit"
	// take map["agreement":"Gold"] by phase[1]/source_of_truth[class:billing], loser "note"
	// take map["team":"C"] by newest, loser "audit"
	// hold map[] by manual, loser ""
}

// From the comparison to the write: classify, hold back what is not owned, decide.
func Example() {
	c := ticket("agreement", "billing", "Gold", "Gold", "Silver")
	change := c.Change()
	fmt.Println(change)

	// Nobody owns it: what the right side changed goes to the left.
	fmt.Println(conflict.Own("", conflict.Restore, change))
	// The left side owns it: its value is written back to the right.
	fmt.Println(conflict.Own(conflict.Left, conflict.Restore, change))

	c.Fields[0].Left = conflict.Of("Platinum")
	effect, _ := conflict.Own("", conflict.Restore, c.Change())
	fmt.Println(effect)
	d, err := conflict.Decide(context.Background(), conflict.PreferRight, c)
	fmt.Println(c.Agreed(d), err)
	// Output:
	// right only
	// propagate left
	// write back right
	// contend
	// map[agreement:Silver] <nil>
}

// Strategies are written in a field map as text.
func ExampleNames_Parse() {
	names := conflict.Names{Sides: map[string]conflict.Side{"psa": conflict.Left, "app": conflict.Right}}

	s, err := names.Parse("first(newest(5m), note(psa))")
	if err != nil {
		fmt.Println(err)
		return
	}
	c := ticket("priority", "technical", "Low", "High", "Medium")
	c.RightAt = c.LeftAt
	d, err := conflict.Decide(context.Background(), s, c)
	fmt.Println(d.Action, d.Side, d.Loser, err)

	_, err = names.Parse("first(newst, psa)")
	fmt.Println(err)
	// Output:
	// take left note <nil>
	// conflict: column 7: unknown strategy "newst", did you mean "newest"?
}

// The lists of a contact's numbers and addresses, changed on both sides.
func ExampleMergeSet() {
	number := func(id, value string, isDefault bool) any {
		return map[string]any{"id": id, "medium": "phone", "value": value, "default": isDefault}
	}
	c := conflict.Conflict{Kind: "contact", Fields: []conflict.Field{{
		Name:  "communications",
		Base:  conflict.Of([]any{number("1", "555-0100", true), number("2", "555-0111", false)}),
		Left:  conflict.Of([]any{number("1", "555-0199", true), number("2", "555-0111", false)}),
		Right: conflict.Of([]any{number("1", "555-0100", true), number("3", "555-0122", false)}),
	}}}
	s := conflict.MergeSet(&conflict.SetOptions{Key: []string{"id"}, AtMostOne: "default", Per: "medium"})
	d, err := conflict.Decide(context.Background(), s, c)
	for _, n := range c.Agreed(d)["communications"].([]any) {
		fmt.Println(n.(map[string]any)["id"], n.(map[string]any)["value"])
	}
	fmt.Println(err)
	// Output:
	// 1 555-0199
	// 3 555-0122
	// <nil>
}
