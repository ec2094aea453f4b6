package halopsa_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
)

// BenchmarkContacts lists users from a simulator in the same process.
func BenchmarkContacts(b *testing.B) {
	adaptertest.BenchLists(b, psa.KindContact, 100_000, large)
}

// Memory does not grow with the number of rows.
func TestFlatMemory(t *testing.T) { adaptertest.FlatMemory(t, psa.KindContact, copies(100)) }

// large opens a tenant with many contacts.
func large(t testing.TB, rows int) psa.Provider {
	p, _ := open(t, halopsatest.LargeOf(rows, 0), &halopsatest.Options{Limit: halopsatest.Limit{Requests: -1}, LogSize: 1}, func(c *halopsa.Config) {
		c.Budget = plenty()
	})
	return p
}

func plenty() *halopsa.Budget {
	return halopsa.NewBudget(&halopsa.BudgetConfig{Requests: 1 << 30})
}

// BenchmarkKnownContacts is the rate at which known rows are skipped, with a
// server that costs nothing but a copy of the page.
func BenchmarkKnownContacts(b *testing.B) {
	const n = 100_000
	adaptertest.BenchKnown(b, copies(0)(b, n), psa.KindContact, n)
}

// copies opens a tenant of contacts that are alike but for their ids, in pages
// of that many; 0: of the most there may be.
func copies(page int) adaptertest.Opener {
	return func(t testing.TB, n int) psa.Provider {
		like, _ := open(t, halopsatest.Small(), nil, nil)
		rows := adaptertest.CopiesOf(t, like, psa.KindContact)
		mock := httpmock.NewMockTransport()
		p, _ := open(t, halopsatest.Small(), &halopsatest.Options{LogSize: 1}, func(c *halopsa.Config) {
			mock.RegisterNoResponder(c.Transport.RoundTrip)
			c.PageSize, c.Budget, c.Transport = page, plenty(), mock
		})
		mock.RegisterResponder("GET", "=~/(?i)users$", func(r *http.Request) (*http.Response, error) {
			q := r.URL.Query()
			size, err := strconv.Atoi(q.Get("page_size"))
			if err != nil {
				return nil, err
			}
			number, err := strconv.Atoi(q.Get("page_no"))
			if err != nil {
				return nil, err
			}
			first := (number - 1) * size
			return rows.Page(r, adaptertest.FirstCopy+first, max(0, min(size, n-first)), fmt.Sprintf(`{"record_count":%d,"users":[`, n), "]}")
		})
		return p
	}
}
