package connectwise

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/psasync/psasync/psa"
)

// A noteHead is what tells a note's part in its ticket.
type noteHead struct {
	ID         json.Number `json:"id"`
	Text       string      `json:"text"`
	Issue      bool        `json:"issueFlag"`
	Discussion bool        `json:"detailDescriptionFlag"`
}

// getTicket reads a ticket and the note it was opened with. The ticket's row is
// the last that is asked for: who writes to it next decides by what it holds.
func (p *Provider) getTicket(ctx context.Context, ref psa.Ref) (psa.Record, error) {
	t, written, threadErr := p.openingOf(ctx, ref)
	rec, err := p.one(ctx, p.lists[psa.KindTicket][0], psa.Ref{}, ref.ID, "")
	if err != nil {
		return psa.Record{}, err
	}
	p.remember(rec)
	if threadErr == nil {
		t.settle(rec.Fields.Time("created_at"), written, p.opening)
	}
	return described(rec, t, threadErr)
}

// withDescription adds to a ticket what it was opened with.
func (p *Provider) withDescription(ctx context.Context, rec psa.Record) (psa.Record, error) {
	p.remember(rec)
	t, err := p.thread(ctx, rec.Ref)
	return described(rec, t, err)
}

// described puts the description into a ticket. Without the right to read notes
// it is not known.
func described(rec psa.Record, t *thread, err error) (psa.Record, error) {
	switch {
	case errors.Is(err, psa.ErrDenied):
	case err != nil:
		return psa.Record{}, err
	case t.opening == "":
		rec.Fields["description"] = nil
	default:
		rec.Fields["description"] = textOrNone(t.description)
	}
	return rec, nil
}

// thread reads the notes of a ticket, and which of them it was opened with.
func (p *Provider) thread(ctx context.Context, ticket psa.Ref) (*thread, error) {
	t, err := p.candidates(ctx, ticket)
	if err != nil || t.first == nil || p.opening < 0 {
		return t, err
	}
	entered, err := p.made(ctx, p.lists[psa.KindTicket][0], psa.Ref{}, ticket.ID, "_info,id")
	if err != nil || entered.IsZero() {
		return t, err
	}
	written, err := p.written(ctx, ticket, t)
	t.settle(entered, written, p.opening)
	return t, err
}

// openingOf reads all that thread does but when the ticket was made.
func (p *Provider) openingOf(ctx context.Context, ticket psa.Ref) (t *thread, written time.Time, err error) {
	t, err = p.candidates(ctx, ticket)
	if err == nil && t.first != nil && p.opening >= 0 {
		written, err = p.written(ctx, ticket, t)
	}
	return t, written, err
}

// settle keeps the first note that the client reads as the description only if
// it is what the ticket was opened with: initialDescription becomes a note in
// the moment the ticket is made. A later one is an answer to a ticket that was
// opened without a word. Where a time is missing, or may not be read, the first
// note is taken for the opening; so it is whenever within is below 0.
func (t *thread) settle(entered, written time.Time, within time.Duration) {
	if within >= 0 && !entered.IsZero() && !written.IsZero() && written.Sub(entered) > within {
		t.opening, t.description = "", ""
	}
}

// written returns when the first note was written, zero if nobody tells. A row
// of notes has the time in it; one of allNotes names none, so that the note is
// looked up in notes.
func (p *Provider) written(ctx context.Context, ticket psa.Ref, t *thread) (time.Time, error) {
	plain := p.lists[psa.KindNote][1]
	if at := plain.layout.Decode(t.first, ticket).Fields.Time("created_at"); !at.IsZero() {
		return at, nil
	}
	at, err := p.made(ctx, plain, ticket, t.opening, "dateCreated,id")
	if errors.Is(err, psa.ErrNotFound) {
		return time.Time{}, nil // gone by now, or not shown one by one; the ticket is there
	}
	return at, err
}

// made returns when a row was made, asking the server once. It is zero if the
// row does not say so, or may not be read.
func (p *Provider) made(ctx context.Context, l *list, parent psa.Ref, id, fields string) (time.Time, error) {
	ref := psa.Ref{Kind: l.kind, ID: id}
	if l.per {
		ref.ID = parent.ID + "/" + id
	}
	if at, ok := p.births.of(ref); ok {
		return at, nil
	}
	body, err := p.raw(ctx, l, parent, id, fields, ref)
	if errors.Is(err, psa.ErrDenied) || errors.Is(err, psa.ErrUnsupported) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	rec := p.decoder(l)(body, parent)
	if rec.Err != nil {
		return time.Time{}, nil // what is wrong with the row is said where it is read
	}
	if rec.Ref != ref {
		return time.Time{}, &psa.Error{Provider: name, Op: "get " + string(l.kind), Ref: ref, Code: psa.ErrData, Detail: "another row was answered"}
	}
	at := rec.Fields.Time("created_at")
	p.births.put(ref, at)
	return at, nil
}

// remember keeps what a row says of when it was made.
func (p *Provider) remember(r psa.Record) {
	if at := r.Fields.Time("created_at"); !at.IsZero() {
		p.births.put(r.Ref, at)
	}
}

// births remembers when rows were made, which never changes, of the rows used
// last. The zero value is empty; it is safe for concurrent use.
type births struct {
	mu       sync.Mutex
	now, old map[psa.Ref]time.Time
}

// birthsKept is how many rows half of births holds, at some 100 bytes each.
const birthsKept = 10_000

func (b *births) of(ref psa.Ref) (at time.Time, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at, ok = b.now[ref]; ok {
		return at, true
	}
	if at, ok = b.old[ref]; ok {
		b.add(ref, at)
	}
	return at, ok
}

func (b *births) put(ref psa.Ref, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(ref, at)
}

func (b *births) add(ref psa.Ref, at time.Time) {
	if b.now == nil || len(b.now) >= birthsKept {
		b.now, b.old = map[psa.Ref]time.Time{}, b.now
	}
	b.now[ref] = at
}
