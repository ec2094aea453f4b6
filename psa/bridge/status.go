package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/internal/text"
	"github.com/psasync/psasync/psa"
)

// host is the actor of what a host does through this package.
const host = "host"

// setDisconnected holds when [Bridge.Disconnect] was called.
const setDisconnected = "disconnected"

// Pause stops the connection, or some kinds, until [Bridge.Resume]: the next run
// is [ErrPaused], or passes over these kinds. A run that is under way ends
// first. A kind that is not synchronised is psa.ErrInvalid.
func (b *Bridge) Pause(ctx context.Context, reason string, kinds ...psa.Kind) error {
	if reason == "" {
		reason = "paused by a person"
	}
	return b.setPause(ctx, reason, kinds)
}

// Resume ends a pause: that of the connection without kinds, else that of these
// kinds. What is not paused stays as it is. A connection that was disconnected
// is [ErrPaused] and stays so.
func (b *Bridge) Resume(ctx context.Context, kinds ...psa.Kind) error {
	gone, err := b.state.Setting(ctx, b.opts.Source, setDisconnected)
	if err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	if gone != "" {
		return fmt.Errorf("bridge: %w: it was disconnected at %s; begin anew with another Options.Source and ReadLinks", ErrPaused, gone)
	}
	return b.setPause(ctx, "", kinds)
}

func (b *Bridge) setPause(ctx context.Context, reason string, kinds []psa.Kind) error {
	set := map[string]string{}
	for _, k := range kinds {
		if !slices.Contains(b.kinds, k) {
			return invalid("kind %q is not synchronised; it is one of %s", k, join(b.kinds))
		}
		set[setPauseOf+string(k)] = reason
	}
	what := join(kinds)
	if len(kinds) == 0 {
		set[setPause], what = reason, "the connection"
	}
	text := "resumed " + what
	if reason != "" {
		text = "paused " + what + ": " + reason
	}
	return b.save(ctx, cache.StateBatch{Settings: set, Audits: []cache.Audit{{Op: opPause, Actor: host, Reason: text}}})
}

// invalid returns an error that is psa.ErrInvalid.
func invalid(format string, args ...any) error {
	return fmt.Errorf("bridge: %w: %s", psa.ErrInvalid, fmt.Sprintf(format, args...))
}

func join[T ~string](list []T) string {
	var out []string
	for _, x := range list {
		out = append(out, string(x))
	}
	return strings.Join(out, ", ")
}

// save stores what a host decided, outside of a run.
func (b *Bridge) save(ctx context.Context, batch cache.StateBatch) error {
	for i := range batch.Audits {
		batch.Audits[i].At = b.opts.Now()
		discreet(&batch.Audits[i])
	}
	if err := b.state.Save(ctx, b.opts.Source, batch); err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	return nil
}

// SetPhase chooses a policy of Options.Phases by name: for the companies that
// are named by their ids on the side of the PSA, or without companies for the
// connection. "" goes back to the connection's phase, or to Options.Policy.
//
// The next run compares everything anew, so that what was held back, left to
// differ or waits for a person is looked at under the new policy.
//
// An unknown phase is psa.ErrInvalid, a company without a link
// psa.ErrNotFound; nothing is changed then.
func (b *Bridge) SetPhase(ctx context.Context, phase string, companies ...string) error {
	if _, ok := b.opts.Phases[phase]; !ok && phase != "" {
		return invalid("unknown phase %q; it is one of %s", phase, join(slices.Sorted(maps.Keys(b.opts.Phases))))
	}
	keys, err := b.companyKeys(ctx, companies)
	if err != nil {
		return err
	}
	last, err := lastAudit(ctx, b.state, b.opts.Source) // rises with each call
	if err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	batch := cache.StateBatch{Settings: map[string]string{setAnew: fmt.Sprintf("+%d", last+1)}}
	for _, key := range keys {
		batch.Settings[setPhaseOf+key] = phase
		batch.Audits = append(batch.Audits, cache.Audit{Op: opState, Actor: host, Link: key, Kind: psa.KindCompany, Reason: fmt.Sprintf("phase %q", phase)})
	}
	if len(companies) == 0 {
		batch.Settings[setPhase] = phase
		batch.Audits = append(batch.Audits, cache.Audit{Op: opState, Actor: host, Reason: fmt.Sprintf("phase %q", phase)})
	}
	for t, err := range b.state.Tasks(ctx, b.opts.Source, cache.TaskQuery{Types: []string{TaskConflict, TaskAsk, TaskHeld, TaskRefused}}) {
		if err != nil {
			return fmt.Errorf("bridge: %w", err)
		}
		if t.Answer != nil || !t.Due.IsZero() || t.WaitsFor != "" {
			continue
		}
		if len(companies) > 0 {
			l, ok, err := b.state.Link(ctx, b.opts.Source, t.Link)
			if err != nil {
				return fmt.Errorf("bridge: %w", err)
			}
			if !ok || !slices.Contains(keys, l.Company) {
				continue
			}
		}
		t.Due = b.opts.Now()
		batch.Tasks = append(batch.Tasks, t)
	}
	err = b.save(ctx, batch)
	if errors.Is(err, cache.ErrStale) { // a run was at one of the tasks: it is looked at by itself
		batch.Tasks = nil
		err = b.save(ctx, batch)
	}
	return err
}

