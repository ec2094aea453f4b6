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

// opens reports whether a note, the first one that the client reads, is what
// its ticket was opened with: initialDescription becomes a note in the moment
// the ticket is made. A later one is an answer to a ticket that was opened
// without a word. Where a time is missing, or may not be read, the first note
// is taken for the opening.
func (p *Provider) opens(ctx context.Context, ticket psa.Ref, row []byte, id string) (bool, error) {
	if p.opening < 0 {
		return true, nil
	}
	entered, err := p.made(ctx, p.lists[psa.KindTicket][0], psa.Ref{}, ticket.ID, "_info,id")
	if err != nil || entered.IsZero() {
		return true, err
	}
	// A row of notes has the time in it; one of allNotes names none, so that
	// the note is looked up in notes.
	plain := p.lists[psa.KindNote][1]
	written := plain.layout.Decode(row, ticket).Fields.Time("created_at")
	if written.IsZero() {
		written, err = p.made(ctx, plain, ticket, id, "dateCreated,id")
		if errors.Is(err, psa.ErrNotFound) {
			return true, nil // gone by now, or not shown one by one; the ticket is there
		}
		if err != nil || written.IsZero() {
			return true, err
		}
	}
	return written.Sub(entered) <= p.opening, nil
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
