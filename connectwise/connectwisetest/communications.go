package connectwisetest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// Phone numbers and e-mail addresses live in a contact's communicationItems
// and are shown as rows below /company/contacts/{id}/communications too.

func items(row simulator.Row) []any {
	list, _ := row.Field("communicationItems").([]any)
	return list
}

// communications returns the communicationItems of a contact as rows.
func (t *Tenant) communications(tx *simulator.Tx, contact int) []simulator.Row {
	row, ok := tx.Table("contacts").Get(contact)
	if !ok {
		return nil
	}
	var out []simulator.Row
	for _, it := range items(row) {
		m, _ := it.(map[string]any)
		c := simulator.CloneObject(m)
		id, _ := m["id"].(int)
		c["contactId"] = contact
		c["_info"] = row.Field("_info")
		out = append(out, simulator.NewRow(id, c))
	}
	return out
}

// nextItemID returns an id that no communication item has. Virtual contacts
// use ids below itemIDBase.
func nextItemID(tx *simulator.Tx) int {
	counter := tx.Table("$itemIDs")
	id := max(counter.NextID(), itemIDBase)
	counter.Put(id, Row{})
	return id
}

const itemIDBase = 5_000_000

// putCommunication adds (id 0) or changes one item of a contact.
func (t *Tenant) putCommunication(tx *simulator.Tx, contact, id int, changes Row) (int, error) {
	row, ok := tx.Table("contacts").Get(contact)
	if !ok {
		return 0, notFound("Contact", contact)
	}
	fields := simulator.CloneObject(row.Fields())
	list, _ := fields["communicationItems"].([]any)
	at := -1
	for i, it := range list {
		if m, _ := it.(map[string]any); m["id"] == id {
			at = i
		}
	}
	if id != 0 && at < 0 {
		return 0, notFound("Communication", id)
	}
	item := Row{}
	if at >= 0 {
		item, _ = list[at].(map[string]any)
	} else {
		item["id"] = nextItemID(tx)
		list = append(list, item)
		at = len(list) - 1
	}
	for _, k := range []string{"type", "value", "extension", "defaultFlag", "communicationType"} {
		if v, ok := changes[k]; ok {
			item[k] = v
		}
	}
	if err := finishItem(tx, item); err != nil {
		return 0, invalid("communication", *err)
	}
	fields["communicationItems"] = list
	oneDefault(list, at)
	mirrorPhone(tx, fields)
	t.store1(tx, "contacts", contact, fields)
	id, _ = item["id"].(int)
	return id, nil
}

// dropCommunication removes one item of a contact.
func (t *Tenant) dropCommunication(tx *simulator.Tx, contact, id int) (bool, *apiError) {
	row, ok := tx.Table("contacts").Get(contact)
	if !ok {
		return false, notFound("Contact", contact)
	}
	fields := simulator.CloneObject(row.Fields())
	list, _ := fields["communicationItems"].([]any)
	for i, it := range list {
		if m, _ := it.(map[string]any); m["id"] == id {
			fields["communicationItems"] = append(list[:i], list[i+1:]...)
			mirrorPhone(tx, fields)
			t.store1(tx, "contacts", contact, fields)
			return true, nil
		}
	}
	return false, notFound("Communication", id)
}

// finishItem fills in what follows from the type of an item.
func finishItem(tx *simulator.Tx, item Row) *fieldError {
	typ, ok := tx.Table("communicationTypes").Get(refID(item["type"]))
	if !ok {
		e := missing("type")
		return &e
	}
	value, _ := item["value"].(string)
	if strings.TrimSpace(value) == "" {
		e := missing("value")
		return &e
	}
	switch {
	case typ.Field("emailFlag") == true:
		item["communicationType"] = "Email"
		if _, domain, ok := strings.Cut(value, "@"); ok {
			item["domain"] = "@" + domain
		}
	case typ.Field("faxFlag") == true:
		item["communicationType"] = "Fax"
	default:
		item["communicationType"] = "Phone"
	}
	if item["defaultFlag"] == nil {
		item["defaultFlag"] = false
	}
	return nil
}

// oneDefault clears the default mark of the other items of the kind when item
// at is marked: PSA keeps one default e-mail, phone and fax.
func oneDefault(list []any, at int) {
	chosen, _ := list[at].(map[string]any)
	if chosen["defaultFlag"] != true {
		return
	}
	for i, it := range list {
		m, _ := it.(map[string]any)
		if i != at && m["communicationType"] == chosen["communicationType"] {
			m["defaultFlag"] = false
		}
	}
}

// mirrorPhone copies the default phone into the contact's own keys.
func mirrorPhone(tx *simulator.Tx, fields Row) {
	for _, k := range []string{"defaultPhoneType", "defaultPhoneNbr", "defaultPhoneExtension"} {
		delete(fields, k)
	}
	list, _ := fields["communicationItems"].([]any)
	for _, it := range list {
		m, _ := it.(map[string]any)
		if m["communicationType"] != "Phone" || m["defaultFlag"] != true {
			continue
		}
		if typ, ok := tx.Table("communicationTypes").Get(refID(m["type"])); ok {
			fields["defaultPhoneType"] = typ.Field("description")
		}
		fields["defaultPhoneNbr"] = m["value"]
		if x := m["extension"]; x != nil {
			fields["defaultPhoneExtension"] = fmt.Sprint(x)
		}
	}
}

// asAPIError makes an error of a write an answer.
func asAPIError(err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	return failf(http.StatusInternalServerError, "ConnectWiseApi", "%v", err)
}
