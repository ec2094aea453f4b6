package bridge

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/internal/text"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// readinessWindow is how far back the hours of unmatched technicians are
// counted.
const readinessWindow = 90 * 24 * time.Hour

// A ReadinessReport says what stands in the way of the next phase of a
// migration. It holds names of companies and technicians and no other values.
type ReadinessReport struct {
	Source      string             `json:"source"`
	Ready       bool               `json:"ready"`              // nothing stands in the way
	Blockers    []string           `json:"blockers,omitempty"` // what does, for people
	Companies   []CompanyReadiness `json:"companies"`
	Technicians []Technician       `json:"technicians,omitempty"`
	Findings    []psa.Finding      `json:"findings,omitempty"` // errors of the field map
}

// CompanyReadiness counts what is open about the records of one company.
type CompanyReadiness struct {
	ID      string         `json:"id"` // on the side of the PSA; "" for records that belong to no linked company
	Name    string         `json:"name,omitempty"`
	Phase   string         `json:"phase"`
	Links   int            `json:"links"` // that take part
	Dormant int            `json:"dormant,omitempty"`
	Pending int            `json:"pending,omitempty"` // writes that were begun and not confirmed
	Tasks   map[string]int `json:"tasks,omitempty"`   // that wait, by type
}

// A Technician is a member of one side whom the field map finds nobody for on
// the other side.
type Technician struct {
	Side    Side    `json:"side"`
	ID      string  `json:"id"`
	Name    string  `json:"name,omitempty"`
	Entries int     `json:"entries"`           // time entries of the last 90 days
	Hours   float64 `json:"hours"`             // worked, of these
	Instead string  `json:"instead,omitempty"` // who stands in for them; "" if the entries are held or lose their author
}

// Readiness says what stands in the way of the next phase, for companies that
// are named by their ids on the side of the PSA, or for all. It reads the state,
// the field map, and the time entries of the last 90 days on both sides; it
// writes nothing.
//
// A company without a link is psa.ErrNotFound. Other errors are those of a
// provider, of the state or of the context.
func (b *Bridge) Readiness(ctx context.Context, companies ...string) (*ReadinessReport, error) {
	if err := b.refresh(ctx); err != nil {
		return nil, err
	}
	keys, err := b.companyKeys(ctx, companies)
	if err != nil {
		return nil, err
	}
	rep, err := b.readiness(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("bridge: %w", err)
	}
	return rep, nil
}

func (b *Bridge) readiness(ctx context.Context, keys []string) (*ReadinessReport, error) {
	rep := &ReadinessReport{Source: b.opts.Source, Findings: b.findings(psa.Failure)}
	st, err := b.status(ctx)
	if err != nil {
		return nil, err
	}
	if st.Paused != "" {
		rep.block("the connection is paused: %s", st.Paused)
	}
	for _, k := range st.Kinds {
		if why := st.PausedKinds[k.Kind]; why != "" {
			rep.block("the kind %s is paused: %s", k.Kind, why)
		}
		for s := range Side(2) {
			if k.Cursors[s].Swept.IsZero() && b.sides[s].offers.Can(k.Kind, psa.CanList) {
				rep.block("%s was never read completely on the %s side", k.Kind, s)
			}
		}
	}
	if err := b.companyReadiness(ctx, rep, keys); err != nil {
		return nil, err
	}
	for s := range Side(2) {
		if err := b.technicians(ctx, rep, s, keys); err != nil {
			return nil, err
		}
	}
	for _, t := range rep.Technicians {
		if t.Entries > 0 {
			rep.block("%s of the %s side has no counterpart: %.2f hours in 90 days", formatRef(t.ID, t.Name), t.Side, t.Hours)
		}
	}
	if n := len(rep.Findings); n > 0 {
		rep.block("the field map has %s", plural(n, "error"))
	}
	rep.Ready = len(rep.Blockers) == 0
	return rep, nil
}

func (rep *ReadinessReport) block(format string, args ...any) {
	rep.Blockers = append(rep.Blockers, fmt.Sprintf(format, args...))
}

// companyReadiness goes through links and tasks once.
func (b *Bridge) companyReadiness(ctx context.Context, rep *ReadinessReport, keys []string) error {
	at := map[string]*CompanyReadiness{}
	of := func(key string) *CompanyReadiness {
		if len(keys) > 0 && !slices.Contains(keys, key) {
			return nil
		}
		if at[key] == nil {
			at[key] = &CompanyReadiness{Tasks: map[string]int{}}
		}
		return at[key]
	}
	for _, key := range keys {
		of(key)
	}
	for l, err := range b.state.Links(ctx, b.opts.Source, cache.LinkQuery{}) {
		if err != nil {
			return err
		}
		c := of(l.Company)
		if c == nil {
			continue
		}
		switch l.State {
		case cache.LinkDormant:
			c.Dormant++
		case cache.LinkLive, cache.LinkHalf:
			c.Links++
		}
		if l.Pending != nil {
			c.Pending++
		}
	}
	for t, err := range b.state.Tasks(ctx, b.opts.Source, cache.TaskQuery{Types: personal}) {
		if err != nil {
			return err
		}
		l, _, err := b.state.Link(ctx, b.opts.Source, t.Link)
		if err != nil {
			return err
		}
		if c := of(l.Company); c != nil {
			c.Tasks[t.Type]++
		}
	}
	for key, c := range at {
		if err := b.nameCompany(ctx, key, c); err != nil {
			return err
		}
		rep.Companies = append(rep.Companies, *c)
	}
	slices.SortFunc(rep.Companies, func(a, b CompanyReadiness) int {
		if len(a.ID) != len(b.ID) { // ids are numbers, mostly
			return len(a.ID) - len(b.ID)
		}
		return strings.Compare(a.ID, b.ID)
	})
	for i := range rep.Companies {
		c := &rep.Companies[i]
		who := "company " + formatRef(c.ID, c.Name)
		if c.ID == "" {
			who = "records without a linked company"
		}
		for _, typ := range sortedKeys(c.Tasks) {
			rep.block("%s: %d open of type %s", who, c.Tasks[typ], typ)
		}
		if c.Dormant > 0 {
			rep.block("%s: %s out of scope", who, plural(c.Dormant, "link"))
		}
		if c.Pending > 0 {
			rep.block("%s: %s not confirmed yet", who, plural(c.Pending, "write"))
		}
	}
	return nil
}

