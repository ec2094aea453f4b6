package bridge

import (
	"errors"
	"slices"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// unlinked deals with a record that has no link. out says why it does not take
// part.
func (r *run) unlinked(kind psa.Kind, s Side, rec psa.Record, h how) (out string, err error) {
	k := r.c.kinds[kind]
	if id, ok := r.b.markedBy(newPath(k.marker[s]).text(rec.Fields), s); ok && !h.create {
		return "", r.ours(k, s, rec, id, h)
	}
	if out := r.outside(s, rec); out != "" {
		return out, nil
	}
	if rec.Fields.Ref("merged_into").ID != "" {
		return "merged into another record", nil
	}
	parent, out, err := r.parent(kind, s, rec)
	if out == "" && err == nil {
		out, err = r.companyOut(s, rec)
	}
	if out != "" || err != nil {
		return out, err
	}
	switch l, found := r.halfMade(k, s, rec, parent); found {
	case thatOne:
		return "", r.adopt(k, l, s, rec, h)
	case perhaps:
		return "", r.later(kind, s, rec) // recover finds out
	}
	if !h.create {
		if id, ok, err := r.hiddenMarker(k, s, rec); err != nil {
			return "", err
		} else if ok {
			return "", r.ours(k, s, rec, id, h)
		}
		if done, err := r.pair(k, s, rec, parent, h); done || err != nil {
			return "", err
		}
	}
	company, _ := r.company(s, rec)
	if company == "" && parent != nil {
		company = parent.Company
	}
	to := s.Other()
	f := r.sides[to].offers[kind]
	switch {
	case !r.policy(company).Flow[kind].to(to):
		return "not carried in this phase", nil
	case !f.Can.Has(psa.CanCreate):
		return "the " + to.String() + " side cannot create one", nil
	}
	return r.create(k, s, rec, parent, company, h)
}

// text returns the text at a path.
func (p path) text(f psa.Fields) string {
	v, _ := p.get(f).Get()
	s, _ := v.(string)
	return s
}

// notYet begins why a record is passed over that takes part once another one does.
const notYet = "its "

// parent finds the link of the record's parent.
func (r *run) parent(kind psa.Kind, s Side, rec psa.Record) (l *cache.Link, out string, err error) {
	of := parentOf(kind)
	if of == "" || r.c.kinds[of] == nil {
		return nil, "", nil
	}
	ref := psa.Ref{Kind: of, ID: r.c.kinds[kind].refID(s, string(of), rec.Fields)}
	if ref.ID == "" {
		ref = rec.Parent
	}
	if ref.ID == "" || ref.Kind != of {
		return nil, "has no " + string(of), nil
	}
	found, ok, err := r.st.LinkOf(r.ctx, r.source, s, ref)
	switch {
	case err != nil:
		return nil, "", &stateErr{err}
	case !ok || found.IDs[s.Other()] == "":
		return nil, notYet + string(of) + " is not linked", nil
	case found.State != cache.LinkLive:
		return nil, notYet + string(of) + " is " + string(found.State), nil
	}
	return &found, "", nil
}

// companyOut says why a ticket does not take part with its company. One whose
// company waits, for a person or for another try, waits for that.
func (r *run) companyOut(s Side, rec psa.Record) (string, error) {
	company := rec.Fields.Ref("company").ID
	if k := r.c.kinds[psa.KindCompany]; rec.Kind != psa.KindTicket || k == nil || company == "" || r.unitFor(r.c.kinds[rec.Kind], s, "company") == nil {
		return "", nil
	}
	if _, ok, err := r.st.LinkOf(r.ctx, r.source, s, psa.Ref{Kind: psa.KindCompany, ID: company}); err != nil {
		return "", &stateErr{err}
	} else if ok {
		return "", nil
	}
	for _, err := range r.st.Tasks(r.ctx, r.source, cache.TaskQuery{Kind: psa.KindCompany, Side: &s, Record: company}) {
		if err != nil {
			return "", &stateErr{err}
		}
		return "", nil
	}
	return notYet + "company is not linked", nil
}

// company returns the key of the link of the company a record belongs to.
func (r *run) company(s Side, rec psa.Record) (key string, ok bool) {
	ref := psa.Ref{Kind: psa.KindCompany}
	if rec.Kind == psa.KindCompany {
		ref = rec.Ref
	} else if k := r.c.kinds[rec.Kind]; k != nil {
		ref.ID = k.refID(s, "company", rec.Fields)
	}
	if ref.ID == "" {
		return "", false
	}
	l, ok, err := r.st.LinkOf(r.ctx, r.source, s, ref)
	r.fails(err)
	return l.Key, ok && err == nil
}

// create makes the counterpart of a record.
func (r *run) create(k *kindRules, s Side, rec psa.Record, parent *cache.Link, company string, h how) (out string, err error) {
	to := s.Other()
	want := r.c.mapTo(to, rec, nil, r.peers[to])
	for _, is := range want.issues {
		if is.Fatal {
			return "", r.cannot(k, s, rec, is.Message, is.Where, nil, h)
		}
	}
	for _, name := range k.needs[to] {
		v, ok := newPath(name).get(want.fields).Get()
		if ok && v != nil && v != "" {
			continue
		}
		reason, where := "the "+to.String()+" side needs "+name+", and no rule or create default fills it", ""
		for _, is := range want.issues {
			if u := r.unitFor(k, to, name); u != nil && want.issue(u) != nil {
				reason, where = is.Message, want.issue(u).Where
			}
		}
		return "", r.cannot(k, s, rec, reason, where, want.waits, h)
	}
	if to == Left {
		if why := r.wouldBeOutside(k.kind, want.fields); why != "" {
			return why, nil
		}
	}
	fields := want.fields
	for name, v := range fields {
		// An empty field is not sent: what the system fills by itself is its own
		// value then.
		if v == nil || !r.sides[to].offers.Takes(k.kind, name, true) {
			if _, has := fields[name]; has {
				fields = fields.Clone()
				delete(fields, name)
			}
		}
	}
	open := r.isClosing(k, to, fields)
	if open {
		fields, open = r.asOpen(k, to, s, rec, fields)
	}
	item := &Item{Op: opCreate, Side: to, Kind: k.kind, Source: rec.ID, Title: titleOf(rec), Notify: r.notify(company, to, k.kind, opCreate, fields, rec, rec.Updated, h)}
	if r.gate != (liveGate{}) { // somebody looks at it
		item.Fields = r.createdFields(k, to, fields)
	}
	item.Closes = r.isClosing(k, to, fields)
	if !r.gate.allow(r, item) {
		r.rep.Skipped++
		return "", errSkipped
	}
	if err := r.limit(r.rep.Created[to]+1, r.b.opts.Limits.Creates, "records created on the "+to.String()+" side"); err != nil {
		return "", err
	}
	l := cache.Link{Key: keyOf(s, rec.Ref), Kind: k.kind, State: cache.LinkHalf, Company: company, Since: r.now()}
	if parent != nil {
		l.Parent = parent.Key
	}
	if k.kind == psa.KindCompany {
		l.Company = l.Key
	}
	l.IDs[s] = rec.ID
	at := r.server[to]
	if at.IsZero() {
		at = r.now()
	}
	l.Pending = &cache.Pending{Op: opCreate, Side: to, At: at, Sent: fields}
	r.pendingBase(k, &l, s, rec, fields, want)
	if open {
		l.Pending.Base[s]["status"] = nil
		delete(l.Pending.Base[to], "status")
	}
	if err := r.rekey(&l, s); err != nil {
		return "", err
	}
	if err := r.save(cache.StateBatch{Links: []cache.Link{l}, Synced: true}); err != nil {
		return "", err
	}
	l.Rev++
	r.half[l.Key] = l
	return "", r.make(k, &l, s, rec, fields, item, h)
}

// asOpen is what creates a closed ticket as an open one, so that its notes and
// time entries can follow before it is closed; fields themselves where nothing
// says how an open one begins.
func (r *run) asOpen(k *kindRules, to, s Side, rec psa.Record, fields psa.Fields) (psa.Fields, bool) {
	from := k.fieldOn(s, "status")
	without := rec
	without.Fields = make(psa.Fields, len(rec.Fields))
	for name, v := range rec.Fields {
		if name != from[0] {
			without.Fields[name] = v
		}
	}
	want := r.c.mapTo(to, without, nil, r.peers[to]).fields
	for _, name := range k.needs[to] {
		if v, ok := newPath(name).get(want).Get(); !ok || v == nil || v == "" {
			return fields, false
		}
	}
	for name := range want {
		if !r.sides[to].offers.Takes(k.kind, name, true) {
			delete(want, name)
		}
	}
	if r.isClosing(k, to, want) {
		return fields, false
	}
	return want, true
}

// make sends a create whose intent is stored, unless a search finds that it has
// happened already.
func (r *run) make(k *kindRules, l *cache.Link, s Side, rec psa.Record, fields psa.Fields, item *Item, h how) error {
	to := s.Other()
	if k.marker[to] != "" {
		fields = newPath(k.marker[to]).with(fields, r.b.marker(s, rec.ID))
		found, ok, err := r.lookUp(k, to, rec.ID)
		if err != nil {
			return err
		}
		if ok {
			// A first try that finds the row means that a state was lost, and
			// with it what both sides had agreed on.
			l.Pending = &cache.Pending{Op: opCreate, Side: to, At: l.Pending.At}
			return r.complete(k, l, to, found, rec, true, h)
		}
	}
	if r.dry { // the row would hold what is not sent as empty
		for name, v := range r.c.mapTo(to, rec, nil, r.peers[to]).fields {
			if _, sent := fields[name]; v == nil && !sent {
				fields = path{name}.with(fields, nil)
			}
		}
	}
	made, err := r.insert(to, k.kind, fields, item)
	if err != nil && made.ID != "" { // it was created, and only its answer was lost
		if rec, again := r.get(to, made.Ref); again == nil {
			made, err = rec, nil
		}
	}
	if err != nil {
		if psa.Temporary(err) || psa.ErrorClass(err) == nil || errors.Is(err, psa.ErrData) {
			return err // it may have happened: recover looks
		}
		// It was refused, so it did not happen.
		delete(r.half, l.Key)
		if errors.Is(err, psa.ErrInvalid) || errors.Is(err, psa.ErrDenied) || errors.Is(err, psa.ErrConflict) || errors.Is(err, psa.ErrUnsupported) {
			return r.cannot(k, s, rec, err.Error(), "", nil, h, l.Key)
		}
		return errors.Join(err, r.refusedOnce(l, s))
	}
	r.rep.Created[to]++
	r.event(EventWrite, to, k.kind, made.ID, "created")
	if item.Closes {
		r.rep.Closed++
	}
	return r.complete(k, l, to, made, rec, false, h)
}

// refusedOnce drops the link of a create that was refused for now, in one step with
// a task that remembers the record.
func (r *run) refusedOnce(l *cache.Link, s Side) error {
	b := cache.StateBatch{DropLinks: []string{l.Key}}
	t := *r.follow(l, s)
	t.Link, t.Reason = "", "is yet to be created"
	_, ok, err := r.st.Task(r.ctx, r.source, t.ID)
	if err != nil {
		return &stateErr{err}
	}
	if !ok {
		t.Since = r.now()
		b.Tasks = []cache.Task{t}
	}
	return r.save(b)
}

// cannot tells people that a record cannot be created, and drops the link that
// was made for it.
func (r *run) cannot(k *kindRules, s Side, rec psa.Record, reason, where string, waits []psa.Ref, h how, link ...string) error {
	t := cache.Task{ID: taskID(TaskHeld, s, k.kind, rec.ID), Type: TaskHeld, Kind: k.kind, Side: s, Record: rec.ID, Reason: reason, Rule: where}
	if len(waits) > 0 {
		t.WaitsFor = s.String() + "/" + waits[0].String()
	}
	b := cache.StateBatch{Tasks: []cache.Task{t}, Seen: r.seenOf(s, rec), DropLinks: link}
	if h.retry != nil && h.retry.ID != t.ID {
		b.DropTasks = []string{h.retry.ID}
	}
	return r.saveTasks(b)
}

func (r *run) unitFor(k *kindRules, s Side, field string) *unit {
	for i := range k.units {
		u := &k.units[i]
		if s == Left && u.left.leads(field) || s == Right && slices.ContainsFunc(u.right, func(p path) bool { return p.leads(field) }) {
			return u
		}
	}
	return nil
}

// wouldBeOutside says why a record that is about to be created on the left
// would not take part. What the system fills by itself is not known yet and
// keeps nothing out.
func (r *run) wouldBeOutside(kind psa.Kind, fields psa.Fields) string {
	for field := range r.c.m.Scope(kind) {
		if v, ok := fields[field]; !ok || v == nil {
			continue
		}
		rec := psa.Record{Ref: psa.Ref{Kind: kind}, Updated: r.now(), Active: true, Fields: fields}
		if why := r.c.m.OutsideBy(rec, field, r.now()); why != "" {
			return why
		}
	}
	return ""
}
