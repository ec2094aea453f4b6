package psatest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/psasync/psasync/psa"
)

// A broken provider must fail the case it is listed under.
type broken struct {
	what  string
	by    func(*mutant)
	shape func() Tenant // nil: Boards
}

func brokenReaders() map[string][]broken {
	return map[string][]broken{
		"features/stable": {{what: "hands out its own map", by: func(m *mutant) {
			own := m.Provider.Features()
			m.features = func(psa.Features) psa.Features { return own }
		}}},
		"features/interfaces": {
			{what: "is a Creator that creates nothing", by: func(m *mutant) {
				m.features = func(all psa.Features) psa.Features {
					for k, f := range all {
						f.Can &^= psa.CanCreate
						all[k] = f
					}
					return all
				}
			}},
			{what: "deletes and deactivates", by: feature(psa.KindTicket, func(f *psa.Feature) { f.Can |= psa.CanDelete | psa.CanDeactivate })},
		},
		"features/schema": {
			{what: "pages of nothing", by: feature(psa.KindBoard, func(f *psa.Feature) { f.PageSize = 0 })},
			{what: "marker that cannot be found", by: feature(psa.KindTicket, func(f *psa.Feature) { f.Find = []string{"number"} })},
			{what: "read-only marker", by: feature(psa.KindTicket, func(f *psa.Feature) { f.Marker = "number" })},
			{what: "requires an unknown field", by: feature(psa.KindTicket, func(f *psa.Feature) { f.Required = []string{"queue"} })},
			{what: "Since without granularity", by: feature(psa.KindBoard, func(f *psa.Feature) { f.Granularity = 0 })},
			{what: "parent that cannot be listed", by: feature(psa.KindContact, func(f *psa.Feature) { f.Parent = psa.KindForm })},
			{what: "kind of its own", by: feature("queue", func(f *psa.Feature) { f.Can = psa.CanList })},
		},
		"features/scopes": {
			{what: "scope not offered", by: feature(psa.KindStatus, func(f *psa.Feature) {
				f.Scopes = []psa.Scope{{Kind: psa.KindTicketType, Via: "statuses", Reverse: true}}
			})},
			{what: "scope without parent", by: feature(psa.KindPriority, func(f *psa.Feature) { f.Scopes = []psa.Scope{{Kind: psa.KindBoard}} })},
			{what: "field of another kind", shape: Types, by: feature(psa.KindStatus, func(f *psa.Feature) { f.Scopes[0].Via = "teams" })},
			{what: "not reversed", shape: Types, by: feature(psa.KindStatus, func(f *psa.Feature) { f.Scopes = []psa.Scope{{Kind: psa.KindTicketType, Via: "statuses"}} })},
		},
		"features/groups": {
			{what: "shared field", by: feature(psa.KindTicket, func(f *psa.Feature) { f.Groups = [][]string{{"board", "status"}, {"status", "team"}} })},
			{what: "group of one", by: feature(psa.KindTicket, func(f *psa.Feature) { f.Groups = [][]string{{"board"}} })},
			{what: "read-only member", by: feature(psa.KindTicket, func(f *psa.Feature) { f.Groups = [][]string{{"board", "closed_at"}} })},
		},
		"features/reasons": {
			{what: "no reason", by: feature(psa.KindTicketType, func(f *psa.Feature) { f.Missing = nil })},
			{what: "no reason for a write", by: feature(psa.KindAgreement, func(f *psa.Feature) { f.Missing = nil })},
			{what: "offered and missing", by: feature(psa.KindTicket, func(f *psa.Feature) { f.Missing = map[psa.Ability]string{psa.CanGet: "no"} })},
		},
		"connection/instance": {{what: "another one each time", by: func(m *mutant) {
			n := 0
			m.instance = func(i psa.Instance) psa.Instance {
				n++
				i.ID = fmt.Sprint(i.ID, n)
				return i
			}
		}}},
		"connection/check": {
			{what: "in another order", by: func(m *mutant) {
				m.check = func(r psa.CheckReport, err error) (psa.CheckReport, error) {
					slices.Reverse(r.Access)
					return r, err
				}
			}},
			{what: "reports no reason", by: func(m *mutant) {
				m.check = func(r psa.CheckReport, err error) (psa.CheckReport, error) {
					for i := range r.Access {
						r.Access[i].Err = nil
					}
					return r, err
				}
			}},
		},
		"connection/server-time": {{what: "local time", by: func(m *mutant) {
			m.clock = func(t time.Time) time.Time { return t.In(time.FixedZone("", 3600)) }
		}}},
		"connection/traces": {
			{what: "ids in paths", by: tracing(psa.Request{Provider: "boards", Method: "GET", Endpoint: "/board/12/status", Attempt: 1})},
			{what: "query", by: tracing(psa.Request{Provider: "boards", Method: "GET", Endpoint: "/board?id=x", Attempt: 1})},
			{what: "another name", by: tracing(psa.Request{Provider: "cw", Method: "GET", Endpoint: "/board", Attempt: 1})},
		},
		"connection/plain": {{what: "empty list of what is not offered", by: func(m *mutant) {
			m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
				if !m.Provider.features.Can(kind, psa.CanList) {
					return func(func(psa.Record, error) bool) {}
				}
				return next(ctx, kind, q)
			}
		}}},
		"listing/rows": {
			{what: "repeats rows", by: func(m *mutant) {
				m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
					return func(yield func(psa.Record, error) bool) {
						for r, err := range next(ctx, kind, q) {
							if !yield(r, err) || err == nil && !yield(r, nil) {
								return
							}
						}
					}
				}
			}},
			{what: "forgets the parent", by: eachRow(func(_ psa.Query, r *psa.Record) bool { r.Parent = psa.Ref{}; return true })},
			{what: "yields another kind", by: eachRow(func(_ psa.Query, r *psa.Record) bool { r.Kind = psa.KindBoard; return true })},
			{what: "bad rows", by: eachRow(func(_ psa.Query, r *psa.Record) bool { r.Err = psa.ErrData; return true })},
		},
		"listing/order": {
			{what: "backwards", by: inOrder(func(all []psa.Record) { slices.Reverse(all) })},
			{what: "ids as text", by: inOrder(func(all []psa.Record) {
				slices.SortFunc(all, func(a, b psa.Record) int { return strings.Compare(a.ID, b.ID) })
			})},
		},
		"listing/sizes": {
			{what: "drops the last page", by: func(m *mutant) {
				m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
					return func(yield func(psa.Record, error) bool) {
						var page []psa.Record
						for r, err := range next(ctx, kind, q) {
							if page = append(page, r); len(page) < 5 {
								continue
							}
							for _, r := range page {
								if !yield(r, err) {
									return
								}
							}
							page = nil
						}
					}
				}
			}},
			{what: "misses the row behind a full page", by: func(m *mutant) {
				m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
					return func(yield func(psa.Record, error) bool) {
						i := 0
						for r, err := range next(ctx, kind, q) {
							if i++; i == 6 {
								continue
							}
							if !yield(r, err) {
								return
							}
						}
					}
				}
			}},
		},
		"listing/streams": {{what: "reads everything first", by: inOrder(func([]psa.Record) {})}},
		"listing/break": {{what: "reads on", by: func(m *mutant) {
			m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
				return func(yield func(psa.Record, error) bool) {
					on := true
					for r, err := range next(ctx, kind, q) {
						on = on && yield(r, err)
					}
				}
			}
		}}, {what: "reads on later", by: func(m *mutant) {
			m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
				return func(yield func(psa.Record, error) bool) {
					for r, err := range next(ctx, kind, q) {
						if !yield(r, err) {
							go func() {
								_ = firstError(next(ctx, kind, q))
							}()
							return
						}
					}
				}
			}
		}}},
		"listing/again": {{what: "runs once", by: func(m *mutant) {
			m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
				ran := false
				return func(yield func(psa.Record, error) bool) {
					if !ran {
						ran = true
						next(ctx, kind, q)(yield)
					}
				}
			}
		}}},
		"listing/goroutines": {{what: "leaves one behind", by: func(m *mutant) {
			m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
				return func(yield func(psa.Record, error) bool) {
					go func() { <-ctx.Done() }()
					next(ctx, kind, q)(yield)
				}
			}
		}}},
		"listing/cancel": {
			{what: "ends as if complete", by: noErrors},
			{what: "goes on", by: func(m *mutant) {
				m.list = func(_ context.Context, kind psa.Kind, q psa.Query, next lister) rows {
					return next(context.Background(), kind, q)
				}
			}},
			{what: "hides the cause", by: eachError(func(e *psa.Error) error { return &psa.Error{Provider: e.Provider, Op: e.Op, Code: psa.ErrUnavailable} })},
		},
		"listing/cancelled": {{what: "asks anyway", by: func(m *mutant) {
			m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
				return next(context.WithoutCancel(ctx), kind, q)
			}
		}}},
		"listing/concurrency": {{what: "loses a row when it is busy", by: func(m *mutant) {
			var lists atomic.Int64
			m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
				return func(yield func(psa.Record, error) bool) {
					busy := lists.Add(1) > 100
					for r, err := range next(ctx, kind, q) {
						if busy {
							busy = false
							continue
						}
						if !yield(r, err) {
							return
						}
					}
				}
			}
		}}},
		"get/rows": {{what: "tells another name", by: getting(func(r *psa.Record) {
			r.Fields = r.Fields.Clone()
			r.Fields["name"] = "x"
		})}, {what: "forgets the parent", by: getting(func(r *psa.Record) { r.Parent = psa.Ref{} })}},
		"get/missing": {
			{what: "returns nothing without an error", by: func(m *mutant) {
				m.get = func(ctx context.Context, ref psa.Ref) (psa.Record, error) {
					r, err := m.Provider.Get(ctx, ref)
					if errors.Is(err, psa.ErrNotFound) {
						err = nil
					}
					return r, err
				}
			}},
			{what: "cleans the id as a path", by: func(m *mutant) {
				m.get = func(ctx context.Context, ref psa.Ref) (psa.Record, error) {
					ref.ID = ref.ID[strings.LastIndex(ref.ID, "/")+1:]
					return m.Provider.Get(ctx, ref)
				}
			}},
			{what: "class", by: class(psa.ErrUnavailable)},
		},
		"query/parent": {
			{what: "lists all", by: query(func(q *psa.Query) { q.Parent = psa.Ref{} })},
			{what: "lists none", by: eachRow(func(q psa.Query, _ *psa.Record) bool { return q.Parent.IsZero() })},
		},
		"query/active": {
			{what: "lists all", by: query(func(q *psa.Query) { q.ActiveOnly = false })},
			{what: "always leaves them out", by: query(func(q *psa.Query) { q.ActiveOnly = true })},
			{what: "marks all as active", by: eachRow(func(_ psa.Query, r *psa.Record) bool { r.Active = true; return true })},
		},
		"query/since": {
			{what: "leaves out the edge", by: eachRow(func(q psa.Query, r *psa.Record) bool { return q.Since.IsZero() || r.Updated.After(q.Since) })},
			{what: "lists all", by: query(func(q *psa.Query) { q.Since = time.Time{} })},
			{what: "takes the zone for UTC", by: query(func(q *psa.Query) {
				if _, offset := q.Since.Zone(); offset != 0 {
					q.Since = q.Since.Add(48 * time.Hour)
				}
			})},
		},
		"query/scope": {{what: "lists all", by: query(func(q *psa.Query) { q.Scope = nil })}},
		"query/resume": {
			{what: "starts over", by: query(func(q *psa.Query) { q.After = "" })},
		},
		"query/count": {
			{what: "one too many", by: func(m *mutant) { m.count = func(n int, err error) (int, error) { return n + 1, err } }},
		},
		"query/removed": {{what: "remembers rows", by: func(m *mutant) {
			cache := map[psa.Ref]psa.Record{}
			m.get = func(ctx context.Context, ref psa.Ref) (psa.Record, error) {
				if r, ok := cache[ref]; ok {
					return r, nil
				}
				return m.Provider.Get(ctx, ref)
			}
			eachRow(func(_ psa.Query, r *psa.Record) bool { cache[r.Ref] = *r; return true })(m)
		}}},
		"query/find": {
			{what: "finds everything", by: func(m *mutant) {
				m.find = func(ctx context.Context, kind psa.Kind, by psa.Fields) rows {
					return m.Provider.List(ctx, kind, psa.Query{})
				}
			}},
			{what: "finds nothing", by: func(m *mutant) {
				m.find = func(ctx context.Context, kind psa.Kind, by psa.Fields) rows {
					return m.Provider.Find(ctx, kind, psa.Fields{m.Provider.features[kind].Find[0]: "nothing"})
				}
			}},
		},
		"known/hash": {
			{what: "all the same", by: eachRow(func(_ psa.Query, r *psa.Record) bool { r.Hash = psa.Hash{1}; return true })},
			{what: "new each time", by: func(m *mutant) {
				var n byte
				eachRow(func(_ psa.Query, r *psa.Record) bool { n++; r.Hash[0] += n; return true })(m)
			}},
		},
		"known/unchanged": {
			{what: "decodes again", by: query(func(q *psa.Query) { q.Known = nil })},
			{what: "leaves known rows out", by: eachRow(func(_ psa.Query, r *psa.Record) bool { return !r.Unchanged })},
			{what: "keeps fields", by: eachRow(func(_ psa.Query, r *psa.Record) bool {
				if r.Unchanged {
					r.Fields = psa.Fields{}
				}
				return true
			})},
			{what: "forgets the parent", by: eachRow(func(_ psa.Query, r *psa.Record) bool {
				if r.Unchanged {
					r.Parent = psa.Ref{}
				}
				return true
			})},
			{what: "hashes the query", by: eachRow(func(q psa.Query, r *psa.Record) bool {
				if q.Known != nil && !q.Parent.IsZero() && r.Unchanged {
					r.Unchanged, r.Fields = false, psa.Fields{}
				}
				return true
			})},
		},
		"known/edited": {{what: "hashes the id only", by: func(m *mutant) {
			var known psa.Known
			m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
				known, q.Known = q.Known, nil
				return func(yield func(psa.Record, error) bool) {
					for r, err := range next(ctx, kind, q) {
						copy(r.Hash[:], r.String()+"                ")
						if known != nil {
							if ref, ok := known.Known(r.Hash); ok {
								r = psa.Record{Ref: ref, Parent: r.Parent, Hash: r.Hash, Unchanged: true}
							}
						}
						if !yield(r, err) {
							return
						}
					}
				}
			}
		}}},
		"known/hint": {
			{what: "leaves known rows out", by: eachRow(func(_ psa.Query, r *psa.Record) bool { return !r.Unchanged })},
			{what: "never asks", by: query(func(q *psa.Query) { q.Known = nil })},
		},
	}
}

