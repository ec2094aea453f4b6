package autotasktest

import (
	"net/http"
	"strconv"

	"github.com/psasync/psasync/internal/simulator"
)

// result is what every write answers.
type result struct {
	ItemID int `json:"itemId"`
}

// noRight refuses a write of an API user without the right for it.
func noRight(action string, e *entity) *apiError {
	return failf("The logged in Resource does not have the adequate permissions to %s this entity type: %s.", action, e.name)
}

func noMatch(action string) *apiError {
	return failf("No matching records found. The logged in Resource may not have the required permissions to %s the data.", action)
}

// create answers POST: only the id, so that computed fields must be read again.
func (c *call) create(e *entity, parent int) *apiError {
	body, err := c.object()
	if err != nil {
		return err
	}
	if c.empty {
		return noRight("create", e)
	}
	if err := idOf(body, false); err != nil {
		return err
	}
	id := 0
	if err := c.impersonate(e); err != nil {
		return err
	}
	err = c.change(func(tx *simulator.Tx) *apiError {
		w := c.begin(tx, e, 0, nil)
		if parent >= 0 {
			if body[e.child.key] != nil && body[e.child.key] != parent {
				return failf("The value of %s does not fit the parent in the URL.", e.child.key)
			}
			body[e.child.key] = parent
		}
		w.take(body)
		if err := w.commit(); err != nil {
			return err
		}
		id = w.id
		return nil
	})
	return c.answer(id, err)
}

// update answers PATCH, which changes what is sent, and PUT, which clears every
// writable field that is not sent.
func (c *call) update(e *entity, parent int) *apiError {
	body, err := c.object()
	if err != nil {
		return err
	}
	if c.empty {
		return noRight("update", e)
	}
	if err := idOf(body, true); err != nil {
		return err
	}
	if err := c.impersonate(e); err != nil {
		return err
	}
	v, _ := member(body, "id")
	id, _ := v.(int)
	err = c.change(func(tx *simulator.Tx) *apiError {
		old, ok := tx.Table(e.path).Get(id)
		if !ok || c.hidden(e, old) || parent >= 0 && old.Field(e.child.key) != parent {
			return noMatch("update")
		}
		w := c.begin(tx, e, id, old.Fields())
		if c.r.Method == http.MethodPut {
			w.clear(body)
		}
		w.take(body)
		return w.commit()
	})
	return c.answer(id, err)
}

func (c *call) answer(id int, err *apiError) *apiError {
	if err == nil {
		writeJSON(c.w, http.StatusOK, result{id})
	}
	return err
}

// idOf checks the id in a body: a number, needed for a change.
func idOf(body Row, needed bool) *apiError {
	v, ok := member(body, "id")
	if _, isInt := v.(int); ok && v != nil && !isInt {
		return failf("Error converting value %v to type 'System.Int64'. Path 'id'.", v)
	}
	if needed && v == nil {
		return failf("Missing Required Field: id")
	}
	return nil
}

// change runs a write under the store's lock.
func (c *call) change(f func(*simulator.Tx) *apiError) *apiError {
	var err *apiError
	// The closure reports through err: Change itself never fails.
	_ = c.t.store.Change(func(tx *simulator.Tx) error {
		err = f(tx)
		return nil
	})
	return err
}

// remove answers DELETE.
func (c *call) remove(e *entity, parent, id int) *apiError {
	if c.empty {
		return noRight("delete", e)
	}
	err := c.change(func(tx *simulator.Tx) *apiError {
		row, ok := tx.Table(e.path).Get(id)
		if !ok || c.hidden(e, row) || parent >= 0 && row.Field(e.child.key) != parent {
			return noMatch("delete")
		}
		if err := c.removable(tx, e, row); err != nil {
			return err
		}
		c.t.delete(tx, e, row, c.author())
		return nil
	})
	return c.answer(id, err)
}

// impersonate takes the header that lets the API user write as a resource.
// Only some entities support it; others ignore it, and so does reading.
func (c *call) impersonate(e *entity) *apiError {
	header := c.r.Header.Get("Impersonationresourceid")
	if header == "" || !e.imp {
		return nil
	}
	id, err := strconv.Atoi(header)
	if err != nil {
		return failf("The ImpersonationResourceId header is not valid.")
	}
	ok := false
	c.t.store.View(func(tx *simulator.Tx) {
		r, found := tx.Table("Resources").Get(id)
		ok = found && r.Field("isActive") != false && r.Field("licenseType") != licenseAPI
	})
	if !ok || c.s.opts.NoImpersonation {
		return failf("The resource %d cannot be impersonated.", id)
	}
	c.as = id
	return nil
}

// licenseAPI is the licenseType of API-only users.
const licenseAPI = 7

// author is the resource that a write is by.
func (c *call) author() int {
	if c.as != 0 {
		return c.as
	}
	return c.s.Credentials().ResourceID
}
