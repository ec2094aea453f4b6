package resync

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/internal/text"
	"github.com/psasync/psasync/psa"
)

// describe writes a plan into the report, in place of an earlier one of the
// same run.
func (r *run) describe(p *plan) {
	rep, most := r.report, r.opts.ReportRows
	rep.From = p.base.Version()
	rep.Token, rep.Guarded = p.token, p.guarded
	rep.Kinds = nil
	for _, k := range p.kinds {
		rep.Kinds = append(rep.Kinds, describeKind(p, k, most))
	}
	findings := inspect(p.next, r.opts.Kinds)
	for _, kind := range p.next.Kinds() {
		if meta := p.next.Freshness(kind); meta.Stale == notOffered {
			findings = append(findings, psa.Finding{Severity: psa.Warning, Code: CodeNotOffered, Kind: kind,
				Message: fmt.Sprintf("%s since %s; its %s stay as they are", notOffered, text.Stamp(meta.StaleSince), text.Plural(p.next.Len(kind), "row"))})
		}
	}
	if rep.Upgraded != "" {
		findings = append(findings, psa.Finding{Severity: psa.Info, Code: CodeUpgraded,
			Message: fmt.Sprintf("the vendor's version is %s now, it was %s; look through its release notes",
				text.Clip(rep.Instance.Version), text.Clip(rep.Upgraded))})
	}
	rep.Findings, rep.FindingsCount = bounded(findings, most), len(findings)

	rep.Outcome = Unchanged
	if len(p.changes) > 0 {
		rep.Outcome = Complete
	}
	if p.partial() {
		rep.Outcome = Partial
	}
}

func describeKind(p *plan, k *kindPlan, most int) KindReport {
	meta := p.next.Freshness(k.kind)
	out := KindReport{
		Kind: k.kind, Term: meta.Term, Rows: p.next.Len(k.kind),
		Stale: meta.Stale, StaleSince: meta.StaleSince, Advice: psa.Advice(k.stale()),
	}
	slices.Sort(k.warnings)
	out.Warnings, out.WarningsCount = bounded(k.warnings, most), len(k.warnings)
	for _, c := range p.changes[k.kind] {
		switch {
		case c.Before == nil:
			out.Added++
			out.AddedRows = appendRow(out.AddedRows, c, most)
		case c.After == nil:
			out.Removed++
			out.RemovedRows = appendRow(out.RemovedRows, c, most)
		default:
			out.Changed++
			out.ChangedRows = appendRow(out.ChangedRows, c, most)
		}
	}
	out.Unchanged = out.Rows - out.Added - out.Changed
	return out
}

func appendRow(rows []RowReport, c cache.RowChange, most int) []RowReport {
	if len(rows) == most {
		return rows
	}
	row := RowReport{ID: c.Ref.ID}
	rec := c.After
	if rec == nil {
		rec = c.Before
	}
	row.Name, row.Parent = text.Cut(rec.Name(), maxValue), rec.Parent.String()
	if c.Before != nil && c.After != nil {
		changes := diff(*c.Before, *c.After)
		row.Changes, row.ChangesCount = bounded(changes, most), len(changes)
		for i := range row.Changes {
			row.Changes[i].Old.cut()
			row.Changes[i].New.cut()
		}
	}
	return append(rows, row)
}

// maxValue bounds the runes of a value in a report's JSON.
const maxValue = 1000

func (v *Value) cut() {
	switch x := v.V.(type) {
	case string:
		v.V = text.Cut(x, maxValue)
	case psa.Fields, []any:
		if b, err := json.Marshal(x); err == nil && len(b) > maxValue {
			v.V = text.Cut(string(b), maxValue)
		}
	}
}

// advice is a sentence for an administrator about an error of Run; "" if there
// is nothing to say.
func advice(err error) string {
	switch {
	case errors.Is(err, ErrTooManyRemovals):
		return "Look at the rows that would go; if they are really gone from the PSA, run again with the token to accept exactly these removals."
	case errors.Is(err, ErrImpact):
		return "Adapt the field maps named under impact, or undo the change in the PSA, then run again."
	case errors.Is(err, cache.ErrLeased), errors.Is(err, cache.ErrFenced), errors.Is(err, cache.ErrStale):
		return "Another syncer is at work on this source; let it finish, and run only one for each source."
	}
	return psa.Advice(err)
}
