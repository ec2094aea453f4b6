package connectwisetest

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// patchOp is one operation of a JSON Patch document.
type patchOp struct {
	op    string
	path  []string
	value any
	has   bool // a value was sent
}

// parsePatch reads a PATCH body: a bare array of {op, path, value}; the path
// may begin with a slash or not (ConnectWise developer guide, PATCH).
func parsePatch(body any) ([]patchOp, *apiError) {
	list, ok := body.([]any)
	if !ok || len(list) == 0 {
		return nil, failf(http.StatusBadRequest, "InvalidObject", "The body must be an array of patch operations.")
	}
	var out []patchOp
	for _, el := range list {
		m, _ := el.(map[string]any)
		var p patchOp
		p.op, _ = m["op"].(string)
		path, _ := m["path"].(string)
		p.value, p.has = m["value"]
		switch p.op {
		case "add", "replace":
			if !p.has || p.value == nil {
				return nil, failf(http.StatusBadRequest, "InvalidObject", "The operation %s on '%s' needs a value; use remove to clear a field.", p.op, path)
			}
		case "remove":
		default:
			return nil, failf(http.StatusBadRequest, "InvalidObject", "'%s' is not a patch operation.", p.op)
		}
		path = strings.TrimPrefix(path, "/")
		if path == "" {
			return nil, failf(http.StatusBadRequest, "InvalidObject", "A patch operation needs a path.")
		}
		p.path = strings.Split(path, "/")
		out = append(out, p)
	}
	return out, nil
}

// apply does one operation on the row.
func (w *change) apply(p patchOp) *apiError {
	key := p.path[0]
	f := w.ent.byName[key]
	switch {
	case f == nil: // names are case-sensitive
		w.fail(wrong(key, "%s is not a field of %s.", key, w.e.name()))
	case len(p.path) == 1 && p.op == "remove":
		w.set(key, nil)
	case len(p.path) == 1 && key == "communicationItems":
		w.setItems(p.value)
	case len(p.path) == 1:
		w.set(key, p.value)
	case key == "communicationItems":
		w.patchItem(p)
	case key == "customFields":
		w.patchCustomField(p)
	default:
		// A path into a reference, such as company/identifier, answers 200 and
		// changes nothing (ConnectWise developer guide, PATCH).
	}
	return nil
}

// patchCustomField changes one element of customFields by its position in the
// answer.
func (w *change) patchCustomField(p patchOp) {
	shown, _ := w.c.t.customFields(w.tx, w.e.table, w.row["customFields"]).([]any)
	i, err := strconv.Atoi(p.path[1])
	if err != nil || i < 0 || i >= len(shown) {
		w.fail(wrong("customFields", "There is no element %s.", p.path[1]))
		return
	}
	el := Row{"id": refID(shown[i])}
	switch {
	case len(p.path) == 3 && p.path[2] == "value" && p.op != "remove":
		el["value"] = p.value
	case len(p.path) == 2 && p.op == "replace":
		m, _ := p.value.(map[string]any)
		el["value"] = m["value"]
	}
	w.set("customFields", []any{el})
}

// setItems replaces all communication items; items with an id keep it.
func (w *change) setItems(v any) {
	w.set("communicationItems", v)
	list := listOf(w.row["communicationItems"])
	for i, it := range list {
		w.finishItem(list, i, it)
	}
}

func (w *change) finishItem(list []any, i int, it any) {
	m, _ := it.(map[string]any)
	if m["id"] == nil {
		m["id"] = nextItemID(w.tx)
	}
	if err := finishItem(w.tx, m); err != nil {
		err.Field = "communicationItems/" + err.Field
		w.fail(*err)
		return
	}
	oneDefault(list, i)
}

// patchItem changes communicationItems by index: /communicationItems/1/value,
// a new one at the index behind the last, removal by index.
func (w *change) patchItem(p patchOp) {
	w.sent["communicationItems"] = true
	list, _ := simulator.Clone(listOf(w.row["communicationItems"])).([]any)
	i, err := strconv.Atoi(p.path[1])
	if p.path[1] == "-" {
		i, err = len(list), nil
	}
	bad := func() { w.fail(wrong("communicationItems", "There is no element %s.", p.path[1])) }
	switch {
	case err != nil || i < 0 || i > len(list):
		bad()
		return
	case len(p.path) == 2 && p.op == "remove":
		if i == len(list) {
			bad()
			return
		}
		w.row["communicationItems"] = append(list[:i], list[i+1:]...)
		return
	case len(p.path) == 2:
		val, ferr := w.single(w.ent.byName["communicationItems"], p.value)
		if ferr != nil {
			w.fail(*ferr)
			return
		}
		switch {
		case i == len(list):
			list = append(list, val)
		case p.op == "add":
			list = append(list[:i], append([]any{val}, list[i:]...)...)
		default:
			list[i] = val
		}
	case i == len(list) || len(p.path) > 3:
		bad()
		return
	default:
		m, _ := list[i].(map[string]any)
		in := w.c.t.api.schema["ContactCommunicationItem"].byName[p.path[2]]
		if in == nil {
			w.fail(wrong("communicationItems", "%s is not a field.", p.path[2]))
			return
		}
		if p.op == "remove" {
			delete(m, p.path[2])
			break
		}
		val, ferr := w.normal(in, p.value)
		if ferr != nil {
			w.fail(*ferr)
			return
		}
		m[p.path[2]] = val
	}
	w.row["communicationItems"] = list
	w.finishItem(list, i, list[i])
}