// companyKeys are the keys of the links of companies, given by their ids on the
// side of the PSA.
func (b *Bridge) companyKeys(ctx context.Context, companies []string) ([]string, error) {
	var keys []string
	for _, id := range companies {
		l, ok, err := b.state.LinkOf(ctx, b.opts.Source, b.opts.PSA, psa.Ref{Kind: psa.KindCompany, ID: id})
		if err != nil {
			return nil, fmt.Errorf("bridge: %w", err)
		}
		if !ok {
			return nil, fmt.Errorf("bridge: company %q of the %s side has no link: %w", clip(id), b.opts.PSA, psa.ErrNotFound)
		}
		if !slices.Contains(keys, l.Key) {
			keys = append(keys, l.Key)
		}
	}
	return keys, nil
}

// PhaseOf returns the name of the phase that holds for a company, given by its
// id on the side of the PSA, or for the connection if company is "". "" means
// Options.Policy. A company without a link is psa.ErrNotFound.
func (b *Bridge) PhaseOf(ctx context.Context, company string) (string, error) {
	all, err := b.state.Settings(ctx, b.opts.Source, setPhase)
	if err != nil {
		return "", fmt.Errorf("bridge: %w", err)
	}
	if company == "" {
		return all[setPhase], nil
	}
	keys, err := b.companyKeys(ctx, []string{company})
	if err != nil {
		return "", err
	}
	if phase := all[setPhaseOf+keys[0]]; phase != "" {
		return phase, nil
	}
	return all[setPhase], nil
}

// Status says how a connection stands. It holds no value of a field.
type Status struct {
	Source       string              `json:"source"`
	Paused       string              `json:"paused,omitempty"`       // why; "" if it is not
	PausedKinds  map[psa.Kind]string `json:"paused_kinds,omitempty"` // why
	Disconnected string              `json:"disconnected,omitempty"` // since when
	Phase        string              `json:"phase"`                  // of the connection; "" is Options.Policy
	Companies    map[string]string   `json:"companies,omitempty"`    // phases of companies, by their ids on the side of the PSA
	Accounts     [2]string           `json:"accounts"`               // of both sides, once a run has seen them
	Kinds        []KindStatus        `json:"kinds"`
	Tasks        map[string]int      `json:"tasks,omitempty"` // what waits, by type
	Answered     int                 `json:"answered"`        // of them, answers that the next run uses
	MapChanged   bool                `json:"map_changed"`     // the next run compares everything anew
}

// A KindStatus says how far a kind was read and how many links there are.
type KindStatus struct {
	Kind    psa.Kind        `json:"kind"`
	Cursors [2]cache.Cursor `json:"cursors"`
	Links   map[string]int  `json:"links,omitempty"` // by state: live, half, dormant, gone
}

// Status reads how the connection stands, from the state alone. It looks at
// every link, which takes a second or so per hundred thousand. The error is what
// the state or the context failed with.
func (b *Bridge) Status(ctx context.Context) (*Status, error) {
	s, err := b.status(ctx)
	if err != nil {
		return nil, fmt.Errorf("bridge: %w", err)
	}
	return s, nil
}

