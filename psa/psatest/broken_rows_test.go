package psatest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

func brokenRows() map[string][]broken {
	retext := func(f func(string) string) func(*mutant) {
		return eachRow(func(_ psa.Query, r *psa.Record) bool {
			name := nameField(r.Kind)
			if s, ok := r.Fields[name].(string); ok {
				r.Fields = r.Fields.Clone()
				r.Fields[name] = f(s)
			}
			return true
		})
	}
	endless := func(m *mutant) {
		m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
			return func(yield func(psa.Record, error) bool) {
				failed := false
				for r, err := range next(ctx, kind, q) {
					if err != nil {
						failed = true
						break
					}
					if !yield(r, nil) {
						return
					}
				}
				for failed {
					for r, err := range next(ctx, kind, q) {
						if err != nil {
							break
						}
						if !yield(r, nil) {
							return
						}
					}
				}
			}
		}
	}
	return map[string][]broken{
		"values/types": {
			{what: "float id", by: setField("status", psa.Fields{"id": 1.0, "name": "New"})},
			{what: "number that is not canonical", by: setField("order", 1.5)},
			{what: "time in a zone", by: setField("created_at", "2026-03-02T09:00:00+01:00")},
			{what: "number as text", by: setField("hours", "0.75")},
			{what: "bool as text", by: setField("closed", "false")},
			{what: "ids as numbers", by: setField("members", []any{1, 2})},
			{what: "name of the vendor", by: eachRow(func(_ psa.Query, r *psa.Record) bool {
				r.Fields = r.Fields.Clone()
				r.Fields["closedFlag"] = true
				return true
			})},
		},
		"values/times": {
			{what: "Updated in a zone", by: eachRow(func(_ psa.Query, r *psa.Record) bool { r.Updated = r.Updated.In(time.FixedZone("", 3600)); return true })},
			{what: "too fine", by: eachRow(func(_ psa.Query, r *psa.Record) bool { r.Updated = r.Updated.Add(time.Millisecond); return true })},
			{what: "none", by: eachRow(func(_ psa.Query, r *psa.Record) bool { r.Updated = time.Time{}; return true })},
			{what: "1900 for none", by: setField("created_at", "1900-01-01T00:00:00Z")},
		},
		"values/references": {
			{what: "0 for none", by: setField("owner", psa.Reference{ID: "0"}.Fields())},
			{what: "dangling parent", by: eachRow(func(_ psa.Query, r *psa.Record) bool {
				if r.Kind == psa.KindStatus {
					r.Parent.ID = "77"
				}
				return true
			})},
			{what: "dangling id in a list", by: setField("members", []any{"1", "77"})},
		},
		"values/views": {{what: "text for a number", by: setField("order", "first")}},
		"values/json": {
			{what: "half of the payload", by: eachRow(func(_ psa.Query, r *psa.Record) bool { r.Raw = r.Raw[:len(r.Raw)/2]; return true })},
			{what: "values that JSON changes", by: setField("order", 1)},
		},
		"values/text": {
			{what: "cuts at NUL", by: retext(func(s string) string { s, _, _ = strings.Cut(s, "\x00"); return s })},
			{what: "trims", by: retext(func(s string) string { return strings.ToValidUTF8(strings.ReplaceAll(s, "\r", ""), "") })},
			{what: "cuts", by: retext(func(s string) string { return s[:min(len(s), 4000)] })},
			{what: "unescapes", by: retext(func(s string) string { return strings.ReplaceAll(s, "&", "&amp;") })},
		},
		"values/shared": {{what: "reuses its map", by: func(m *mutant) {
			buf := psa.Fields{}
			eachRow(func(_ psa.Query, r *psa.Record) bool {
				clear(buf)
				for k, v := range r.Fields {
					buf[k] = v
				}
				r.Fields = buf
				return true
			})(m)
		}}},
		"errors/auth": {
			{what: "class", by: class(psa.ErrDenied)},
			{what: "plain error", by: eachError(func(*psa.Error) error { return fmt.Errorf("bad: %w", psa.ErrAuth) })},
			{what: "names nobody", by: eachError(func(e *psa.Error) error { e.Provider = ""; return e })},
			{what: "tells a secret", by: eachError(func(e *psa.Error) error { e.Detail = "key canary-password was refused"; return e })},
		},
		"errors/denied": {{what: "empty list", by: noErrors}, {what: "class", by: class(psa.ErrAuth)}},
		"errors/one-kind": {
			{what: "Check is blind", by: func(m *mutant) {
				m.check = func(r psa.CheckReport, err error) (psa.CheckReport, error) {
					for i := range r.Access {
						r.Access[i].Err = nil
					}
					return r, err
				}
			}},
			{what: "all kinds are denied", by: func(m *mutant) {
				denied := false
				m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
					return func(yield func(psa.Record, error) bool) {
						if denied {
							yield(psa.Record{}, m.fail(OpList, kind, psa.Ref{}, psa.ErrDenied))
							return
						}
						for r, err := range next(ctx, kind, q) {
							denied = denied || errors.Is(err, psa.ErrDenied)
							if !yield(r, err) {
								return
							}
						}
					}
				}
			}},
		},
		"errors/rate-limit": {
			{what: "drops RetryAfter", by: eachError(func(e *psa.Error) error { e.RetryAfter = 0; return e })},
			{what: "class", by: class(psa.ErrUnavailable)},
		},
		"errors/server":     {{what: "class", by: class(psa.ErrData)}},
		"errors/cut-body":   {{what: "short list", by: noErrors}},
		"errors/login-page": {{what: "class", by: class(psa.ErrUnavailable)}, {what: "payload", by: eachError(func(e *psa.Error) error { e.Detail = "got <html><body>"; return e })}},
		"errors/mid-list": {
			{what: "short list", by: noErrors},
			{what: "yields after its error", by: func(m *mutant) {
				m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
					return func(yield func(psa.Record, error) bool) {
						for r, err := range next(ctx, kind, q) {
							if !yield(r, err) || err != nil && !yield(r, err) {
								return
							}
						}
					}
				}
			}},
			{what: "error with a record", by: func(m *mutant) {
				m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
					return func(yield func(psa.Record, error) bool) {
						for r, err := range next(ctx, kind, q) {
							if err != nil {
								r.ID = "1"
							}
							if !yield(r, err) {
								return
							}
						}
					}
				}
			}},
		},
		"errors/timeout": {{what: "hides the cause", by: eachError(func(e *psa.Error) error { e.Err, e.Code = nil, psa.ErrTimeout; return e })}},
		"errors/bad-row": {
			{what: "ends there", by: func(m *mutant) {
				m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
					return func(yield func(psa.Record, error) bool) {
						for r, err := range next(ctx, kind, q) {
							if r.Err != nil {
								yield(psa.Record{}, r.Err)
								return
							}
							if !yield(r, err) {
								return
							}
						}
					}
				}
			}},
			{what: "leaves it out", by: eachRow(func(_ psa.Query, r *psa.Record) bool { return r.Err == nil })},
			{what: "yields half of it", by: eachRow(func(_ psa.Query, r *psa.Record) bool {
				if r.Err != nil {
					r.Fields = psa.Fields{"name": "half"}
				}
				return true
			})},
		},
		"paging/repeated-page": {{what: "never ends", by: endless}, {what: "short list", by: noErrors}},
		"paging/capped-page":   {{what: "short list", by: noErrors}},
		"paging/wrong-count":   {{what: "class", by: class(psa.ErrUnavailable)}},
		"paging/moving-rows": {{what: "counts rows", by: func(m *mutant) {
			m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
				return func(yield func(psa.Record, error) bool) {
					for offset := 0; ; offset += 5 {
						i := 0
						for r, err := range next(ctx, kind, q) {
							if i++; i <= offset {
								continue
							}
							if i > offset+5 {
								break
							}
							if !yield(r, err) {
								return
							}
						}
						if i <= offset+5 {
							return
						}
					}
				}
			}
		}}},
		"domain/canaries": {
			{what: "in Fields and Raw", shape: openTenant, by: behind(func(*Provider) {})},
			{what: "in Raw", by: eachRow(func(_ psa.Query, r *psa.Record) bool {
				r.Raw = []byte(`{"cost":"` + planted(psa.KindMember) + `"}`)
				return true
			})},
			{what: "in what Get returns", by: getting(func(r *psa.Record) { r.Raw = []byte(`{"password":"canary-password"}`) })},
			{what: "encoded", by: eachRow(func(_ psa.Query, r *psa.Record) bool {
				r.Raw = []byte(`{"_auth":"` + base64.StdEncoding.EncodeToString([]byte("user:canary-password")) + `"}`)
				return true
			})},
			{what: "to observers", by: func(m *mutant) {
				m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
					for _, t := range psa.TracesOf(ctx) {
						t.Add(psa.Request{Endpoint: "/members?password=canary-password"})
					}
					return next(ctx, kind, q)
				}
			}},
			{what: "when printed", by: func(m *mutant) { m.name = "canary-password" }},
		},
		"domain/names":         {{what: "scope not declared", by: feature(psa.KindStatus, func(f *psa.Feature) { f.Scopes = nil })}},
		"domain/custom-fields": {{what: "value of no definition", by: setField("custom", psa.Fields{"99": "x"})}, {what: "owner of a config kind", by: setField("owners", []any{"board"})}},
		"domain/time-is-no-note": {{what: "time is a note, too", by: func(m *mutant) {
			m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
				return func(yield func(psa.Record, error) bool) {
					for r, err := range next(ctx, kind, q) {
						if !yield(r, err) {
							return
						}
					}
					if kind != psa.KindNote {
						return
					}
					for r, err := range next(ctx, psa.KindTimeEntry, psa.Query{}) {
						if err != nil || !yield(psa.Record{Ref: psa.Ref{Kind: kind, ID: "t" + r.ID}, Parent: r.Parent, Active: true, Fields: psa.Fields{"text": r.Fields["notes"]}}, nil) {
							return
						}
					}
				}
			}
		}}, {what: "text is dropped", by: setField("notes", "")}},
		"domain/service-tickets": {{what: "projects are shown", by: showHidden(psa.KindTicket)}},
		"domain/hidden-people":   {{what: "general users are shown", by: showHidden(psa.KindContact)}},
		"domain/unclear-note":    {{what: "public", by: setField("visibility", "public")}},
		"domain/visibility":      {{what: "a word of the vendor", by: setField("visibility", "all")}},
		"domain/billable":        {{what: "a bool", by: setField("billable", true)}, {what: "no hours", by: setField("hours", nil)}},
	}
}

// openTenant denies nothing.
func openTenant() Tenant {
	t := Boards()
	t.Deny = nil
	return t
}

// showHidden yields the rows of a kind that are out of scope.
func showHidden(hidden psa.Kind) func(*mutant) {
	return func(m *mutant) {
		m.list = func(ctx context.Context, kind psa.Kind, q psa.Query, next lister) rows {
			return func(yield func(psa.Record, error) bool) {
				for r, err := range next(ctx, kind, q) {
					if !yield(r, err) {
						return
					}
				}
				if kind != hidden {
					return
				}
				for _, ref := range m.Refs(kind) {
					if _, err := m.Provider.Get(ctx, ref); err == nil {
						continue
					}
					if r, ok := m.Row(ref); ok && !yield(r, nil) {
						return
					}
				}
			}
		}
	}
}