func (b *Bridge) nameCompany(ctx context.Context, key string, c *CompanyReadiness) error {
	if key == "" {
		return nil
	}
	l, ok, err := b.state.Link(ctx, b.opts.Source, key)
	if err != nil || !ok {
		return err
	}
	c.ID = l.IDs[b.opts.PSA]
	c.Name = l.Base[b.opts.PSA].String("name")
	if c.Phase, err = b.state.Setting(ctx, b.opts.Source, setPhaseOf+key); err == nil && c.Phase == "" {
		c.Phase, err = b.state.Setting(ctx, b.opts.Source, setPhase)
	}
	return err
}

// technicians counts the hours of members of a side who have no counterpart.
func (b *Bridge) technicians(ctx context.Context, rep *ReadinessReport, s Side, keys []string) error {
	c := b.current()
	f := b.sides[s].offers[psa.KindTimeEntry]
	if c.kinds[psa.KindTimeEntry] == nil || !f.Can.Has(psa.CanList) {
		return nil
	}
	rules := map[string]path{} // the fields that name members, by rule
	for _, r := range c.mapper.Rules(psa.KindTimeEntry) {
		field := r.Left
		if s == Right {
			field = r.Right
		}
		if field != "" {
			rules[r.Where] = newPath(field)
		}
	}
	since := b.opts.Now().Add(-readinessWindow)
	if now, err := psa.ServerTime(ctx, b.sides[s].Provider); err == nil {
		since = now.Add(-readinessWindow)
	}
	var q psa.Query
	if f.Can.Has(psa.CanSince) {
		q.Since = since
	}
	at := map[string]int{}
	for rec, err := range b.sides[s].List(ctx, psa.KindTimeEntry, q) {
		if err != nil {
			return err
		}
		if rec.Err != nil || rec.Fields.Time("start_at").Before(since) {
			continue
		}
		if len(keys) > 0 {
			ticket := rec.Fields.Ref("ticket").ID
			if ticket == "" {
				ticket = rec.Parent.ID
			}
			l, _, err := b.state.LinkOf(ctx, b.opts.Source, s, psa.Ref{Kind: psa.KindTicket, ID: ticket})
			if err != nil {
				return err
			}
			if !slices.Contains(keys, l.Company) {
				continue
			}
		}
		_, issues := c.mapper.To(mapSide(s.Other()), rec, &mapping.Env{Present: psa.Fields{}})
		for _, is := range issues {
			if is.Code != mapping.CodeMember {
				continue
			}
			v, _ := rules[is.Where].get(rec.Fields).Get()
			who := psa.Reference{Name: "?"}
			switch v := v.(type) {
			case psa.Fields:
				who = psa.Reference{ID: v.String("id"), Name: v.String("name")}
			case string:
				who = psa.Reference{ID: v}
			}
			i, ok := at[who.ID]
			if !ok {
				i = len(rep.Technicians)
				at[who.ID] = i
				rep.Technicians = append(rep.Technicians, Technician{Side: s, ID: who.ID, Name: who.Name, Instead: is.Instead})
			}
			hours, _ := rec.Fields.Float("hours")
			rep.Technicians[i].Entries++
			rep.Technicians[i].Hours += hours
			break
		}
	}
	return nil
}

// WriteJSON writes the report in its stable form, indented.
func (rep *ReadinessReport) WriteJSON(w io.Writer) error { return text.WriteJSON(w, rep) }

// String is the form of WriteText.
func (rep *ReadinessReport) String() string { return text.Of(rep.WriteText) }

// WriteText writes the report for a terminal.
func (rep *ReadinessReport) WriteText(w io.Writer) error {
	var b strings.Builder
	head := "ready for the next phase"
	if !rep.Ready {
		head = "not ready: " + plural(len(rep.Blockers), "reason")
	}
	fmt.Fprintf(&b, "%s: %s\n", clip(rep.Source), head)
	bullets(&b, "In the way", rep.Blockers)
	if len(rep.Companies) > 0 {
		b.WriteString("\nCompanies\n")
	}
	for i := range rep.Companies {
		c := &rep.Companies[i]
		who := formatRef(c.ID, c.Name)
		if c.ID == "" {
			who = "none"
		}
		phase := clip(c.Phase)
		if phase == "" {
			phase = "of the options"
		}
		fmt.Fprintf(&b, "  %s: phase %s, %s\n", who, phase, plural(c.Links, "link"))
	}
	if len(rep.Technicians) > 0 {
		b.WriteString("\nTechnicians without a counterpart\n")
	}
	for _, t := range rep.Technicians {
		then := "nobody stands in"
		if t.Instead != "" {
			then = clip(t.Instead) + " stands in"
		}
		fmt.Fprintf(&b, "  %s %s: %.2f hours in %s; %s\n", t.Side, formatRef(t.ID, t.Name), t.Hours, plural(t.Entries, "time entry"), then)
	}
	var findings []string
	for _, f := range rep.Findings {
		findings = append(findings, f.Where+" "+f.Code+": "+f.Message)
	}
	bullets(&b, "Errors of the field map", findings)
	_, err := io.WriteString(w, b.String())
	return err
}
