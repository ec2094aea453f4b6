package resync

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/psasync/psasync/psa"
)

// ErrTooManyRemovals stops a commit that would take too many rows of a kind
// out of the snapshot. The error is a *[RemovalError], whose token confirms it.
var ErrTooManyRemovals = errors.New("too many rows would be removed")

// A Guard is how many rows a kind may lose in one run. The zero Guard has the
// documented defaults.
type Guard struct {
	// Share of the kind's rows, above 0 and at most 1, that may go. Defaults to
	// 0.2. 1 lets everything go that is proven.
	Share float64
	// Rows that may always go, whatever their share, so that a kind of four
	// rows may lose one. Defaults to 4; below 0 is none.
	Rows int
	// Most is the number that stops a commit whatever the share. 0 is no limit.
	Most int
}

func (g Guard) withDefaults() Guard {
	if g.Share == 0 {
		g.Share = 0.2
	}
	switch {
	case g.Rows == 0:
		g.Rows = 4
	case g.Rows < 0:
		g.Rows = 0
	}
	return g
}

func (g Guard) check() error {
	if !(g.Share >= 0 && g.Share <= 1) {
		return fmt.Errorf("resync: Guard.Share is %v, not between 0 and 1", g.Share)
	}
	if g.Most < 0 {
		return fmt.Errorf("resync: Guard.Most is %d", g.Most)
	}
	return nil
}

// stops reports whether losing so many of a kind's rows needs a confirmation.
func (g Guard) stops(removed, before int) bool {
	if g.Most > 0 && removed > g.Most {
		return true
	}
	return removed > g.Rows && float64(removed) > g.Share*float64(before)
}

// A Removal is how many rows a kind would lose.
type Removal struct {
	Kind    psa.Kind `json:"kind"`
	Removed int      `json:"removed"`
	Before  int      `json:"before"`
}

// A RemovalError is an [ErrTooManyRemovals].
type RemovalError struct {
	Kinds []Removal // that lose more than the guard allows
	Token string    // confirms exactly the removals of this run, see Accept
	// Refused is set if a token was given that confirms other removals: they
	// changed since somebody looked.
	Refused bool
}

// Error names the kinds, how many rows they would lose, and the token.
func (e *RemovalError) Error() string {
	var b strings.Builder
	b.WriteString("resync: too many rows would be removed: ")
	for i, k := range e.Kinds {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d of %d %s", k.Removed, k.Before, k.Kind)
	}
	if e.Refused {
		b.WriteString("; the token given confirms other removals than these")
	}
	fmt.Fprintf(&b, "; token %s confirms exactly these", e.Token)
	return b.String()
}

// Is makes the error an [ErrTooManyRemovals].
func (e *RemovalError) Is(target error) bool { return target == ErrTooManyRemovals }

// tokenOf names a set of removals from one source; "" if there are none.
func tokenOf(source string, removed []psa.Ref) string {
	if len(removed) == 0 {
		return ""
	}
	names := make([]string, len(removed))
	for i, ref := range removed {
		names[i] = ref.String()
	}
	slices.Sort(names)
	h := sha256.New()
	fmt.Fprintf(h, "%q", source)
	for _, n := range names {
		fmt.Fprintf(h, "%q", n)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
