package halopsa

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// Instance returns tenant/host and the release; see [psa.Instancer]. Neither
// needs a token. An answer is good for a minute.
func (p *Provider) Instance(ctx context.Context) (psa.Instance, error) {
	at, err := p.c.place.Get(ctx, "discover", "", fresh, p.c.discover)
	if err != nil {
		return psa.Instance{}, err
	}
	host := p.c.base.Host + strings.TrimSuffix(p.c.base.Path, "/api")
	i := psa.Instance{ID: host, Name: cmp.Or(at.tenant, host)}
	if at.tenant != "" {
		i.ID = strings.ToLower(at.tenant) + "/" + host
	}
	i.Version, err = p.version.Get(ctx, "discover", "", fresh, p.readVersion)
	return i, err
}

// readVersion asks for the release; builds without InstanceInfo have none.
func (p *Provider) readVersion(ctx context.Context) (string, error) {
	var info struct {
		Version string `json:"app_version"`
	}
	_, err := p.c.open.JSON(ctx, rest.Request{Path: "/InstanceInfo", Endpoint: "/InstanceInfo", Op: "discover"}, &info)
	switch {
	case errors.Is(err, psa.ErrNotFound), errors.Is(err, psa.ErrAuth), errors.Is(err, psa.ErrDenied), errors.Is(err, psa.ErrUnsupported):
		return "", nil
	case err != nil:
		return "", err
	}
	return clean(info.Version, 40), nil
}

// ServerTime returns the server's clock, from the Date header of a request
// that needs no right; see [psa.ServerTimer].
func (p *Provider) ServerTime(ctx context.Context) (time.Time, error) {
	at, err := p.c.place.Get(ctx, "discover", "", time.Nanosecond, p.c.discover)
	if err != nil {
		return time.Time{}, err
	}
	if at.clock.IsZero() {
		return time.Time{}, &psa.Error{Provider: name, Op: "server time", Code: psa.ErrData, Detail: "the answer has no date"}
	}
	return at.clock, nil
}

// Check tests the application's credentials and the right to read each kind;
// see [psa.Checker]. It asks for one row of each list; lists that know no such
// thing answer all. Of notes and time entries it also tests [Config.Outcomes]. [psa.ErrAuth] is for the connection as a whole.
func (p *Provider) Check(ctx context.Context, kinds ...psa.Kind) (psa.CheckReport, error) {
	instance, err := p.Instance(ctx)
	if err != nil {
		return psa.CheckReport{}, err
	}
	if _, err := p.c.where(ctx); err != nil {
		return psa.CheckReport{}, err
	}
	c := checker{p: p}
	access, err := rest.Access(ctx, kinds, psa.KindTeam, 4, c.kind)
	if err != nil {
		return psa.CheckReport{}, err
	}
	return psa.CheckReport{Instance: instance, Access: access}, nil
}

// A checker asks every list once.
type checker struct {
	p     *Provider
	asked rest.Once[probe]
}

// A probe is the answer to one request.
type probe struct {
	id  string // of a row that came; "" if there is none
	err error
}

func (c *checker) kind(ctx context.Context, kind psa.Kind) error {
	f := c.p.offers[kind]
	if !f.Can.Has(psa.CanList) {
		return &psa.Error{Provider: name, Op: "check " + string(kind), Code: psa.ErrUnsupported, Detail: f.Missing[psa.CanList]}
	}
	l := c.p.lists[kind]
	var b behind
	if l.path == "/Lookup" {
		var err error
		if b.lookup, err = c.p.lookup(ctx, kind); err != nil {
			return named(err, "check "+string(kind))
		}
	}
	q := psa.Query{}
	if l.per {
		parent := c.probe(ctx, c.p.lists[l.parent], psa.Query{}, b, kind)
		if parent.err != nil || parent.id == "" {
			return parent.err // no parent: nothing to be read, or to be denied
		}
		q.Parent = psa.Ref{Kind: l.parent, ID: parent.id}
	}
	if err := c.probe(ctx, l, q, b, kind).err; err != nil || !l.per {
		return err
	}
	return c.p.checkOutcomes(ctx, kind)
}

// checkOutcomes tests that the action types of [Config.Outcomes] exist and can
// be chosen.
func (p *Provider) checkOutcomes(ctx context.Context, kind psa.Kind) error {
	want := map[string]int{"Internal": p.outcomes.Internal, "Public": p.outcomes.Public}
	if kind == psa.KindTimeEntry {
		want = map[string]int{"Time": p.outcomes.Time}
	}
	maps.DeleteFunc(want, func(_ string, id int) bool { return id == 0 })
	if len(want) == 0 {
		return nil
	}
	for r, err := range p.List(ctx, psa.KindNoteType, psa.Query{ActiveOnly: true}) {
		if err != nil {
			return err
		}
		maps.DeleteFunc(want, func(_ string, id int) bool { return strconv.Itoa(id) == r.ID })
	}
	if len(want) == 0 {
		return nil
	}
	return &psa.Error{
		Provider: name, Op: "check " + string(kind), Code: psa.ErrInvalid,
		Detail: "no action type that can be chosen has the number of Config.Outcomes." + strings.Join(slices.Sorted(maps.Keys(want)), ", "),
	}
}

// probe asks a list for one row. Kinds of the same list share the request.
func (c *checker) probe(ctx context.Context, l *list, q psa.Query, b behind, kind psa.Kind) probe {
	g := c.p.pagers(l, q, b)[0]
	g.op = "check " + string(kind)
	g.query = maps.Clone(g.query)
	size := 0
	if l.paged {
		size = 1
	} else {
		g.query.Set("count", "1")
	}
	return c.asked.Get(g.path+"?"+g.query.Encode(), func() (r probe) {
		s, err := g.get(ctx, size, 1)
		if r.err = err; err == nil && len(s.rows) > 0 {
			_, r.id, _ = rowID(s.rows[0])
		}
		return r
	})
}
