package bridge

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/internal/text"
	"github.com/psasync/psasync/psa"
)

// A DisconnectReport says how a connection was left.
type DisconnectReport struct {
	Source string    `json:"source"`
	At     time.Time `json:"at"`
	Last   *Report   `json:"last,omitempty"`  // of the last run; nil if there was none
	Error  string    `json:"error,omitempty"` // that it ended with
	Left   *Status   `json:"left"`            // links, and what waits and will not be done any more
}

// Disconnect ends a connection: one last run, then it is paused for good.
// Nothing is deleted in either system and nothing in the state, so that
// [Bridge.WriteLinks] still works; the bridge has registered nothing in either
// system that would have to be removed.
//
// A connection that is paused is disconnected without a last run. If the last
// run fails, the connection is disconnected all the same, and the report says
// why. The error is what the state or the context failed with; then the
// connection is as it was.
func (b *Bridge) Disconnect(ctx context.Context) (*DisconnectReport, error) {
	rep := &DisconnectReport{Source: b.opts.Source}
	last, err := b.Once(ctx)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("bridge: %w", ctx.Err())
	}
	if !errors.Is(err, ErrPaused) {
		rep.Last = last
	}
	if err != nil {
		rep.Error = err.Error()
	}
	rep.At = b.opts.Now().UTC()
	if err := b.save(ctx, cache.StateBatch{
		Settings: map[string]string{setPause: "disconnected", setDisconnected: psa.FormatTime(rep.At)},
		Audits:   []cache.Audit{{Op: opState, Actor: host, Reason: "disconnected"}},
	}); err != nil {
		return nil, err
	}
	if rep.Left, err = b.Status(ctx); err != nil {
		return nil, err
	}
	return rep, nil
}

// WriteJSON writes the report in its stable form, indented.
func (d *DisconnectReport) WriteJSON(w io.Writer) error { return text.WriteJSON(w, d) }

// String is the form of WriteText.
func (d *DisconnectReport) String() string { return text.Of(d.WriteText) }

