package autotask_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
)

// BenchmarkContacts lists contacts from a simulator in the same process.
func BenchmarkContacts(b *testing.B) {
	for _, n := range []int{100_000, 400_000} {
		adaptertest.BenchLists(b, psa.KindContact, n, large)
	}
}

// Memory does not grow with the number of rows.
func TestFlatMemory(t *testing.T) { adaptertest.FlatMemory(t, psa.KindContact, copies(100)) }

// large opens a tenant with many contacts.
func large(t testing.TB, rows int) psa.Provider {
	p, _ := open(t, autotasktest.LargeOf(rows, 0), &autotasktest.Options{Limit: autotasktest.Limit{Requests: -1}, LogSize: 1}, func(c *autotask.Config) {
		c.Budget = plenty()
	})
	return p
}

func plenty() *autotask.Budget {
	return autotask.NewBudget(&autotask.BudgetConfig{Requests: 1 << 30})
}

// BenchmarkKnownContacts is the rate at which known rows are skipped, with a
// server that costs nothing but a copy of the page.
func BenchmarkKnownContacts(b *testing.B) {
	const n = 100_000
	adaptertest.BenchKnown(b, copies(500)(b, n), psa.KindContact, n)
}

// copies opens a tenant of contacts that are alike but for their ids, in pages
// of that many; 0: of the most there may be.
func copies(page int) adaptertest.Opener {
	return func(t testing.TB, n int) psa.Provider {
		like, _ := open(t, autotasktest.Small(), nil, nil)
		rows := adaptertest.CopiesOf(t, like, psa.KindContact)
		p, mock := mocked(t, func(c *autotask.Config) { c.PageSize, c.Budget = page, plenty() })
		mock.RegisterResponder("GET", "=~/entityInformation/fields$", answer(200, codes["UserDefinedFieldDefinitions"]))
		mock.RegisterResponder("POST", "=~/UserDefinedFieldDefinitions/query$", answer(200, empty))
		mock.RegisterResponder("POST", "=~/Contacts/query", func(r *http.Request) (*http.Response, error) {
			first := adaptertest.FirstCopy
			if at := r.URL.Query().Get("paging"); at != "" {
				var err error
				if first, err = strconv.Atoi(at); err != nil {
					return nil, err
				}
			}
			next := "null"
			if first+page < adaptertest.FirstCopy+n {
				next = fmt.Sprintf(`"%sV1.0/Contacts/query/next?paging=%d"`, zone, first+page)
			}
			return rows.Page(r, first, page, `{"items":[`, `],"pageDetails":{"nextPageUrl":`+next+`}}`)
		})
		return p
	}
}
