package cache

import (
	"fmt"
	"slices"
	"time"

	"github.com/psasync/psasync/psa"
)

// Check is what every State does with a batch first: it is psa.ErrInvalid if
// the batch makes no sense whatever is stored, and [ErrLinked] if two of its
// links hold one record.
func (b *StateBatch) Check() error {
	for i := range b.Links {
		if err := b.Links[i].check(); err != nil {
			return err
		}
	}
	for i := range b.Tasks {
		if err := b.Tasks[i].check(); err != nil {
			return err
		}
	}
	for i := range b.Cursors {
		c := &b.Cursors[i]
		if c.Kind == "" || c.Side > Right || !validText(string(c.Kind), c.After) || !validTimes(c.Since, c.Swept, c.Began, c.From) {
			return refused(psa.Ref{Kind: c.Kind}, "a cursor needs a side, a kind, text that is UTF-8 and times that have four digits for the year")
		}
	}
	for i := range b.Seen {
		s := &b.Seen[i]
		if s.Kind == "" || s.ID == "" || s.Side > Right || !validText(string(s.Kind), s.ID) {
			return refused(psa.Ref{Kind: s.Kind, ID: s.ID}, "a row that was seen needs a side, a kind and an id")
		}
	}
	for name, value := range b.Settings {
		if name == "" || !validText(name, value) {
			return refused(psa.Ref{}, fmt.Sprintf("setting %.40q needs a name and text that is UTF-8", name))
		}
	}
	for i := range b.Audits {
		if err := b.Audits[i].check(); err != nil {
			return err
		}
	}
	return b.checkTwice()
}

// checkTwice refuses batches that say two things about one.
func (b *StateBatch) checkTwice() error {
	if i, ok := twice(len(b.Links)+len(b.DropLinks), func(i int) string {
		if i < len(b.Links) {
			return b.Links[i].Key
		}
		return b.DropLinks[i-len(b.Links)]
	}); ok {
		return refused(psa.Ref{}, fmt.Sprintf("a link is in the batch twice: %s and %s", b.place(i[0]), b.place(i[1])))
	}
	if slices.Contains(b.DropLinks, "") || slices.Contains(b.DropTasks, "") {
		return refused(psa.Ref{}, "what is dropped needs a key")
	}
	if i, ok := twice(len(b.Tasks)+len(b.DropTasks), func(i int) string {
		if i < len(b.Tasks) {
			return b.Tasks[i].ID
		}
		return b.DropTasks[i-len(b.Tasks)]
	}); ok {
		return refused(psa.Ref{}, fmt.Sprintf("a task is in the batch twice, at %d and %d", i[0], i[1]))
	}
	if i, ok := twice(len(b.Cursors), func(i int) stream { return stream{b.Cursors[i].Side, b.Cursors[i].Kind} }); ok {
		return refused(psa.Ref{Kind: b.Cursors[i[0]].Kind}, "a cursor is in the batch twice")
	}
	if i, ok := twice(len(b.Seen), func(i int) recordKey { return recordKey{b.Seen[i].Side, b.Seen[i].Kind, b.Seen[i].ID} }); ok {
		s := b.Seen[i[0]]
		return refused(psa.Ref{Kind: s.Kind, ID: s.ID}, "a row was seen twice in the batch")
	}
	for side := range Side(2) {
		// Links without a record on this side have their own key instead.
		if i, ok := twice(len(b.Links), func(i int) recordKey {
			if l := &b.Links[i]; l.IDs[side] != "" {
				return recordKey{side, l.Kind, l.IDs[side]}
			}
			return recordKey{Side: 2, ID: b.Links[i].Key}
		}); ok {
			l := &b.Links[i[0]]
			return Linked(side, psa.Ref{Kind: l.Kind, ID: l.IDs[side]}, l.Key, b.Links[i[1]].Key)
		}
	}
	return nil
}

func (b *StateBatch) place(i int) string {
	if i < len(b.Links) {
		return fmt.Sprintf("Links[%d]", i)
	}
	return fmt.Sprintf("DropLinks[%d]", i-len(b.Links))
}

// twice finds two of n keys that are the same.
func twice[K comparable](n int, key func(int) K) (at [2]int, ok bool) {
	if n < 10 { // faster, and most batches are short
		for i := range n {
			for j := range i {
				if key(i) == key(j) {
					return [2]int{j, i}, true
				}
			}
		}
		return at, false
	}
	seen := make(map[K]int, n)
	for i := range n {
		k := key(i)
		if j, ok := seen[k]; ok {
			return [2]int{j, i}, true
		}
		seen[k] = i
	}
	return at, false
}

// Linked returns the [ErrLinked] of a record that is wanted by the link of one
// key while it belongs to that of another.
func Linked(side Side, ref psa.Ref, owner, wants string) error {
	return fmt.Errorf("cache: %s %s belongs to link %.80q and is wanted by %.80q: %w", side, ref, owner, wants, ErrLinked)
}

func refused(ref psa.Ref, why string) error {
	return &psa.Error{Op: "save", Ref: ref, Code: psa.ErrInvalid, Detail: why}
}

