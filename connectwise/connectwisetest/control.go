package connectwisetest

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/psasync/psasync/internal/simulator"
)

// Control returns the page and the JSON calls below /_sim/ that steer a
// running server: clock, latency, rate limit, rights, faults, request log,
// mail, and rows that the API has no call for. fresh makes the data of a
// reset; it may be nil, then a reset keeps the data. The handler refuses
// requests from other origins and must be served on loopback only.
func (s *Server) Control(fresh func() *Tenant) http.Handler {
	return simulator.Guard(simulator.Control(&control{s: s, fresh: fresh}))
}

// control makes a Server the target of the control page.
type control struct {
	s     *Server
	fresh func() *Tenant
}

func (c *control) Name() string { return "ConnectWise PSA" }

func (c *control) Core() *simulator.Core { return c.s.core }

func (c *control) Settings() map[string]string {
	k := c.s.Credentials()
	return map[string]string{
		"company": k.Company, "publicKey": k.PublicKey, "privateKey": k.PrivateKey, "clientId": k.ClientID, "member": k.Member,
		"codebase": c.s.currentCodebase(),
	}
}

func (c *control) Set(key, value string) error {
	if value == "" {
		return errors.New("the value is empty")
	}
	k := c.s.Credentials()
	switch key {
	case "company":
		k.Company = value
	case "publicKey":
		k.PublicKey = value
	case "privateKey":
		k.PrivateKey = value
	case "clientId":
		k.ClientID = value
	case "member":
		k.Member = value
	case "codebase":
		c.s.SetCodebase(value)
	default:
		return fmt.Errorf("there is no setting %q", key)
	}
	c.s.SetCredentials(k)
	return nil
}

func (c *control) AllowAll() { c.s.AllowAll() }

func (c *control) Hide(path string, id int) error {
	if _, _, err := c.s.Tenant().list(path); err != nil {
		return err
	}
	c.s.Hide(path, id)
	return nil
}

func (c *control) Edit(path string, id int, row map[string]any) (int, error) {
	t := c.s.Tenant()
	if row != nil {
		return t.put(path, id, row)
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
