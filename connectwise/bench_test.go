package connectwise_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/internal/adaptertest"
	"github.com/psasync/psasync/psa"
)

// BenchmarkContacts lists contacts of 2.5 KB from a simulator in the same
// process. The server refuses the fields parameter: whole rows are more work
// here, and less for the simulator, whose tenant takes 25 MB.
func BenchmarkContacts(b *testing.B) {
	for _, n := range []int{100_000, 400_000} {
		adaptertest.BenchLists(b, psa.KindContact, n, large)
	}
}

// Memory does not grow with the number of rows.
func TestFlatMemory(t *testing.T) { adaptertest.FlatMemory(t, psa.KindContact, copies(100)) }

// large opens a tenant with many contacts.
func large(t testing.TB, rows int) psa.Provider {
	p, _ := open(t, connectwisetest.LargeOf(rows, 0), &connectwisetest.Options{
		Limit: connectwisetest.Limit{Requests: -1}, LogSize: 1,
		RefuseFields: map[string][]string{"/company/contacts": {"id"}},
	}, func(c *connectwise.Config) {
		c.Budget = plenty()
	})
	return p
}

func plenty() *connectwise.Budget {
	return connectwise.NewBudget(&connectwise.BudgetConfig{Requests: 1 << 30})
}

// BenchmarkKnownContacts is the rate at which known rows are skipped, with a
// server that costs nothing but a copy of the page.
func BenchmarkKnownContacts(b *testing.B) {
	const n = 100_000
	adaptertest.BenchKnown(b, copies(1000)(b, n), psa.KindContact, n)
}

// copies opens a tenant of contacts that are alike but for their ids, in pages
// of that many; 0: of the most there may be.
func copies(page int) adaptertest.Opener {
	return func(t testing.TB, n int) psa.Provider {
		like, _ := open(t, connectwisetest.Small(), nil, nil)
		rows := adaptertest.CopiesOf(t, like, psa.KindContact)
		p, mock := mocked(t, func(c *connectwise.Config) { c.PageSize, c.Budget = page, plenty() })
		mock.RegisterResponder("GET", "=~/company/contacts", func(r *http.Request) (*http.Response, error) {
			first := adaptertest.FirstCopy
			if at := r.URL.Query().Get("pageId"); at != "" {
				var err error
				if first, err = strconv.Atoi(at); err != nil {
					return nil, err
				}
				first++ // pageId is the last id of the page before
			}
			size := max(0, min(page, adaptertest.FirstCopy+n-first))
			resp, err := rows.Page(r, first, size, "[", "]")
			if size > 0 {
				resp.Header.Set("Link", fmt.Sprintf(`<https://x/?pageId=%d>; rel="next"`, first+size-1))
			}
			return resp, err
		})
		return p
	}
}
