package bridge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// Side is one of the two systems of a bridge.
type Side = cache.Side

// The sides.
const (
	Left  = cache.Left
	Right = cache.Right
)

// Options say what a Bridge keeps the same, and how. Source and Map are
// required.
type Options struct {
	// Source names the connection in the state, e.g. "acme/bridge". The marker
	// of records that the bridge creates is made from it, so it must not change.
	Source string
	// Map says which field is which. Its kinds are what is synchronised.
	Map *mapping.Map
	// The catalogs tell what both systems offer, the members match technicians.
	LeftCatalog, RightCatalog psa.Catalog
	LeftMembers, RightMembers []psa.Record
	// Catalogs, if set, is asked at the start of every cycle instead of the four
	// above. A value that differs from the one before is compiled anew.
	Catalogs func(context.Context) (*mapping.Config, error)

	// PSA is the side that is the system of record at first: Left unless set.
	PSA Side
	// Policy is what holds where no phase was set. The zero Policy has no
	// owners and leaves conflicts to people, see [Phase1].
	Policy Policy
	// Phases are the policies that [Bridge.SetPhase] chooses from, by name. nil
	// means those of [Phases].
	Phases map[string]Policy
	// Deletes says what becomes of a record whose counterpart was deleted.
	Deletes DeletePolicy
	// HardDelete allows the bridge to delete rows for good on a side. Without it
	// rows are only deactivated, where the system offers that.
	HardDelete [2]bool

	// Limits stop a run that does more than is plausible.
	Limits Limits
	// Interval is the pause between two cycles of Run. 0: a minute.
	Interval time.Duration
	// SweepEvery is how often everything is listed and compared, to find what
	// incremental lists cannot see. 0: 24 hours; below 0: never.
	SweepEvery time.Duration
	// Overlap is how far an incremental list reaches back behind the end of the
	// one before. 0: a minute.
	Overlap time.Duration
	// SearchLag is how long a system may take until a search finds a new row.
	// A create whose answer was lost is not repeated before. 0: 2 minutes.
	SearchLag time.Duration
	// ConfirmAfter is how long a row has to be missing before it counts as
	// deleted. 0: 15 minutes.
	ConfirmAfter time.Duration
	// Retry is the first pause before a failed record is tried again; it
	// doubles up to RetryCap. 0: a minute, and 6 hours.
	Retry, RetryCap time.Duration
	// MaxTries is how often a record is tried before it waits for a person.
	// 0: 12.
	MaxTries int
	// LiveWindow is how old a change may be to be told to people. Older ones are
	// written without mail, whatever the policy says. 0: an hour.
	LiveWindow time.Duration

	// Observer is told what happens, from the goroutine of the run.
	Observer func(Event)
	// Now is the local clock; nil: time.Now. It is used for tasks, audits and
	// ages, never for cursors.
	Now func() time.Time
	// Holder names this process in leases; "" makes one up.
	Holder string
}

// Limits are the greatest numbers that one run may reach. At one more the run
// stops, and the connection pauses until somebody resumes it. 0 is the default,
// below 0 no limit.
type Limits struct {
	Creates   int // default 1000
	Updates   int // default 5000
	Closes    int // default 200
	Deletes   int // default 25
	Conflicts int // default 500
	Missing   int // default 100: rows that a complete list lacks
}

// A DeletePolicy says what becomes of a record whose counterpart was deleted.
type DeletePolicy string

// The delete policies.
const (
	AskDelete       DeletePolicy = ""          // keep it, and ask a person
	KeepDeleted     DeletePolicy = "keep"      // keep it
	PropagateDelete DeletePolicy = "propagate" // delete or deactivate it; ask if it was edited since, or the other one may just be hidden
)

// Errors of a Bridge, beside those of providers and states.
var (
	// ErrPaused: the connection is paused; [Bridge.Status] says why.
	ErrPaused = errors.New("the connection is paused")
	// ErrLimit: the run went past one of its [Limits] and paused the connection.
	ErrLimit = errors.New("the run does more than its limits allow")
	// ErrStalePlan: the state has changed since the plan was made.
	ErrStalePlan = errors.New("the plan is out of date")
	// ErrOutdated: a record has changed since the task was shown.
	ErrOutdated = errors.New("the record has changed meanwhile; look again")
	// ErrIncomplete: a kind could not be read, or the run was cut short.
	ErrIncomplete = errors.New("the run is incomplete")
)

// A Bridge synchronises two systems. Its methods are safe for concurrent use;
// runs of one Bridge take turns. It owns neither the providers nor the state.
type Bridge struct {
	sides [2]system
	state cache.State
	opts  Options
	kinds []psa.Kind
	tag   string

	running chan struct{} // a lock that can be waited for with a context

	mu   sync.Mutex
	cfg  *mapping.Config
	comp *compiled
	anew bool // comp was not used yet
}

