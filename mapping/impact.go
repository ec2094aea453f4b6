package mapping

import (
	"context"
	"slices"

	"github.com/psasync/psasync/psa"
)

// An Impact tells what a change of the left system does to a map. It fits
// where a resync asks for the impact on field maps.
type Impact struct {
	Map    *Map
	Config Config // Left is replaced by the catalogs compared
}

// Impact lints the map against both catalogs and returns what only the new one
// brings: each rule that broke, each that no longer covers every value, and
// each custom field that is new and has no rule, with its line. old may be nil,
// for everything that is wrong now.
func (i Impact) Impact(ctx context.Context, old, new psa.Catalog) ([]psa.Finding, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cfg := i.Config
	cfg.Left = new
	now := slices.DeleteFunc(i.Map.LintWith(&cfg), func(f psa.Finding) bool {
		return f.Severity == psa.Info && f.Code != CodeCustomLost
	})
	if old == nil {
		return now, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cfg.Left = old
	before := i.Map.LintWith(&cfg)
	return slices.DeleteFunc(now, func(f psa.Finding) bool { return slices.Contains(before, f) }), nil
}
