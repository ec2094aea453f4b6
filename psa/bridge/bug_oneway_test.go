package bridge_test

import (
	"strings"
	"testing"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// TestOwnedFieldThatGoesOneWay: an edit of what the other side owns is undone,
// also where a rule goes one way and only the edited record was listed.
func TestOwnedFieldThatGoesOneWay(t *testing.T) {
	yaml := strings.Replace(basic, "phone: phone,", "phone: {app: phone, direction: to_right, owner: psa},", 1)
	w := newWorld(t, yaml)
	w.settle()
	left := w.left.Refs(psa.KindCompany)[0]
	w.left.Edit(left, psa.Fields{"phone": "1"})
	w.settle()
	right := w.peer(bridge.Left, left).Ref
	w.want("carried", fieldOf(w, bridge.Right, right, "phone"), "1")
	w.right.Edit(right, psa.Fields{"phone": "2"})
	w.settle()
	w.want("undone", fieldOf(w, bridge.Right, right, "phone"), "1")
	w.left.Edit(left, psa.Fields{"phone": "3"})
	w.settle()
	w.want("carried again", fieldOf(w, bridge.Right, right, "phone"), "3")
}
