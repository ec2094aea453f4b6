package halopsatest

import "fmt"

// config checks a row of configuration.
func (w *writer) config() *apiError {
	if w.creating() && blank(w.row[w.e.label]) {
		return refused(w.key(w.e.label), fmt.Sprintf("Please enter a %s", w.e.label))
	}
	t := w.c.t
	switch w.e.entity {
	case "Agent":
		if w.creating() && blank(w.row["email"]) {
			return refused(w.key("email"), "Please enter an email address")
		}
	case "Priority":
		if _, ok := t.row(w.tx, "/SLA", integer(w.row["slaid"])); !ok {
			return refused(w.key("slaid"), "Please select a valid SLA")
		}
		if integer(w.row["priorityid"]) <= 0 {
			w.row["priorityid"] = w.nextPriority()
		}
	case "Category":
		if n := integer(w.row["type_id"]); n < 1 || n > 4 {
			return refused(w.key("type_id"), "Please select a valid category type")
		}
	case "FieldInfo":
		if integer(w.row["usage"]) == 0 {
			w.row["usage"] = usageTicket
		}
	case "Status":
		if w.row["type"] == nil {
			w.row["type"] = 0
		}
	case "Team":
		if d := integer(w.row["department_id"]); d > 0 {
			if _, ok := t.row(w.tx, "/TopLevel", d); !ok {
				return refused(w.key("department_id"), "Please select a valid department")
			}
		}
		w.row["last_modified"] = w.now()
	}
	return nil
}

func (w *writer) nextPriority() int {
	n := 0
	for p := range w.tx.Table("/Priority").All(-1) {
		if integer(p.Field("slaid")) == integer(w.row["slaid"]) {
			n = max(n, integer(p.Field("priorityid")))
		}
	}
	return n + 1
}