// system is one side.
type system struct {
	psa.Provider
	offers psa.Features
}

// New returns a bridge between two systems. It makes no request and reads
// nothing. The error names everything that is wrong with the options.
func New(left, right psa.Provider, state cache.State, o Options) (*Bridge, error) {
	var errs []error
	if left == nil || right == nil || state == nil {
		errs = append(errs, errors.New("two providers and a state are needed"))
	}
	if o.Source == "" {
		errs = append(errs, errors.New("Options.Source is missing: the name of the connection"))
	}
	if o.Map == nil {
		errs = append(errs, errors.New("Options.Map is missing: see mapping.Load"))
	}
	switch o.Deletes {
	case AskDelete, KeepDeleted, PropagateDelete:
	default:
		errs = append(errs, fmt.Errorf("Options.Deletes is %q; it is empty, keep or propagate", o.Deletes))
	}
	if o.PSA > Right {
		errs = append(errs, errors.New("Options.PSA is neither Left nor Right"))
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("bridge: %w", errors.Join(errs...))
	}
	o.defaults()
	sum := sha256.Sum256([]byte(o.Source))
	b := &Bridge{
		sides: [2]system{{left, left.Features()}, {right, right.Features()}}, state: state, opts: o,
		tag: hex.EncodeToString(sum[:4]), running: make(chan struct{}, 1),
		kinds: slices.DeleteFunc(o.Map.Kinds(), func(k psa.Kind) bool { return !slices.Contains(bridged, k) }),
	}
	for name, p := range o.Phases {
		errs = append(errs, p.check("phase "+name)...)
	}
	errs = append(errs, o.Policy.check("Options.Policy")...)
	if o.Catalogs == nil {
		cfg := &mapping.Config{
			Left: o.LeftCatalog, Right: o.RightCatalog, LeftMembers: o.LeftMembers, RightMembers: o.RightMembers,
			LeftFeatures: b.sides[Left].offers, RightFeatures: b.sides[Right].offers,
		}
		if err := b.configure(cfg); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("bridge: %w", errors.Join(errs...))
	}
	return b, nil
}

func (o *Options) defaults() {
	set := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	set(&o.Interval, time.Minute)
	set(&o.SweepEvery, 24*time.Hour)
	set(&o.Overlap, time.Minute)
	set(&o.SearchLag, 2*time.Minute)
	set(&o.ConfirmAfter, 15*time.Minute)
	set(&o.Retry, time.Minute)
	set(&o.RetryCap, 6*time.Hour)
	set(&o.LiveWindow, time.Hour)
	if o.MaxTries == 0 {
		o.MaxTries = 12
	}
	for _, l := range []struct {
		n   *int
		def int
	}{
		{&o.Limits.Creates, 1000}, {&o.Limits.Updates, 5000}, {&o.Limits.Closes, 200},
		{&o.Limits.Deletes, 25}, {&o.Limits.Conflicts, 500}, {&o.Limits.Missing, 100},
	} {
		if *l.n == 0 {
			*l.n = l.def
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Phases == nil {
		o.Phases = Phases(o.PSA)
	}
	if o.Holder == "" {
		o.Holder = holder()
	}
}

// configure compiles the map against what both systems offer.
func (b *Bridge) configure(cfg *mapping.Config) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.comp != nil && b.cfg == cfg {
		return nil
	}
	comp, err := compile(b.opts.Map, cfg, [2]psa.Features{b.sides[Left].offers, b.sides[Right].offers})
	if err != nil {
		return err
	}
	b.cfg, b.comp, b.anew = cfg, comp, true
	return nil
}

// current returns what configure made last.
func (b *Bridge) current() *compiled {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.comp
}

// firstUse reports whether no run has used it yet; a dry one does not count.
func (b *Bridge) firstUse(dry bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	anew := b.anew
	b.anew = anew && dry
	return anew
}

// Kinds returns the kinds that are synchronised, parents before children.
func (b *Bridge) Kinds() []psa.Kind {
	return slices.Clone(b.kinds)
}

// bridged are the kinds a bridge knows, in the order they are written.
var bridged = []psa.Kind{psa.KindCompany, psa.KindSite, psa.KindContact, psa.KindTicket, psa.KindNote, psa.KindTimeEntry}

// parentOf is the kind that a kind cannot be without, and the field that names
// its row.
func parentOf(k psa.Kind) psa.Kind {
	switch k {
	case psa.KindSite, psa.KindContact:
		return psa.KindCompany
	case psa.KindNote, psa.KindTimeEntry:
		return psa.KindTicket
	}
	return ""
}
