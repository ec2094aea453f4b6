package connectwise

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"

	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// E-mail addresses and numbers of a contact are its communicationItems, of a
// type and a medium each. The vendor takes them as elements of the array, by
// their position; a PUT with them is refused.

// An item is an element of communicationItems.
type item struct {
	Type struct {
		ID   json.Number `json:"id"`
		Name string      `json:"name"`
	} `json:"type"`
	Value     string `json:"value"`
	Extension string `json:"extension"`
	Default   bool   `json:"defaultFlag"`
	Medium    string `json:"communicationType"` // Email, Phone or Fax

	at int // position before the write, from 1; 0: new
}

const (
	byMail  = "Email"
	byPhone = "Phone"
)

// mobile tells the numbers that are a contact's mobile from its others: by the
// name of their type, as fields.yaml does.
func (i item) mobile() bool {
	return i.Medium == byPhone && (i.Type.Name == "Mobile" || i.Type.Name == "Cell")
}

// canonicalItems leaves of communications what makes two of them equal.
func (p *Provider) canonicalItems(list []any) []any {
	out := make([]any, len(list))
	for i, el := range list {
		c, ok := el.(psa.Fields)
		if !ok {
			out[i] = el
			continue
		}
		text := func(field string) any { return textOrNone(flat(tidy(c.String(field)))) }
		kept := psa.Fields{"value": text("value"), "extension": text("extension"), "default": c["default"] == true}
		if typ := c.Ref("type").ID; typ != "" {
			kept["type"] = psa.Fields{"id": typ}
		}
		out[i] = kept
	}
	return out
}

// wrongItems tells what is wrong with communications.
func wrongItems(list []any, say func(string)) {
	for _, el := range list {
		c, ok := el.(psa.Fields)
		switch {
		case !ok || c.String("value") == "":
			say("an element has no value")
		case numeric(c.Ref("type").ID) != nil:
			say("an element has no type")
		case units(c.String("value")) > 250 || units(c.String("extension")) > 15:
			say("an element is too long: 250 characters, 15 of an extension")
		}
	}
}

// itemsOf returns the items that a contact shall have. now is what it has, and
// nothing is asked of the server but the types of new addresses and numbers.
func (p *Provider) itemsOf(ctx context.Context, set psa.Fields, now []item) ([]item, error) {
	items := slices.Clone(now)
	for i := range items {
		items[i].at = i + 1
	}
	if list, ok := set["communications"]; ok {
		all, _ := list.([]any)
		return matchItems(all, items), nil
	}
	var types []psa.Record
	// The mobile first: the number that is shown as phone may be a mobile one.
	for _, field := range []string{"mobile", "email", "phone"} {
		v, ok := set[field]
		if !ok {
			continue
		}
		shown := shownItem(items, field)
		value, _ := v.(string)
		if field == "phone" && shown >= 0 && items[shown].mobile() && set["mobile"] != nil && set["mobile"] != v {
			shown = slices.IndexFunc(items, func(i item) bool { return i.Medium == byPhone && !i.mobile() })
			for i := range items {
				items[i].Default = items[i].Default && items[i].Medium != byPhone || i == shown
			}
		}
		switch {
		case value == "" && shown >= 0:
			items = slices.Delete(items, shown, shown+1)
		case value == "":
		case shown >= 0:
			items[shown].Value = value
		default:
			if types == nil {
				var err error
				if types, err = p.communicationTypes(ctx); err != nil {
					return nil, err
				}
			}
			added, ok := newItem(types, field, value)
			if !ok {
				return nil, errors.New(field + ": the account has no type of communication for it")
			}
			added.Default = field != "mobile" || !slices.ContainsFunc(items, func(i item) bool { return i.Default && i.Medium == byPhone })
			items = append(items, added)
		}
	}
	return items, nil
}

// shownItem returns the position of what is read as a contact's email, phone or
// mobile; -1 if there is none.
func shownItem(items []item, field string) int {
	fits := func(i item) bool {
		switch field {
		case "email":
			return i.Medium == byMail
		case "mobile":
			return i.mobile()
		}
		return i.Medium == byPhone
	}
	if at := slices.IndexFunc(items, func(i item) bool { return i.Default && fits(i) }); at >= 0 && field != "mobile" {
		return at
	}
	return slices.IndexFunc(items, fits)
}