// tracing tells of another request with each list.
func tracing(r psa.Request) func(*mutant) {
	return func(m *mutant) {
		m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
			for _, t := range psa.TracesOf(ctx) {
				t.Add(r)
			}
			return next(ctx, kind, q)
		}
	}
}

// inOrder collects a list and changes its order.
func inOrder(f func([]psa.Record)) func(*mutant) {
	return func(m *mutant) {
		m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
			return func(yield func(psa.Record, error) bool) {
				var all []psa.Record
				var failed error
				for r, err := range next(ctx, kind, q) {
					if failed = err; err == nil {
						all = append(all, r)
					}
				}
				f(all)
				for _, r := range all {
					if !yield(r, nil) {
						return
					}
				}
				if failed != nil {
					yield(psa.Record{}, failed)
				}
			}
		}
	}
}

// getting changes what Get returns.
func getting(f func(*psa.Record)) func(*mutant) {
	return func(m *mutant) {
		m.get = func(ctx context.Context, ref psa.Ref) (psa.Record, error) {
			r, err := m.Provider.Get(ctx, ref)
			if err == nil {
				f(&r)
			}
			return r, err
		}
	}
}

// noDeletions yields nothing.
func noDeletions(context.Context, psa.Kind, time.Time) iter.Seq2[psa.Deletion, error] {
	return func(func(psa.Deletion, error) bool) {}
}
