package sqlite

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// linkData is what of a cache.Link has no column.
type linkData struct {
	Reason  string         `json:"reason,omitempty"`
	Since   time.Time      `json:"since,omitzero"`
	Base    [2]psa.Fields  `json:"base,omitzero"`
	Parked  []cache.Parked `json:"parked,omitempty"`
	Pending *cache.Pending `json:"pending,omitempty"`
	Wrote   [2]time.Time   `json:"wrote,omitzero"`
	Child   [2]time.Time   `json:"child,omitzero"`
	Gone    [2]cache.Fate  `json:"gone,omitzero"`
}

func encodeLink(link *cache.Link) (string, error) {
	l := link.Normal()
	return encode(linkData{l.Reason, l.Since, l.Base, l.Parked, l.Pending, l.Wrote, l.Child, l.Gone})
}

// linkColumns are what scanLink reads.
const linkColumns = `key, rev, kind, left_id, right_id, state, company, parent, pending, data`

type scanner interface{ Scan(to ...any) error }

func scanLink(row scanner) (cache.Link, error) {
	var (
		l       cache.Link
		pending bool
		raw     []byte
		data    linkData
	)
	if err := row.Scan(&l.Key, &l.Rev, &l.Kind, &l.IDs[0], &l.IDs[1], &l.State, &l.Company, &l.Parent, &pending, &raw); err != nil {
		return l, err
	}
	if err := decode("link", l.Key, raw, &data); err != nil {
		return l, err
	}
	l.Reason, l.Since, l.Base, l.Parked, l.Pending = data.Reason, data.Since, data.Base, data.Parked, data.Pending
	l.Wrote, l.Child, l.Gone = data.Wrote, data.Child, data.Gone
	if l.Key == "" || l.Kind == "" || l.Rev <= 0 || pending != (l.Pending != nil) {
		return l, fmt.Errorf("link %q: its columns do not agree: %w", l.Key, cache.ErrCorrupt)
	}
	return l, nil
}

// taskData is what of a cache.Task has no column.
type taskData struct {
	Tries      int           `json:"tries,omitempty"`
	Class      string        `json:"class,omitempty"`
	Reason     string        `json:"reason,omitempty"`
	Rule       string        `json:"rule,omitempty"`
	Group      string        `json:"group,omitempty"`
	Base       psa.Fields    `json:"base,omitempty"`
	Left       psa.Fields    `json:"left,omitempty"`
	Right      psa.Fields    `json:"right,omitempty"`
	Answer     *cache.Answer `json:"answer,omitempty"`
	Candidates []string      `json:"candidates,omitempty"`
}

func encodeTask(task *cache.Task) (string, error) {
	t := task.Normal()
	return encode(taskData{t.Tries, t.Class, t.Reason, t.Rule, t.Group, t.Base, t.Left, t.Right, t.Answer, t.Candidates})
}

// taskColumns are what scanTask reads.
const taskColumns = `id, rev, type, kind, side, record, link, due, waits_for, since, data`

func scanTask(row scanner) (cache.Task, error) {
	var (
		t          cache.Task
		due, since string
		raw        []byte
		data       taskData
	)
	err := row.Scan(&t.ID, &t.Rev, &t.Type, &t.Kind, &t.Side, &t.Record, &t.Link, &due, &t.WaitsFor, &since, &raw)
	if err != nil {
		return t, err
	}
	if t.Due, err = parseSortable("task", t.ID, due); err != nil {
		return t, err
	}
	if t.Since, err = parseSortable("task", t.ID, since); err != nil {
		return t, err
	}
	if err := decode("task", t.ID, raw, &data); err != nil {
		return t, err
	}
	t.Tries, t.Class, t.Reason, t.Rule, t.Group = data.Tries, data.Class, data.Reason, data.Rule, data.Group
	t.Base, t.Left, t.Right, t.Answer, t.Candidates = data.Base, data.Left, data.Right, data.Answer, data.Candidates
	if t.ID == "" || t.Type == "" || t.Rev <= 0 || t.Side > cache.Right {
		return t, fmt.Errorf("task %q: its columns make no sense: %w", t.ID, cache.ErrCorrupt)
	}
	return t, nil
}

// auditData is what of a cache.Audit has no column.
type auditData struct {
	Actor  string        `json:"actor,omitempty"`
	Op     string        `json:"op,omitempty"`
	Kind   psa.Kind      `json:"kind,omitempty"`
	IDs    [2]string     `json:"ids,omitzero"`
	Side   cache.Side    `json:"side,omitzero"`
	Before psa.Fields    `json:"before,omitempty"`
	After  psa.Fields    `json:"after,omitempty"`
	Agreed [2]psa.Fields `json:"agreed,omitzero"`
	Rule   string        `json:"rule,omitempty"`
	By     string        `json:"by,omitempty"`
	Reason string        `json:"reason,omitempty"`
	Notify psa.Notify    `json:"notify,omitempty"`
}

func encodeAudit(a *cache.Audit) (string, error) {
	return encode(auditData{a.Actor, a.Op, a.Kind, a.IDs, a.Side, a.Before, a.After, a.Agreed, a.Rule, a.By, a.Reason, a.Notify})
}

// auditColumns are what scanAudit reads.
const auditColumns = `seq, at, run, link, data`

func scanAudit(row scanner) (cache.Audit, error) {
	var (
		a    cache.Audit
		at   string
		raw  []byte
		data auditData
	)
	err := row.Scan(&a.Seq, &at, &a.Run, &a.Link, &raw)
	if err != nil {
		return a, err
	}
	what := fmt.Sprint(a.Seq)
	if a.At, err = parseSortable("audit entry", what, at); err != nil {
		return a, err
	}
	if err := decode("audit entry", what, raw, &data); err != nil {
		return a, err
	}
	a.Actor, a.Op, a.Kind, a.IDs, a.Side = data.Actor, data.Op, data.Kind, data.IDs, data.Side
	a.Before, a.After, a.Agreed = data.Before, data.After, data.Agreed
	a.Rule, a.By, a.Reason, a.Notify = data.Rule, data.By, data.Reason, data.Notify
	return a, nil
}

func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

func decode(what, key string, raw []byte, to any) error {
	if err := json.Unmarshal(raw, to); err != nil {
		return fmt.Errorf("%s %q: %w: %w", what, key, cache.ErrCorrupt, err)
	}
	return nil
}

// sortableTime writes times whose order as text is that of time.
const sortableTime = "2006-01-02T15:04:05.000000000Z"

func sortable(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(sortableTime)
}

func parseSortable(what, key, s string) (t time.Time, err error) {
	if s != "" {
		if t, err = time.Parse(sortableTime, s); err != nil {
			err = fmt.Errorf("%s %q: %w: %w", what, key, cache.ErrCorrupt, err)
		}
	}
	return t, err
}