func (p *Provider) communicationTypes(ctx context.Context) ([]psa.Record, error) {
	types := []psa.Record{}
	for r, err := range p.List(ctx, psa.KindCommunicationType, psa.Query{}) {
		if err != nil {
			return nil, err
		}
		if r.Err == nil {
			types = append(types, r)
		}
	}
	return types, nil
}

// newItem returns an item of the type that the account takes by default, or of
// the first that fits.
func newItem(types []psa.Record, field, value string) (added item, ok bool) {
	flag := "phone"
	added.Value, added.Medium = value, byPhone
	if field == "email" {
		flag, added.Medium = "email", byMail
	}
	for _, r := range types {
		typ := item{Medium: added.Medium}
		typ.Type.ID, typ.Type.Name = json.Number(r.ID), r.Name()
		fits := r.Fields.Bool(flag) == psa.Yes && (field != "mobile" || typ.mobile())
		if fits && (!ok || field != "mobile" && r.Fields.Bool("default") == psa.Yes) {
			added.Type, ok = typ.Type, true
		}
	}
	return added, ok
}

// matchItems finds the wanted communications among those that are there: the
// same value of the same type, or else the first of that type, which then gets
// another value.
func matchItems(wanted []any, now []item) []item {
	out := make([]item, 0, len(wanted))
	for _, el := range wanted {
		c, _ := el.(psa.Fields)
		want := item{Value: c.String("value"), Extension: c.String("extension"), Default: c["default"] == true}
		want.Type.ID = json.Number(c.Ref("type").ID)
		out = append(out, want)
	}
	used := make([]bool, len(now))
	for _, exact := range []bool{true, false} {
		for i := range out {
			if out[i].at > 0 {
				continue
			}
			at := slices.IndexFunc(now, func(n item) bool {
				return !used[n.at-1] && n.Type.ID == out[i].Type.ID && (!exact || n.Value == out[i].Value)
			})
			if at >= 0 {
				used[at], out[i].at = true, now[at].at
			}
		}
	}
	return out
}

// wire is an item as it is sent.
func (i item) wire() map[string]any {
	out := map[string]any{"type": map[string]any{"id": i.Type.ID}, "value": i.Value, "defaultFlag": i.Default}
	if i.Extension != "" {
		out["extension"] = i.Extension
	}
	return out
}

// newItems is the array of a new contact; nil if it has none.
func newItems(items []item) []mapping.Change {
	var list []any
	for _, i := range items {
		list = append(list, i.wire())
	}
	if list == nil {
		return nil
	}
	return []mapping.Change{{Path: "communicationItems", Value: list}}
}

// itemOps turns the items of a contact into others: changes first, which move
// nothing, then removals from the end, then what is new.
func itemOps(now, want []item) []patchOp {
	const path = "/communicationItems/"
	var ops []patchOp
	kept := make([]bool, len(now))
	for _, w := range want {
		if w.at == 0 {
			continue
		}
		old, at := now[w.at-1], path+strconv.Itoa(w.at-1)
		kept[w.at-1] = true
		if w.Value != old.Value {
			ops = append(ops, patchOp{"replace", at + "/value", w.Value})
		}
		switch {
		case w.Extension == old.Extension:
		case w.Extension == "":
			ops = append(ops, patchOp{Op: "remove", Path: at + "/extension"})
		default:
			ops = append(ops, patchOp{"replace", at + "/extension", w.Extension})
		}
		if w.Default != old.Default {
			ops = append(ops, patchOp{"replace", at + "/defaultFlag", w.Default})
		}
	}
	left := len(now)
	for i := len(now) - 1; i >= 0; i-- {
		if !kept[i] {
			ops = append(ops, patchOp{Op: "remove", Path: path + strconv.Itoa(i)})
			left--
		}
	}
	for _, w := range want {
		if w.at == 0 {
			ops = append(ops, patchOp{"add", path + strconv.Itoa(left), w.wire()})
			left++
		}
	}
	return ops
}
