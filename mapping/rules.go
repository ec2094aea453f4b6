package mapping

import (
	"cmp"
	"strings"

	"github.com/psasync/psasync/psa"
)

// Rules returns the rules of a kind in the order of the file, as [Map.Rules]
// does, with what the catalogs tell: Left and Right are the fields that are
// read and written (a custom field by its id, "custom.16", and a reference as a
// whole, "board" for board.name), Class is the left field's where the rule
// declares none, and the fields that tell where values go are set.
func (mp *Mapper) Rules(kind psa.Kind) []Rule {
	k := mp.kinds[kind]
	if k == nil {
		return nil
	}
	rules := make([]Rule, len(k.rules))
	for i, r := range k.rules {
		rules[i] = r.resolved()
	}
	return rules
}

func (r *mapRule) resolved() Rule {
	rule := r.public()
	rule.Left, rule.Right = strings.Join(r.fields[Left].segs, "."), strings.Join(r.fields[Right].segs, ".")
	rule.Class = cmp.Or(rule.Class, r.named)
	rule.ToLeft, rule.ToRight = !r.skip[Left], !r.skip[Right]
	rule.OnCreateLeft, rule.OnCreateRight = r.create[Left], r.create[Right]
	return rule
}
