package sqlite

import (
	"context"
	"iter"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// LinkIDs yields the ids of linked records; see cache.LinkLister.
func (s *Store) LinkIDs(ctx context.Context, name string, side cache.Side, kind psa.Kind) iter.Seq2[string, error] {
	if side > cache.Right {
		return func(yield func(string, error) bool) {
			if err := s.usable(ctx, name); err != nil {
				yield("", err)
			}
		}
	}
	column := columns[side]
	return bounded(ctx, s, name, func(began int64) iter.Seq2[string, error] {
		return pages(ctx, s, name, func(last *string) (*filter, string) {
			after := ""
			if last != nil {
				after = *last
			}
			f := newFilter(name)
			f.and("kind = ? AND "+column+" > ? AND "+column+" <> '' AND state = '' AND born <= ?", string(kind), after, began)
			return f, `SELECT ` + column + ` FROM psasync_link WHERE %s ORDER BY ` + column + ` LIMIT ?`
		}, func(row scanner) (id string, err error) {
			err = row.Scan(&id)
			return id, err
		})
	})
}
