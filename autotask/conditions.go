package autotask

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/psasync/psasync/psa"
)

// The query language of lists (REST API, Basic query calls). Values travel as
// JSON, so that nothing from outside can change what a filter means.

// A filter is one condition, or a group of them.
type filter struct {
	Op    string   `json:"op"`
	Field string   `json:"field,omitempty"`
	Value any      `json:"value,omitempty"`
	Items []filter `json:"items,omitempty"`
}

// A query is the body of a POST to {Entity}/query.
type query struct {
	MaxRecords    int      `json:"maxRecords,omitempty"`
	IncludeFields []string `json:"includeFields,omitempty"`
	Filter        []filter `json:"filter"`
}

func (q query) body() []byte {
	b, err := json.Marshal(q)
	if err != nil {
		panic(err) // texts and numbers always marshal
	}
	return b
}

func is(op, field string, value any) filter { return filter{Op: op, Field: field, Value: value} }

func anyOf(of ...filter) filter { return filter{Op: "or", Items: of} }

func allOf(of ...filter) filter { return filter{Op: "and", Items: of} }

// behind keeps rows behind an id. Without one it keeps every row: company 0 is
// the tenant's own company, and a query without a filter is refused.
func behind(id string) filter {
	if id == "" {
		return is("gte", "id", 0)
	}
	return is("gt", "id", json.Number(id))
}

// since keeps rows stamped at or after t. Rows that were never changed since
// they were created may lack the stamp.
func since(t time.Time, stamp, created string) filter {
	at := t.UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z")
	changed := is("gte", stamp, at)
	if created == "" {
		return changed
	}
	return anyOf(changed, allOf(is("notExist", stamp, nil), is("gte", created, at)))
}

// isActive keeps rows that are not marked as inactive. Marks may be null, which
// a comparison would drop.
func isActive(flag string, on any) filter {
	return anyOf(is("eq", flag, on), is("notExist", flag, nil))
}

// in keeps rows whose field has one of the ids, which are numeric: a text
// matches no row.
func in(field string, ids []string) filter {
	numbers := make([]json.Number, len(ids))
	for i, id := range ids {
		numbers[i] = json.Number(id)
	}
	if len(ids) == 1 {
		return is("eq", field, numbers[0])
	}
	return is("in", field, numbers)
}

// maxOr is how many alternatives a query has at most; the vendor counts 500,
// those of lists included.
const maxOr = 450

// alternatives counts what counts against maxOr.
func alternatives(list []filter) int {
	n := 0
	for _, f := range list {
		if f.Op == "or" {
			n += len(f.Items)
		}
		if ids, ok := f.Value.([]json.Number); ok {
			n += len(ids)
		}
		n += alternatives(f.Items)
	}
	return n
}

// numeric checks that ids are what every id of the API is, a number.
func numeric(ids ...string) error {
	for _, id := range ids {
		if n, err := strconv.ParseInt(id, 10, 64); err != nil || n < 0 || id != strconv.FormatInt(n, 10) {
			return fmt.Errorf("%w: %q is no Autotask id", psa.ErrInvalid, id)
		}
	}
	return nil
}

// less compares two ids, which are numbers without a sign.
func less(a, b string) bool { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) < 0 }

// distinct returns ids in order, each once.
func distinct(ids []string) []string {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return slices.Compact(ids)
}
