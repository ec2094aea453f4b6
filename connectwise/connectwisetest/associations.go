package connectwisetest

import (
	"slices"
	"strconv"

	"github.com/psasync/psasync/internal/simulator"
)

// touched keeps what hangs on a row in step after it was stored or deleted.
func (t *Tenant) touched(tx *simulator.Tx, table string, id int, fields Row) {
	switch table {
	case "types", "subtypes", "items":
		t.mu.Lock()
		t.dirty[refID(fields["board"])] = true
		t.mu.Unlock()
	case "companyTypeAssociations":
		t.syncTypes(tx, table, "companies", refID(fields["company"]), "company")
	case "contactTypeAssociations":
		t.syncTypes(tx, table, "contacts", refID(fields["contact"]), "contact")
	case "companies":
		t.addTypeRows(tx, "companyTypeAssociations", "company", id, fields)
	case "contacts":
		t.addTypeRows(tx, "contactTypeAssociations", "contact", id, fields)
	}
}

// syncTypes makes the types of a company or contact those of its association
// rows.
func (t *Tenant) syncTypes(tx *simulator.Tx, assoc, table string, id int, owner string) {
	row, ok := tx.Table(table).Get(id)
	if !ok {
		return
	}
	types := []any{}
	for a := range tx.Table(assoc).All(0) {
		if refID(a.Field(owner)) == id {
			types = append(types, ref(refID(a.Field("type"))))
		}
	}
	fields := simulator.CloneObject(row.Fields())
	fields["types"] = types
	tx.Table(table).Put(id, fields)
}

// addTypeRows adds association rows for types that a stored record names.
func (t *Tenant) addTypeRows(tx *simulator.Tx, assoc, owner string, id int, fields Row) {
	types, _ := fields["types"].([]any)
	if len(types) == 0 {
		return
	}
	have := map[int]bool{}
	for a := range tx.Table(assoc).All(0) {
		if refID(a.Field(owner)) == id {
			have[refID(a.Field("type"))] = true
		}
	}
	for _, ty := range types {
		if n := refID(ty); !have[n] {
			have[n] = true
			tab := tx.Table(assoc)
			tab.Put(tab.NextID(), Row{"type": ref(n), owner: ref(id), "_info": fields["_info"]})
		}
	}
}

// flush makes the type associations of a board anew if they are to be read.
func (t *Tenant) flush(e *endpoint, parents []int) {
	if e.table != "typeSubTypeItemAssociations" {
		return
	}
	board := parents[0]
	t.mu.Lock()
	dirty := t.dirty[board]
	delete(t.dirty, board)
	t.mu.Unlock()
	if !dirty {
		return
	}
	// Only this function writes the table: it cannot fail.
	_ = t.store.Change(func(tx *simulator.Tx) error {
		t.rebuildAssociations(tx, board)
		return nil
	})
}

// combo is an allowed combination; 0 means absent.
type combo struct{ typ, sub, item int }

// rebuildAssociations makes one row per allowed combination and keeps the ids
// of those that were allowed before.
func (t *Tenant) rebuildAssociations(tx *simulator.Tx, board int) {
	want := t.combos(tx, board)
	tab := tx.Table("typeSubTypeItemAssociations")
	var stale []int
	for r := range tab.All(0) {
		if refID(r.Field("board")) != board {
			continue
		}
		c := combo{refID(r.Field("type")), refID(r.Field("subType")), refID(r.Field("item"))}
		if i := slices.Index(want, c); i >= 0 {
			want = slices.Delete(want, i, i+1)
		} else {
			stale = append(stale, r.ID)
		}
	}
	for _, id := range stale {
		tab.Delete(id)
	}
	for _, c := range want {
		row := Row{"type": ref(c.typ), "board": ref(board)}
		if c.sub != 0 {
			row["subType"] = ref(c.sub)
		}
		if c.item != 0 {
			row["item"] = ref(c.item)
		}
		tab.Put(tab.NextID(), row)
	}
}

// combos returns the allowed combinations of a board in a fixed order.
func (t *Tenant) combos(tx *simulator.Tx, board int) []combo {
	onBoard := func(table string) []simulator.Row {
		var out []simulator.Row
		for r := range tx.Table(table).All(0) {
			if refID(r.Field("board")) == board {
				out = append(out, r)
			}
		}
		return out
	}
	subs, items := onBoard("subtypes"), onBoard("items")
	var out []combo
	for _, ty := range onBoard("types") {
		out = append(out, combo{typ: ty.ID})
		for _, s := range subs {
			if ids, _ := s.Field("typeAssociationIds").([]any); slices.Contains(ids, any(ty.ID)) {
				out = append(out, combo{typ: ty.ID, sub: s.ID})
			}
		}
		for _, it := range items {
			assoc, _ := it.Field("$assoc").(map[string]any)
			list, ok := assoc[strconv.Itoa(ty.ID)].([]any)
			if !ok {
				continue
			}
			if len(list) == 0 {
				out = append(out, combo{typ: ty.ID, item: it.ID})
			}
			for _, s := range list {
				if id, ok := s.(int); ok && slices.Contains(out, combo{typ: ty.ID, sub: id}) {
					out = append(out, combo{ty.ID, id, it.ID})
				}
			}
		}
	}
	return out
}
