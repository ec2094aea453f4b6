package cache

import (
	"slices"
	"strconv"
	"strings"

	"github.com/psasync/psasync/psa"
)

// comboFields are the fields of an association row, by level.
var comboFields = [...]string{"type", "subtype", "item"}

// combos answers which classifications may go together, from the association
// rows. A board whose rows never name a level says nothing about it.
type combos struct {
	allowed map[string]bool // by comboKey
	levels  map[string]bool // by board and level: some row names it
}

func newCombos(rows table) *combos {
	c := &combos{allowed: map[string]bool{}, levels: map[string]bool{}}
	for _, r := range rows {
		if !r.Active {
			continue
		}
		board := comboBoard(r)
		var ids [len(comboFields)]string
		for i, f := range comboFields {
			ids[i] = r.Fields.Ref(f).ID
		}
		for i, id := range ids {
			if id == "" {
				continue
			}
			c.levels[levelKey(board, i+1)] = true
			// A form may know only some of the levels above: allow the row
			// under every part of its combination.
			for mask := range 1 << i {
				var above []string
				for j := range i {
					if mask&(1<<j) != 0 {
						above = append(above, ids[j])
					} else {
						above = append(above, "")
					}
				}
				c.allowed[comboKey(board, id, above)] = true
			}
		}
	}
	return c
}

func comboBoard(r *psa.Record) string {
	if id := r.Fields.Ref("board").ID; id != "" || r.Parent.Kind != psa.KindBoard {
		return id
	}
	return r.Parent.ID
}

func levelKey(board string, level int) string { return strconv.Itoa(level) + "\x00" + board }

func comboKey(board, id string, above []string) string {
	return board + "\x00" + id + "\x00" + strings.Join(above, "\x00")
}

// allows reports whether a classification of some level may follow the ones
// above it, "" where one is not chosen.
func (c *combos) allows(board, id string, above []string) bool {
	level := len(above) + 1
	if level > len(comboFields) || !c.levels[levelKey(board, level)] {
		return true
	}
	return c.allowed[comboKey(board, id, above)]
}

// allowsParents reports whether a row may follow the chosen one of the level
// above by its own list.
func allowsParents(r *psa.Record, above string) bool {
	parents := idList(r.Fields["parents"])
	return above == "" || len(parents) == 0 || slices.Contains(parents, above)
}
