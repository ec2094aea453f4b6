package connectwise

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/rest"
	"github.com/psasync/psasync/psa"
)

// Instance returns company@host and the release; see [psa.Instancer]. An
// answer of companyinfo is good for a minute. A company that the server does
// not know is [psa.ErrAuth].
func (p *Provider) Instance(ctx context.Context) (psa.Instance, error) {
	at, err := p.c.look(ctx, func(at place) bool { return !at.read.IsZero() && time.Since(at.read) < fresh })
	if err != nil {
		return psa.Instance{}, err
	}
	return p.c.instance(at), nil
}

// instance names the account. The name of the login screen has no case.
func (c *client) instance(at place) psa.Instance {
	return psa.Instance{
		ID:      strings.ToLower(cmp.Or(at.info.CompanyID, c.company)) + "@" + c.host,
		Name:    cmp.Or(at.info.CompanyName, c.company),
		Version: at.info.VersionCode,
	}
}

// ServerTime returns the server's clock, from the Date header of a request
// that needs no right; see [psa.ServerTimer].
func (p *Provider) ServerTime(ctx context.Context) (time.Time, error) {
	at, err := p.c.look(ctx, func(place) bool { return false })
	if err != nil {
		return time.Time{}, err
	}
	if at.clock.IsZero() {
		return time.Time{}, &psa.Error{Provider: name, Op: "server time", Code: psa.ErrData, Detail: "the answer has no date"}
	}
	return at.clock, nil
}

// Check tests the company, the keys and the right to read each kind; see
// [psa.Checker]. It asks for the id of one row of each list; where lists hang
// on a parent, on one parent. [psa.ErrAuth] is for the connection as a whole:
// its text says whether the company or the keys were refused, as far as the
// server tells. Some cloud servers answer refused keys as if no address
// existed: if that is the answer to every kind, it is ErrAuth too.
func (p *Provider) Check(ctx context.Context, kinds ...psa.Kind) (psa.CheckReport, error) {
	instance, err := p.Instance(ctx)
	if err != nil {
		return psa.CheckReport{}, err
	}
	c := checker{p: p}
	access, err := rest.Access(ctx, kinds, psa.KindBoard, 8, c.kind)
	if err != nil {
		return psa.CheckReport{}, err
	}
	lost := 0
	for _, a := range access {
		if errors.Is(a.Err, errMisrouted) {
			lost++
		}
	}
	if lost > 1 && lost == len(kinds) {
		return psa.CheckReport{}, &psa.Error{
			Provider: name, Op: "check", Code: psa.ErrAuth, Err: access[0].Err,
			Detail: "the server finds no address of the API; it answers so to refused keys, too",
		}
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
	id  string // of the row that came; "" if there is none
	err error
}

func (c *checker) kind(ctx context.Context, kind psa.Kind) error {
	f := c.p.offers[kind]
	if !f.Can.Has(psa.CanList) {
		return &psa.Error{Provider: name, Op: "check " + string(kind), Code: psa.ErrUnsupported, Detail: f.Missing[psa.CanList]}
	}
	for _, l := range c.p.lists[kind] {
		err := c.list(ctx, l)
		if err != nil && (!l.every || !errors.Is(err, psa.ErrUnsupported)) {
			return err
		}
		if err == nil && l.every {
			break // the other list of notes is for servers without this one
		}
	}
	return nil
}

// list asks one list, below one parent if it hangs on one.
func (c *checker) list(ctx context.Context, l *list) error {
	path := l.path
	if l.per {
		up := c.p.lists[l.parent][0]
		parent := c.probe(ctx, up.path, up.path, l.kind)
		if parent.err != nil || parent.id == "" {
			return parent.err // no parent: nothing to be read, or to be denied
		}
		path = strings.Replace(l.path, "{id}", url.PathEscape(parent.id), 1)
	}
	return c.probe(ctx, path, l.path, l.kind).err
}

// probe asks a list for one id. Kinds that hang on the same parent share the
// request.
func (c *checker) probe(ctx context.Context, path, endpoint string, kind psa.Kind) probe {
	return c.asked.Get(path, func() (r probe) {
		g := &pager{c: c.p.c, path: path, at: endpoint, op: "check " + string(kind), fields: "id", size: 1}
		resp, err := g.get(ctx, "")
		if err != nil {
			return probe{err: err}
		}
		for row, err := range rest.Rows(resp.Body, "") {
			if err != nil {
				r.err = err
				break
			}
			var v struct {
				ID json.Number `json:"id"`
			}
			if json.Unmarshal(row, &v) == nil && numeric(v.ID.String()) == nil {
				r.id = v.ID.String()
			}
		}
		return r
	})
}
