package mapping

import (
	"maps"
	"slices"

	"github.com/psasync/psasync/psa"
)

// preferred finds preferred left values that a new record could not have: those
// that are not offered where the map itself creates it, e.g. a status of another
// board.
func (l *linter) preferred(r *mapRule) {
	of := r.scope[Left]
	if of == nil || !r.direction.allows(Left) || !l.live(r, Left) || l.ruled(of, Left) {
		return
	}
	f := &r.fits[Left]
	for _, scope := range l.createdIn(of, l.cfg.Left.Scopes(f.kind)[0].Kind) {
		opts := l.cfg.Left.Options(f.kind, scope.ID)
		for _, right := range slices.Sorted(maps.Keys(r.preferAt)) {
			left := r.prefer[right]
			if r.per != nil && !slices.ContainsFunc(r.values, func(p valuePair) bool {
				return p.left == left && p.right.text == right && (p.scope == scope.Name || p.scope == "*")
			}) {
				continue // another value goes back on that board
			}
			if !slices.ContainsFunc(opts, func(o psa.Option) bool { return optionText(o, f.byID) == left }) {
				l.add(r.preferAt[right], psa.Failure, CodeNoSuchOption, "create puts new records into %s %s, which has no %s %s to go back to for %s%s",
					of.text, quote(scope.Name), f.kind, quote(left), quote(right), didYouMean(left, optionTexts(opts, f.byID)))
			}
		}
	}
}

// ruled reports whether a rule writes a field on a side.
func (l *linter) ruled(field *fieldPath, s Side) bool {
	return slices.ContainsFunc(l.k.rules, func(r *mapRule) bool {
		return r.direction.allows(s) && r.fields[s].segs != nil && r.fields[s].segs[0] == field.segs[0]
	})
}

// createdIn returns the rows of a kind that the map gives to a field of left
// records that it creates.
func (l *linter) createdIn(field *fieldPath, kind psa.Kind) psa.Options {
	var out psa.Options
	for _, sets := range [][]setter{l.k.sets[Left], l.k.create[Left]} {
		for i := range sets {
			if sets[i].field.segs[0] != field.segs[0] {
				continue
			}
			values := []any{sets[i].value}
			for _, key := range slices.Sorted(maps.Keys(sets[i].values)) {
				values = append(values, sets[i].values[key])
			}
			for _, v := range values {
				text, ok := valueText(v, sets[i].fit.byID)
				if !ok {
					continue
				}
				for _, o := range l.cfg.Left.Options(kind, "") {
					if o.Name == text || o.ID == text {
						out = append(out, o)
					}
				}
			}
		}
	}
	return out
}
