package bridge

import (
	"errors"
	"slices"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/psa"
)

// contended reports whether a strategy decided a conflict of records that have
// agreed before.
func (o *outcome) contended(l *cache.Link) bool {
	return len(l.Base[Left]) > 0 && slices.ContainsFunc(o.decided, func(d decided) bool { return d.effect == conflict.Contend })
}

// evidence looks whether a note or time entry explains the stamps of a ticket:
// with most vendors they move it, and who wrote a note has not changed a field.
// It is asked for when a conflict is decided, since it costs requests.
func (r *run) evidence(l *cache.Link, in *input) error {
	for s := range Side(2) {
		v := &in.view[s]
		if !v.known || v.stamp.At.IsZero() || v.stamp.ExplainedBy != "" {
			continue
		}
		for _, kind := range []psa.Kind{psa.KindNote, psa.KindTimeEntry} {
			f := r.sides[s].offers[kind]
			if !f.Can.Has(psa.CanList) || f.Parent != l.Kind {
				continue
			}
			for child, err := range r.sides[s].List(r.ctx, kind, psa.Query{Parent: psa.Ref{Kind: l.Kind, ID: l.IDs[s]}}) {
				if errors.Is(err, psa.ErrNotFound) || errors.Is(err, psa.ErrDenied) {
					break // what cannot be seen explains nothing
				}
				if err != nil {
					return err
				}
				at := child.Updated
				if at.IsZero() {
					at, _ = time.Parse(time.RFC3339Nano, child.Fields.String("created_at")) // zero where it is not told
				}
				if at.After(l.Child[s]) {
					l.Child[s] = at
				}
			}
		}
		v.stamp = r.view(l, s, v.rec).stamp
	}
	return nil
}
