package autotasktest

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/psasync/psasync/internal/simulator"
)

// Control returns the page and the JSON calls below /_sim/ that steer a
// running server: clock, latency, rate limit, rights, faults, request log,
// mail, and rows and picklists that the API has no call for. A picklist is
// edited as rows of the path /_picklists/Tickets/queueID with the keys value,
// label, default, order, parent, inactive. fresh makes the data of a reset; it
// may be nil, then a reset keeps the data. The handler refuses requests from
// other origins and must be served on loopback only.
func (s *Server) Control(fresh func() *Tenant) http.Handler {
	return simulator.Guard(simulator.Control(&control{s: s, fresh: fresh}))
}

// control makes a Server the target of the control page.
type control struct {
	s     *Server
	fresh func() *Tenant
}

func (c *control) Name() string { return "Autotask PSA" }

func (c *control) Core() *simulator.Core { return c.s.core }

func (c *control) Settings() map[string]string {
	k := c.s.Credentials()
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return map[string]string{
		"integrationCode": k.IntegrationCode, "userName": k.UserName, "secret": k.Secret, "resourceID": strconv.Itoa(k.ResourceID), "instance": strconv.Itoa(c.s.instance),
	}
}

func (c *control) Set(key, value string) error {
	if value == "" {
		return errors.New("the value is empty")
	}
	k := c.s.Credentials()
	number := func(into *int) error {
		n, err := strconv.Atoi(value)
		if err == nil {
			*into = n
		}
		return err
	}
	var err error
	switch key {
	case "integrationCode":
		k.IntegrationCode = value
	case "userName":
		k.UserName = value
	case "secret":
		k.Secret = value
	case "resourceID":
		err = number(&k.ResourceID)
	case "instance":
		var ci int
		if err = number(&ci); err == nil {
			c.s.SetInstance(ci)
		}
	default:
		return fmt.Errorf("there is no setting %q", key)
	}
	if err != nil {
		return err
	}
	c.s.SetCredentials(k)
	return nil
}

func (c *control) AllowAll() { c.s.AllowAll() }

func (c *control) Hide(path string, id int) error { return c.s.hide(path, id) }

func (c *control) Edit(path string, id int, row map[string]any) (int, error) {
	t := c.s.Tenant()
	if collection, name, ok := picklistPath(path); ok {
		return t.editPicklist(collection, name, id, row)
	}
	switch {
	case row != nil && id == 0:
		return t.add(path, row)
	case row != nil:
		return id, t.update(path, id, row)
	}
	ok, err := t.remove(path, id)
	if err == nil && !ok {
		err = fmt.Errorf("there is no row %d in %s", id, path)
	}
	return id, err
}

func (c *control) Reset() {
	if c.fresh != nil {
		c.s.SetTenant(c.fresh())
	}
	c.s.AllowAll()
	c.s.ClearCounters()
	c.s.core.Clock.Advance(-c.s.core.Clock.Offset())
	c.s.SetLatency(c.s.opts.Latency)
	c.s.Limit(c.s.opts.Limit)
}
