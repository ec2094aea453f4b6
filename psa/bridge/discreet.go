package bridge

import (
	"maps"
	"strings"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// withheld stands in an audit for a text that is not kept there.
const withheld = "(not kept in the audit)"

// discreet takes out of an audit what people write for colleagues: notes, of
// which many are internal, and the internal notes of hours. The records and the
// link's base have it, and an audit has more readers than a ticket. A text that
// was overwritten stays, in Before, since nothing else has it.
func discreet(a *cache.Audit) {
	var field string
	switch a.Kind {
	case psa.KindNote:
		field = "text"
	case psa.KindTimeEntry:
		field = "internal_notes"
	default:
		return
	}
	for _, f := range []*psa.Fields{&a.After, &a.Agreed[Left], &a.Agreed[Right]} {
		for name, v := range *f {
			if strings.TrimPrefix(name, ">") != field || v == nil {
				continue
			}
			own := maps.Clone(*f)
			own[name] = withheld
			*f = own
		}
	}
}
