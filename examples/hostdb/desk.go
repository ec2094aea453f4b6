package hostdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/psasync/psasync/psa"
)

// A Desk is the host's own code as one of its people uses it: plain writes to
// the tables, stamped with a login. It knows nothing of any sync. A Desk is
// safe for concurrent use.
type Desk struct {
	p     *Provider
	login string
}

// Desk returns the host as the user of a login sees it.
func (p *Provider) Desk(login string) *Desk { return &Desk{p, login} }

func (d *Desk) do(ctx context.Context, op string, ref psa.Ref, f func(*writer, *table) error) error {
	t := tableOf(ref.Kind)
	if t == nil {
		return d.p.fail(ctx, op, ref, &psa.Error{Code: psa.ErrUnsupported})
	}
	return d.p.fail(ctx, op, ref, d.p.write(ctx, d.login, func(w *writer) error { return f(w, t) }))
}

func (d *Desk) add(ctx context.Context, kind psa.Kind, values func(*writer) (Values, error)) (psa.Ref, error) {
	ref := psa.Ref{Kind: kind}
	err := d.do(ctx, "add", ref, func(w *writer, t *table) error {
		v, err := values(w)
		if err != nil {
			return err
		}
		id, err := w.insert(t, v)
		if ref.ID = idText(id); t.textID {
			ref.ID = fmt.Sprint(v["id"])
		}
		return err
	})
	if err != nil {
		return psa.Ref{}, err
	}
	return ref, nil
}

func (d *Desk) edit(ctx context.Context, ref psa.Ref, values func(*writer) (Values, error)) error {
	return d.do(ctx, "edit", ref, func(w *writer, t *table) error {
		id, err := t.id(ref.ID)
		if err != nil {
			return err
		}
		v, err := values(w)
		if err != nil {
			return err
		}
		n, err := w.update(t, v, t.byID(), id)
		if err == nil && n == 0 {
			err = &psa.Error{Code: psa.ErrNotFound}
		}
		return err
	})
}

// Add adds a row to the table of a kind and returns what a provider calls it.
// Names and values are those of the columns in schema.sql.
func (d *Desk) Add(ctx context.Context, kind psa.Kind, v Values) (psa.Ref, error) {
	return d.add(ctx, kind, func(*writer) (Values, error) { return v, nil })
}

// Edit changes columns of a row. A row that is not there is ErrNotFound.
func (d *Desk) Edit(ctx context.Context, ref psa.Ref, v Values) error {
	return d.edit(ctx, ref, func(*writer) (Values, error) { return v, nil })
}

// Delete hides a row and logs it. A row that others refer to is ErrConflict.
func (d *Desk) Delete(ctx context.Context, ref psa.Ref) error {
	return d.do(ctx, "delete", ref, func(w *writer, t *table) error {
		id, err := t.id(ref.ID)
		if err != nil {
			return err
		}
		return w.remove(t, id, nil)
	})
}

// Merge moves all that refers to one row to another of its kind, then deletes
// it as merged into that.
func (d *Desk) Merge(ctx context.Context, loser, winner psa.Ref) error {
	return d.do(ctx, "merge", loser, func(w *writer, t *table) error {
		from, err := t.id(loser.ID)
		if err != nil {
			return err
		}
		into, err := t.id(winner.ID)
		if err != nil {
			return err
		}
		if winner.Kind != loser.Kind || from == into {
			return &psa.Error{Code: psa.ErrInvalid, Detail: "a row is merged into another one of its kind"}
		}
		if _, err := w.one(ctx, w.tx, t, winner.ID); err != nil {
			return err
		}
		for i := range tables {
			for _, c := range tables[i].columns {
				if c.to != t.kind || c.has(shown) {
					continue
				}
				// Hidden rows move, too: the tables keep what belongs together.
				if _, err := w.update(&tables[i], Values{c.sql: into}, c.expr("t")+" = ?", from); err != nil {
					return err
				}
			}
		}
		return w.remove(t, from, into)
	})
}

