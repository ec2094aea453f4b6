package halopsatest

import (
	"encoding/json"
	"fmt"
	"slices"
)

// searchEquals is the filter_type of advanced_search that is known: equal,
// whatever the case.
const searchEquals = 2

// condition is one entry of advanced_search.
type condition struct {
	key, value string
}

// searchable lists the keys that advanced_search takes; the vendor names none.
func searchable(entity string) []string {
	switch entity {
	case "User":
		return []string{"emailaddress", "name", "firstname", "surname", "login"}
	case "Client":
		return []string{"name", "ref"}
	case "Ticket":
		return []string{"summary", "third_party_id_string"}
	}
	return nil
}

// parseSearch reads advanced_search.
func (c *call) parseSearch(e *endpoint) ([]condition, *apiError) {
	raw := c.q["advanced_search"]
	if raw == "" || searchable(e.entity) == nil {
		return nil, nil
	}
	bad := func() ([]condition, *apiError) {
		return nil, refusedText("Invalid advanced search parameter")
	}
	var in []struct {
		Name  string `json:"filter_name"`
		Type  int    `json:"filter_type"`
		Value any    `json:"filter_value"`
	}
	if err := json.Unmarshal([]byte(raw), &in); err != nil {
		return bad()
	}
	var out []condition
	for _, f := range in {
		if f.Type != searchEquals || !slices.Contains(searchable(e.entity), f.Name) {
			return bad()
		}
		out = append(out, condition{f.Name, fmt.Sprint(f.Value)})
	}
	return out, nil
}

// checkSearch refuses a bad advanced_search.
func (c *call) checkSearch(e *endpoint) *apiError {
	_, err := c.parseSearch(e)
	return err
}

// search returns the conditions of advanced_search; [call.checkSearch] has
// found them good.
func (c *call) search(e *endpoint) []condition {
	list, _ := c.parseSearch(e)
	return list
}
