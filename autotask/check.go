package autotask

import (
	"cmp"
	"context"
	"time"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// Instance returns the id of the database, which stays when it moves to another
// zone; see [psa.Instancer]. An answer of zoneInformation is good for a minute.
// A user that the vendor does not know is [psa.ErrAuth].
func (p *Provider) Instance(ctx context.Context) (psa.Instance, error) {
	at, err := p.zone(ctx, func(at place) bool { return time.Since(at.read) < fresh })
	if err != nil {
		return psa.Instance{}, err
	}
	return psa.Instance{ID: at.info.CI.String(), Name: at.info.ZoneName, Version: "1.0"}, nil
}

// ServerTime returns the vendor's clock, from the Date header of a request that
// needs no right; see [psa.ServerTimer].
func (p *Provider) ServerTime(ctx context.Context) (time.Time, error) {
	at, err := p.zone(ctx, func(place) bool { return false })
	if err != nil {
		return time.Time{}, err
	}
	if at.clock.IsZero() {
		return time.Time{}, &psa.Error{Provider: name, Op: "server time", Code: psa.ErrData, Detail: "the answer has no date"}
	}
	return at.clock, nil
}

// zone looks the zone up for the user of today.
func (p *Provider) zone(ctx context.Context, good func(place) bool) (place, error) {
	login, err := p.c.login(ctx)
	if err != nil {
		return place{}, &psa.Error{Provider: name, Op: "discover", Code: psa.ErrAuth, Err: err}
	}
	return p.c.look(ctx, login.UserName, func(at place) bool { return at.api != nil && at.user == login.UserName && good(at) })
}

// Check tests the login and the right to read each kind; see [psa.Checker]. It
// asks what each entity tells about itself: Autotask shows empty lists to a
// user without a right, and the values of userAccessForQuery are documented
// nowhere, so that only a plain refusal is reported. A user who is shown some
// rows and not others passes. [psa.ErrAuth] is for the connection as a whole.
func (p *Provider) Check(ctx context.Context, kinds ...psa.Kind) (psa.CheckReport, error) {
	instance, err := p.Instance(ctx)
	if err != nil {
		return psa.CheckReport{}, err
	}
	c := checker{p: p}
	access, err := rest.Access(ctx, kinds, psa.KindTicket, 8, c.kind)
	if err != nil {
		return psa.CheckReport{}, err
	}
	return psa.CheckReport{Instance: instance, Access: access}, nil
}

// A checker asks every entity once. Kinds that come from one answer share it.
type checker struct {
	p     *Provider
	asked rest.Once[error]
}

func (c *checker) kind(ctx context.Context, kind psa.Kind) error {
	f, op := c.p.offers[kind], "check "+string(kind)
	if !f.Can.Has(psa.CanList) {
		return &psa.Error{Provider: name, Op: op, Code: psa.ErrUnsupported, Detail: cmp.Or(f.Missing[psa.CanList], "Autotask has no such kind")}
	}
	l := c.p.lists[kind][0]
	if l.field != "" {
		// Picklists are shown to users who are shown no row.
		return c.asked.Get("fields of "+l.entity, func() error {
			_, err := c.p.metadata(ctx, l.entity, op, "", fresh)
			return err
		})
	}
	return c.asked.Get(l.entity, func() error { return c.p.c.allowed(ctx, l.entity, op) })
}