// A Ticket is what the host's form for a new ticket asks for.
type Ticket struct {
	Client, Person psa.Ref // Person may be zero
	Subject        string
	Details        string
	Priority       string        // by name; "" is the default
	Estimate       time.Duration // in whole minutes
}

// AddTicket opens a ticket.
func (d *Desk) AddTicket(ctx context.Context, n Ticket) (psa.Ref, error) {
	return d.add(ctx, psa.KindTicket, func(w *writer) (_ Values, err error) {
		v := Values{"client_id": n.Client.ID, "subject": n.Subject, "channel_id": 1}
		if !n.Person.IsZero() {
			v["person_id"] = n.Person.ID
		}
		if n.Details != "" {
			v["details"] = n.Details
		}
		if n.Priority != "" {
			v["priority_id"], err = w.named("priorities", "name", n.Priority)
		}
		if n.Estimate > 0 {
			v["estimate_minutes"] = int64(n.Estimate / time.Minute)
		}
		return v, err
	})
}

// SetStatus moves a ticket to the status of a name.
func (d *Desk) SetStatus(ctx context.Context, ticket psa.Ref, name string) error {
	return d.set(ctx, ticket, "status_id", "statuses", "name", name)
}

// SetPriority gives a ticket the priority of a name.
func (d *Desk) SetPriority(ctx context.Context, ticket psa.Ref, name string) error {
	return d.set(ctx, ticket, "priority_id", "priorities", "name", name)
}

// Assign gives a ticket to the user of a login.
func (d *Desk) Assign(ctx context.Context, ticket psa.Ref, login string) error {
	return d.set(ctx, ticket, "assignee_id", "users", "login", login)
}

// set makes a column refer to the row of a name.
func (d *Desk) set(ctx context.Context, ref psa.Ref, column, table, by, name string) error {
	return d.edit(ctx, ref, func(w *writer) (Values, error) {
		id, err := w.named(table, by, name)
		return Values{column: id}, err
	})
}

// named returns the id of a row by its name.
func (w *writer) named(table, by, name string) (id int64, err error) {
	err = w.tx.QueryRowContext(w.ctx, "SELECT id FROM "+table+" WHERE "+by+" = ?", name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = &psa.Error{Code: psa.ErrInvalid, Detail: "no row of " + table + " has this " + by}
	}
	return id, err
}

// Comment writes on a ticket. What is public is mailed to the ticket's person:
// that is done here, by the host, and never by a provider, or the client would
// hear everything twice.
func (d *Desk) Comment(ctx context.Context, ticket psa.Ref, text string, public bool) (psa.Ref, error) {
	return d.add(ctx, psa.KindNote, func(w *writer) (Values, error) {
		author, err := w.named("users", "login", d.login)
		v := Values{"ticket_id": ticket.ID, "user_id": author, "body": text, "visibility": "internal"}
		if err == nil && public {
			v["visibility"] = "public"
			_, err = w.tx.ExecContext(ctx, `INSERT INTO outbox (person_id, body, queued_at)
				SELECT person_id, ?, ? FROM tickets WHERE id = ? AND person_id IS NOT NULL`, text, w.stamp, ticket.ID)
		}
		return v, err
	})
}

// LogWork books time of the desk's user on a ticket, in whole minutes.
func (d *Desk) LogWork(ctx context.Context, ticket psa.Ref, start time.Time, took time.Duration, summary string) (psa.Ref, error) {
	return d.add(ctx, psa.KindTimeEntry, func(w *writer) (Values, error) {
		user, err := w.named("users", "login", d.login)
		return Values{
			"ticket_id": ticket.ID, "user_id": user, "started_at": formatStamp(start), "minutes": int64(took / time.Minute), "summary": summary,
		}, err
	})
}

// Mails returns how many mails the host has queued.
func (d *Desk) Mails(ctx context.Context) (n int, err error) {
	err = d.p.db.QueryRowContext(ctx, `SELECT count(*) FROM outbox`).Scan(&n)
	return n, d.p.fail(ctx, "mails", psa.Ref{}, err)
}
