package conflict

import (
	"context"
	"maps"
	"slices"
)

// First asks one strategy after the other until one has an opinion. It keeps
// why those before it had none as part of the reason. An error ends it. First
// of nothing has no opinion.
func First(strategies ...Strategy) Strategy {
	strategies = slices.Clone(strategies)
	return func(ctx context.Context, c Conflict) (Decision, error) {
		var passed string
		for _, s := range strategies {
			d, err := ask(ctx, s, c)
			if err != nil {
				return Decision{}, err
			}
			d.Reason = join(passed, d.Reason)
			if d.Action != NoOpinion {
				return d, nil
			}
			passed = d.Reason
		}
		return Decision{Reason: passed}, nil
	}
}

// PerField asks the strategy of a field's name or, if there is none, of its
// class ("class:billing"). It has no opinion about other fields.
//
// Of a group, the strategies of all its fields are asked, and those that have
// an opinion must agree: the first Hold among them stands, and different
// answers are held, since a group cannot be split.
func PerField(rules map[string]Strategy) Strategy {
	rules = maps.Clone(rules)
	return perField("field", func(f Field) (string, Strategy) {
		if s, ok := rules[f.Name]; ok {
			return f.Name, s
		}
		key := classPrefix + f.Class
		return key, rules[key]
	})
}

// PerClass asks the strategy of a field's class ("billing"). It treats groups
// as [PerField] does.
func PerClass(rules map[string]Strategy) Strategy {
	rules = maps.Clone(rules)
	return perField("class", func(f Field) (string, Strategy) { return f.Class, rules[f.Class] })
}

func perField(label string, rule func(Field) (key string, s Strategy)) Strategy {
	return func(ctx context.Context, c Conflict) (Decision, error) {
		var answer Decision
		var passed string
		asked := make(map[string]bool, len(c.Fields))
		for _, f := range c.Fields {
			key, s := rule(f)
			if s == nil || asked[key] {
				continue
			}
			asked[key] = true
			d, err := path(label, key, s)(ctx, c)
			if err != nil {
				return Decision{}, err
			}
			switch {
			case d.Action == NoOpinion:
				passed = join(passed, d.Reason)
			case d.Action == Hold:
				return d, nil
			case answer.Action == NoOpinion:
				answer = d
			case !agree(c, answer, d):
				answer = Decision{Action: Hold, By: answer.By + " and " + d.By, Reason: "the rules for the group " + c.names() + " disagree"}
			default:
				answer.By += " and " + d.By
				answer.Reason = join(answer.Reason, d.Reason)
				if d.Loser == LoserNote {
					answer.Loser = LoserNote
				}
			}
		}
		if answer.Action == NoOpinion {
			return Decision{Reason: passed}, nil
		}
		return answer, nil
	}
}

// agree reports whether two decisions lead to the same values.
func agree(c Conflict, a, b Decision) bool {
	if a.Action == Hold {
		return false
	}
	return maps.EqualFunc(c.Agreed(a), c.Agreed(b), Equal)
}

// PerKind asks the strategy of the record's kind and has no opinion about other
// kinds.
func PerKind(rules map[string]Strategy) Strategy {
	rules = maps.Clone(rules)
	return func(ctx context.Context, c Conflict) (Decision, error) {
		return path("kind", c.Kind, rules[c.Kind])(ctx, c)
	}
}

// ByPhase asks the strategy of the phase that holds for the record and has no
// opinion in other phases.
func ByPhase(rules map[string]Strategy) Strategy {
	rules = maps.Clone(rules)
	return func(ctx context.Context, c Conflict) (Decision, error) {
		return path("phase", c.Phase, rules[c.Phase])(ctx, c)
	}
}

func path(label, key string, s Strategy) Strategy { return Named(label+"["+key+"]", s) }

// Named puts a name before the By of what s decides, such as the line of a rule
// or the name of a custom strategy.
func Named(name string, s Strategy) Strategy {
	return func(ctx context.Context, c Conflict) (Decision, error) {
		d, err := ask(ctx, s, c)
		if err != nil || d.Action == NoOpinion {
			return d, err
		}
		if d.By == "" {
			d.By = name
		} else {
			d.By = name + "/" + d.By
		}
		return d, nil
	}
}

// NoteLoser asks for an internal note about the value that s overwrites.
func NoteLoser(s Strategy) Strategy {
	return func(ctx context.Context, c Conflict) (Decision, error) {
		d, err := ask(ctx, s, c)
		if d.Action == Take || d.Action == Merge {
			d.Loser = LoserNote
		}
		return d, err
	}
}