func (l *Link) check() error {
	var why string
	switch p := l.Pending; {
	case l.Key == "":
		why = "a link needs a key"
	case l.Kind == "":
		why = "a link needs a kind"
	case l.IDs == [2]string{}:
		why = "a link needs a record"
	case l.Rev < 0:
		why = "a link's Rev is not negative"
	case l.State != LinkLive && l.State != LinkHalf && l.State != LinkDormant && l.State != LinkGone:
		why = fmt.Sprintf("a link has no state %.40q", string(l.State))
	case p != nil && p.Side > Right:
		why = "a pending write is on the left or right"
	case !validText(l.Key, string(l.Kind), l.IDs[0], l.IDs[1], l.Reason, l.Company, l.Parent, l.Gone[0].MergedInto, l.Gone[1].MergedInto),
		p != nil && !validText(p.Op):
		why = "the text is not UTF-8"
	case !validTimes(l.Since, l.Wrote[0], l.Wrote[1], l.Child[0], l.Child[1], l.Gone[0].At, l.Gone[1].At),
		p != nil && !validTimes(p.At):
		why = "a time has no four digits for the year"
	default:
		why = checkFields(l.Base[0], l.Base[1])
		if p != nil && why == "" {
			why = checkFields(p.Base[0], p.Base[1], p.Sent)
		}
		for i := 0; i < len(l.Parked) && why == ""; i++ {
			p := &l.Parked[i]
			if why = checkFields(p.Is[0], p.Is[1]); !validText(p.Group, p.Task, p.Why) {
				why = "the text is not UTF-8"
			}
		}
	}
	if why != "" {
		return refused(psa.Ref{Kind: l.Kind, ID: l.Key}, why)
	}
	return nil
}

func (t *Task) check() error {
	var why string
	switch a := t.Answer; {
	case t.ID == "":
		why = "a task needs an id"
	case t.Type == "":
		why = "a task needs a type"
	case t.Record != "" && t.Kind == "":
		why = "the task's record needs a kind"
	case t.Rev < 0:
		why = "a task's Rev is not negative"
	case t.Side > Right:
		why = "a task is on the left or right"
	case !validText(t.ID, t.Type, string(t.Kind), t.Record, t.Link, t.WaitsFor, t.Class, t.Reason, t.Rule, t.Group),
		!validText(t.Candidates...), a != nil && !validText(a.Action, a.Side, a.ID, a.Actor):
		why = "the text is not UTF-8"
	case !validTimes(t.Due, t.Since), a != nil && !validTimes(a.At):
		why = "a time has no four digits for the year"
	default:
		if why = checkFields(t.Base, t.Left, t.Right); a != nil && why == "" {
			why = checkFields(a.Values)
		}
	}
	if why != "" {
		return refused(psa.Ref{Kind: t.Kind, ID: t.ID}, why)
	}
	return nil
}

func (a *Audit) check() error {
	var why string
	switch {
	case a.Side > Right:
		why = "an audit entry is about the left or right"
	case !validText(a.Run, a.Actor, a.Op, a.Link, string(a.Kind), a.IDs[0], a.IDs[1], a.Rule, a.By, a.Reason):
		why = "the text is not UTF-8"
	case !validTimes(a.At):
		why = "a time has no four digits for the year"
	default:
		why = checkFields(a.Before, a.After, a.Agreed[0], a.Agreed[1])
	}
	if why != "" {
		return refused(psa.Ref{Kind: a.Kind, ID: a.Link}, why)
	}
	return nil
}

// checkFields says why values would not come back as they are.
func checkFields(all ...psa.Fields) string {
	for _, f := range all {
		if len(f) > 0 {
			if why := checkValue(f); why != "" {
				return why
			}
		}
	}
	return ""
}

// validTimes reports whether times can be written and sorted as text.
func validTimes(times ...time.Time) bool {
	for _, t := range times {
		if !t.IsZero() {
			if y := t.UTC().Year(); y < 1 || y > 9999 {
				return false
			}
		}
	}
	return true
}

// Normal returns l as a State hands it out: its times in UTC.
func (l Link) Normal() Link {
	utc(&l.Since, &l.Wrote[0], &l.Wrote[1], &l.Child[0], &l.Child[1], &l.Gone[0].At, &l.Gone[1].At)
	if p := l.Pending; p != nil && p.At != normal(p.At) {
		c := *p
		utc(&c.At)
		l.Pending = &c
	}
	return l
}

// Normal returns t as a State hands it out: its times in UTC.
func (t Task) Normal() Task {
	utc(&t.Due, &t.Since)
	if a := t.Answer; a != nil && a.At != normal(a.At) {
		c := *a
		utc(&c.At)
		t.Answer = &c
	}
	return t
}

// Normal returns c as a State hands it out: its times in UTC.
func (c Cursor) Normal() Cursor {
	utc(&c.Since, &c.Swept, &c.Began, &c.From)
	return c
}

// Normal returns a as a State hands it out: its time in UTC.
func (a Audit) Normal() Audit {
	utc(&a.At)
	return a
}

func utc(times ...*time.Time) {
	for _, t := range times {
		*t = normal(*t)
	}
}

// normal returns t without what text would not keep.
func normal(t time.Time) time.Time { return t.Round(0).UTC() }