func (b *Bridge) status(ctx context.Context) (*Status, error) {
	source := b.opts.Source
	all, err := b.state.Settings(ctx, source, "")
	if err != nil {
		return nil, err
	}
	st := &Status{Source: source, Paused: all[setPause], Disconnected: all[setDisconnected], Phase: all[setPhase],
		PausedKinds: map[psa.Kind]string{}, Companies: map[string]string{}, Tasks: map[string]int{},
		Accounts:   [2]string{all[setInstance+"left"], all[setInstance+"right"]},
		MapChanged: all[setMap] != b.opts.Map.Digest()+all[setAnew]}
	for name, value := range all {
		if kind, ok := strings.CutPrefix(name, setPauseOf); ok {
			st.PausedKinds[psa.Kind(kind)] = value
		}
		if key, ok := strings.CutPrefix(name, setPhaseOf); ok {
			l, ok, err := b.state.Link(ctx, source, key)
			if err != nil {
				return nil, err
			}
			if ok {
				key = l.IDs[b.opts.PSA]
			}
			st.Companies[key] = value
		}
	}
	counts := map[psa.Kind]map[string]int{}
	for l, err := range b.state.Links(ctx, source, cache.LinkQuery{}) {
		if err != nil {
			return nil, err
		}
		if counts[l.Kind] == nil {
			counts[l.Kind] = map[string]int{}
		}
		counts[l.Kind][stateName(l.State)]++
	}
	for _, k := range b.kinds {
		ks := KindStatus{Kind: k, Links: counts[k]}
		for s := range Side(2) {
			if ks.Cursors[s], err = b.state.Cursor(ctx, source, s, k); err != nil {
				return nil, err
			}
		}
		st.Kinds = append(st.Kinds, ks)
	}
	for t, err := range b.state.Tasks(ctx, source, cache.TaskQuery{Types: personal}) {
		if err != nil {
			return nil, err
		}
		st.Tasks[t.Type]++
		if t.Answer != nil {
			st.Answered++
		}
	}
	return st, nil
}

func stateName(s cache.LinkState) string {
	if s == cache.LinkLive {
		return "live"
	}
	return string(s)
}

// WriteJSON writes the status in its stable form, indented.
func (s *Status) WriteJSON(w io.Writer) error { return text.WriteJSON(w, s) }

// String is the form of WriteText.
func (s *Status) String() string { return text.Of(s.WriteText) }

// WriteText writes the status for a terminal.
func (s *Status) WriteText(w io.Writer) error {
	var b strings.Builder
	head := "running"
	switch {
	case s.Disconnected != "":
		head = "disconnected since " + clip(s.Disconnected)
	case s.Paused != "":
		head = "PAUSED: " + clipTo(s.Paused, maxReason)
	}
	fmt.Fprintf(&b, "%s: %s\n", clip(s.Source), head)
	phase := func(p string) string {
		if p == "" {
			return "the policy of the options"
		}
		return "phase " + clip(p)
	}
	fmt.Fprintf(&b, "Phase: %s\n", phase(s.Phase))
	for _, id := range sortedKeys(s.Companies) {
		fmt.Fprintf(&b, "  company #%s: %s\n", clip(id), phase(s.Companies[id]))
	}
	for side := range Side(2) {
		if s.Accounts[side] != "" {
			fmt.Fprintf(&b, "Account on the %s side: %s\n", side, clip(s.Accounts[side]))
		}
	}
	if s.MapChanged {
		b.WriteString("The next run compares everything anew\n")
	}
	for _, k := range s.Kinds {
		var parts []string
		for _, state := range []string{"live", "half", "dormant", "gone"} {
			if n := k.Links[state]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, state))
			}
		}
		links := strings.Join(parts, ", ")
		if links == "" {
			links = "no links"
		}
		fmt.Fprintf(&b, "\n%s: %s\n", k.Kind, links)
		if why := s.PausedKinds[k.Kind]; why != "" {
			fmt.Fprintf(&b, "  PAUSED: %s\n", clipTo(why, maxReason))
		}
		for side := range Side(2) {
			c := k.Cursors[side]
			fmt.Fprintf(&b, "  %s: read up to %s, everything at %s\n", side, stamp(c.Since), stamp(c.Swept))
		}
	}
	if len(s.Tasks) > 0 {
		b.WriteString("\nWaiting\n")
		for _, typ := range sortedKeys(s.Tasks) {
			fmt.Fprintf(&b, "  %d %s\n", s.Tasks[typ], typ)
		}
		if s.Answered > 0 {
			fmt.Fprintf(&b, "  %s for the next run\n", plural(s.Answered, "answer"))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