// WriteText writes the report for a terminal.
func (d *DisconnectReport) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s was disconnected at %s\n", clip(d.Source), stamp(d.At))
	switch {
	case d.Error != "":
		fmt.Fprintf(&b, "The last run ended early: %s\n", clipTo(d.Error, maxReason))
	case d.Last != nil:
		fmt.Fprintf(&b, "The last run: %s\n", d.Last.headline())
	}
	if d.Left != nil {
		b.WriteString("\n" + d.Left.String())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// linkColumns is the first line of exported links.
var linkColumns = []string{"left_id", "right_id", "kind", "since", "state"}

// WriteLinks writes the pairs of records as CSV, in the order of their keys:
// left id, right id, kind, since when, and the state (live, dormant or gone). An
// id that a spreadsheet would take for a formula has an apostrophe before it,
// which [Bridge.ReadLinks] takes away. A record whose counterpart was never
// created is left out.
func (b *Bridge) WriteLinks(ctx context.Context, w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(linkColumns); err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	for l, err := range b.state.Links(ctx, b.opts.Source, cache.LinkQuery{}) {
		if err != nil {
			return fmt.Errorf("bridge: %w", err)
		}
		if l.IDs[Left] == "" || l.IDs[Right] == "" {
			continue
		}
		row := []string{guard(l.IDs[Left]), guard(l.IDs[Right]), string(l.Kind), psa.FormatTime(l.Since), stateName(l.State)}
		if err := out.Write(row); err != nil {
			return fmt.Errorf("bridge: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	return nil
}

// formulas are what a spreadsheet acts on, and the apostrophe that keeps it from
// doing so.
const formulas = "=+-@\t\r\n'"

func guard(s string) string {
	if s != "" && strings.ContainsRune(formulas, rune(s[0])) {
		return "'" + s
	}
	return s
}

// maxLinkErrors bounds the lines that ReadLinks complains about.
const maxLinkErrors = 20

// ReadLinks takes over links in the form of [Bridge.WriteLinks], all or none,
// and returns how many are new. The next run compares their records and brings
// them together as on a first run.
//
// Links that are there already are left as they are. Lines that cannot be read,
// name a kind that is not synchronised, or give a record another counterpart
// than it has are psa.ErrInvalid, and the error names the first of them.
func (b *Bridge) ReadLinks(ctx context.Context, r io.Reader) (n int, err error) {
	links, err := b.parseLinks(r)
	if err != nil {
		return 0, err
	}
	var batch cache.StateBatch
	var wrong []error
	complain := func(line int, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("line %d: %s", line, fmt.Sprintf(format, args...)))
	}
	for i := range links {
		in := &links[i]
		known, err := b.knownLink(ctx, in, complain)
		if err != nil {
			return 0, fmt.Errorf("bridge: %w", err)
		}
		if !known {
			batch.Links = append(batch.Links, in.Link)
		}
		if len(wrong) >= maxLinkErrors {
			break
		}
	}
	if len(wrong) > 0 {
		return 0, fmt.Errorf("bridge: links: %w: %w", psa.ErrInvalid, errors.Join(wrong...))
	}
	if len(batch.Links) == 0 {
		return 0, nil
	}
	last, err := lastAudit(ctx, b.state, b.opts.Source)
	if err != nil {
		return 0, fmt.Errorf("bridge: %w", err)
	}
	batch.Settings = map[string]string{setAnew: fmt.Sprintf("+%d", last+1)}
	batch.Audits = []cache.Audit{{Op: opLink, Actor: host, Reason: plural(len(batch.Links), "link") + " read from a file"}}
	if err := b.save(ctx, batch); err != nil {
		return 0, err
	}
	return len(batch.Links), nil
}

// knownLink reports whether a link is there, and complains if it contradicts
// one that is.
func (b *Bridge) knownLink(ctx context.Context, in *lineLink, complain func(int, string, ...any)) (bool, error) {
	for s := range Side(2) {
		l, ok, err := b.state.LinkOf(ctx, b.opts.Source, s, psa.Ref{Kind: in.Kind, ID: in.IDs[s]})
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		if l.IDs != in.IDs {
			complain(in.line, "%s %s of the %s side is linked with %s already, not with %s", in.Kind, clip(in.IDs[s]), s,
				clip(orNothing(l.IDs[s.Other()])), clip(in.IDs[s.Other()]))
		}
		return true, nil
	}
	for _, s := range []Side{Left, Right} { // a key may be taken by a link that was moved
		in.Key = keyOf(s, psa.Ref{Kind: in.Kind, ID: in.IDs[s]})
		_, taken, err := b.state.Link(ctx, b.opts.Source, in.Key)
		if err != nil {
			return false, err
		}
		if !taken {
			if in.Kind == psa.KindCompany {
				in.Company = in.Key
			}
			return false, nil
		}
	}
	complain(in.line, "the state holds other links of both records")
	return false, nil
}

func orNothing(id string) string {
	if id == "" {
		return "(nothing yet)"
	}
	return id
}

// lineLink is a link with the line that it stands on.
type lineLink struct {
	cache.Link
	line int
}

// parseLinks reads what WriteLinks writes.
func (b *Bridge) parseLinks(r io.Reader) ([]lineLink, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = -1
	var out []lineLink
	var wrong []error
	type record struct {
		side Side
		ref  psa.Ref
	}
	seen := map[record]int{}
	for n := 0; len(wrong) < maxLinkErrors; n++ {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			if n == 0 {
				return nil, invalid("links: the file is empty")
			}
			break
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			wrong = append(wrong, fmt.Errorf("line %d: %w", bad.Line, bad.Err))
			break // what follows may be the inside of a quoted cell
		}
		if err != nil {
			return nil, fmt.Errorf("bridge: links: %w", err)
		}
		line, _ := in.FieldPos(0)
		if n == 0 {
			row[0] = strings.TrimPrefix(row[0], "\ufeff") // spreadsheets write it
			if !slices.Equal(row, linkColumns) {
				return nil, invalid("links: line %d: the first line is %s", line, strings.Join(linkColumns, ","))
			}
			continue
		}
		l, err := b.parseLink(row)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("line %d: %w", line, err))
			continue
		}
		for s := range Side(2) {
			rec := record{s, psa.Ref{Kind: l.Kind, ID: l.IDs[s]}}
			if first, twice := seen[rec]; twice {
				wrong = append(wrong, fmt.Errorf("line %d: %s %s of the %s side stands on line %d, too", line, l.Kind, clip(l.IDs[s]), s, first))
				break
			}
			seen[rec] = line
		}
		out = append(out, lineLink{l, line})
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("bridge: links: %w: %w", psa.ErrInvalid, errors.Join(wrong...))
	}
	return out, nil
}

func (b *Bridge) parseLink(row []string) (cache.Link, error) {
	if len(row) != len(linkColumns) {
		return cache.Link{}, fmt.Errorf("%d columns, not %d", len(row), len(linkColumns))
	}
	l := cache.Link{Kind: psa.Kind(row[2]), IDs: [2]string{strings.TrimPrefix(row[0], "'"), strings.TrimPrefix(row[1], "'")}}
	switch {
	case l.IDs[Left] == "" || l.IDs[Right] == "":
		return l, errors.New("an id is missing")
	case !utf8.ValidString(row[0]) || !utf8.ValidString(row[1]):
		return l, errors.New("an id is not UTF-8; export the file as UTF-8")
	case !slices.Contains(b.kinds, l.Kind):
		return l, fmt.Errorf("kind %q is not synchronised; it is one of %s", clip(row[2]), join(b.kinds))
	}
	since, err := time.Parse(time.RFC3339Nano, row[3])
	if err != nil {
		return l, fmt.Errorf("since %q is no time such as 2026-03-02T08:00:00Z", clip(row[3]))
	}
	if l.Since = since.UTC(); l.Since.Year() < 1 || l.Since.Year() > 9999 {
		return l, fmt.Errorf("since %q is no year of four digits in UTC", clip(row[3]))
	}
	switch row[4] {
	case "live":
	case string(cache.LinkDormant), string(cache.LinkGone):
		l.State, l.Reason = cache.LinkState(row[4]), "read from a file"
	default:
		return l, fmt.Errorf("state %q; it is live, dormant or gone", clip(row[4]))
	}
	return l, nil
}
