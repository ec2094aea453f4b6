package bridge

import (
	"errors"
	"slices"
	"strings"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/psa"
)

// keyOf is the key of the link of a record that the bridge saw first on a side.
func keyOf(s Side, ref psa.Ref) string { return s.String()[:1] + "/" + ref.String() }

// marker is what a record that the bridge creates carries: the connection and
// the source record, so that neither a lost answer nor a lost state makes a
// second one of it.
func (b *Bridge) marker(source Side, id string) string {
	return "psasync-" + b.tag + "-" + source.String()[:1] + id
}

// markedBy reads a marker of this connection.
func (b *Bridge) markedBy(marker string, on Side) (id string, ok bool) {
	return strings.CutPrefix(marker, "psasync-"+b.tag+"-"+on.Other().String()[:1])
}

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
		return nil, "its " + string(of) + " is not linked", nil
	case found.State != cache.LinkLive:
		return nil, "its " + string(of) + " is " + string(found.State), nil
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
	return "its company is not linked", nil
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
	in := r.input(&cache.Link{}, h)
	want := r.c.mapTo(to, rec, nil, in.peer[to])
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
		fields, open = r.asOpen(k, to, s, rec, fields, in)
	}
	item := &Item{Op: opCreate, Side: to, Kind: k.kind, Source: rec.ID, Title: titleOf(rec), Notify: r.notify(company, to, k.kind, opCreate, fields, rec, h)}
	item.Fields = r.createdFields(k, to, fields)
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
func (r *run) asOpen(k *kindRules, to, s Side, rec psa.Record, fields psa.Fields, in *input) (psa.Fields, bool) {
	from := k.fieldOn(s, "status")
	without := rec
	without.Fields = make(psa.Fields, len(rec.Fields))
	for name, v := range rec.Fields {
		if name != from[0] {
			without.Fields[name] = v
		}
	}
	want := r.c.mapTo(to, without, nil, in.peer[to]).fields
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

// rekey takes over the link that a record had before, and avoids the key of one
// that another record has taken over.
func (r *run) rekey(l *cache.Link, s Side) error {
	for {
		was, ok, err := r.st.Link(r.ctx, r.source, l.Key)
		switch {
		case err != nil:
			return &stateErr{err}
		case !ok:
			return nil
		case was.IDs[s] == l.IDs[s]:
			l.Rev = was.Rev
			if l.Pending != nil && was.Pending != nil {
				l.Pending.Tries = was.Pending.Tries + 1
			}
			return nil
		}
		l.Key += "+"
	}
}

// pendingBase notes what both sides will have agreed on once a create succeeds.
func (r *run) pendingBase(k *kindRules, l *cache.Link, s Side, rec psa.Record, sent psa.Fields, mapped *mappedTo) {
	to := s.Other()
	l.Pending.Base = [2]psa.Fields{{}, {}}
	for i := range k.units {
		u := &k.units[i]
		w, ok := u.own(to, sent).Get()
		if !ok {
			continue
		}
		if is := mapped.issue(u); is != nil && is.Instead == "" {
			l.Pending.Base[to][u.name] = w // a default stands in for a value that could not be mapped
			continue
		}
		from, ok := u.own(s, rec.Fields).Get()
		if u.oneWay && u.to == to {
			from, ok = w, true
		}
		if ok {
			l.Pending.Base[to][u.name], l.Pending.Base[s][u.name] = w, from
		}
	}
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
		in := r.input(l, h)
		for name, v := range r.c.mapTo(to, rec, nil, in.peer[to]).fields {
			if _, sent := fields[name]; v == nil && !sent {
				fields = path{name}.with(fields, nil)
			}
		}
	}
	made, err := r.insert(to, k.kind, fields, item)
	if err != nil && made.ID != "" { // it was created, and only its answer was lost
		if rec, again := r.sides[to].Get(r.ctx, made.Ref); again == nil {
			made, err = rec, rec.Err
		}
	}
	if err != nil {
		if psa.Temporary(err) || psa.ErrorClass(err) == nil || errors.Is(err, psa.ErrData) {
			return err // it may have happened: recover looks
		}
		// It was refused, so it did not happen.
		delete(r.half, l.Key)
		if dropped := r.save(cache.StateBatch{DropLinks: []string{l.Key}}); dropped != nil {
			return dropped
		}
		if errors.Is(err, psa.ErrInvalid) || errors.Is(err, psa.ErrDenied) || errors.Is(err, psa.ErrConflict) || errors.Is(err, psa.ErrUnsupported) {
			return r.cannot(k, s, rec, err.Error(), "", nil, h)
		}
		return err
	}
	r.rep.Created[to]++
	r.event(EventWrite, to, k.kind, made.ID, "created")
	if item.Closes {
		r.rep.Closed++
	}
	return r.complete(k, l, to, made, rec, false, h)
}

// searchable reports whether a side finds rows by their marker.
func (r *run) searchable(k *kindRules, on Side) bool {
	f := r.sides[on].offers[k.kind]
	return k.marker[on] != "" && f.Can.Has(psa.CanFind) && contains(f.Find, k.marker[on])
}

// lookUp finds the row that carries the marker of a source record; the oldest
// if there are several.
func (r *run) lookUp(k *kindRules, on Side, source string) (rec psa.Record, ok bool, err error) {
	if !r.searchable(k, on) {
		return rec, false, nil
	}
	for found, err := range psa.Find(r.ctx, r.sides[on].Provider, k.kind, psa.Fields{k.marker[on]: r.b.marker(on.Other(), source)}) {
		switch {
		case err != nil:
			return psa.Record{}, false, err
		case found.Err != nil:
			return psa.Record{}, false, found.Err
		case !ok || older(found, rec):
			rec, ok = found, true
		}
	}
	return rec, ok, nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// older orders rows by id, by number where they are numbers.
func older(a, b psa.Record) bool {
	if len(a.ID) != len(b.ID) {
		return len(a.ID) < len(b.ID)
	}
	return a.ID < b.ID
}

// complete makes a whole link of a half one and goes on with what the system
// made of the record.
func (r *run) complete(k *kindRules, l *cache.Link, to Side, made, rec psa.Record, found bool, h how) error {
	s := to.Other()
	l.IDs[to] = made.ID
	l.State = cache.LinkLive
	l.Wrote[to] = made.Updated
	sent := l.Pending.Sent
	var wrote []written
	for i := range k.units {
		u := &k.units[i]
		w, ok := u.own(to, sent).Get()
		from, known := conflict.At(l.Pending.Base[s], u.name).Get()
		if ok && known {
			wrote = append(wrote, written{unit: i, from: from, want: w})
		}
	}
	if found && l.Pending.Tries > 0 {
		// Several tries sent different values, and any of them may have made
		// the row: only what it holds as it was sent last is agreed on.
		found = false
		canon := r.canonical(to, k.kind, sent)
		wrote = slices.DeleteFunc(wrote, func(w written) bool {
			u := &k.units[w.unit]
			is := u.own(to, made.Fields)
			return !sameValue(is, conflict.Of(w.want)) && !sameValue(is, u.own(to, canon))
		})
	}
	pending := l.Pending.Base
	later := conflict.At(pending[s], "status")
	_, given := pending[to]["status"]
	l.Pending = nil
	answer := made
	if found { // what it holds now may be what somebody made of it since
		answer.Fields = layered(made.Fields, r.canonical(to, k.kind, sent))
	}
	b := r.confirm(k, l, wrote, to, answer)
	for i := range k.units {
		u := &k.units[i]
		_, sentOne := pending[to][u.name]
		_, told := pending[s][u.name]
		if v, ok := u.own(to, made.Fields).Get(); ok && sentOne && !told {
			l.Base[to] = overlaid(l.Base[to], psa.Fields{u.name: v}) // nobody's edit
		}
	}
	if x, known := later.Get(); known && !given {
		// It was created open: closing it is a change of the source's.
		if u := r.unitFor(k, to, k.fieldOn(to, "status").String()); u != nil {
			if v, ok := u.own(to, made.Fields).Get(); ok {
				l.Base[s], l.Base[to] = overlaid(l.Base[s], psa.Fields{u.name: x}), overlaid(l.Base[to], psa.Fields{u.name: v})
			}
		}
	}
	b.Audits = append(b.Audits, cache.Audit{Op: opCreate, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: to, After: sent})
	woken, err := r.wakeTasks(l)
	if err != nil {
		return err
	}
	b.Tasks = append(b.Tasks, woken...)
	visits, err := r.newParent(*l, to, h)
	if err != nil {
		return err
	}
	b.Tasks = append(b.Tasks, visits...)
	if h.retry != nil {
		b.DropTasks = append(b.DropTasks, h.retry.ID)
	}
	h.retry, h.again, h.answers, h.both = nil, nil, nil, false
	in := r.input(l, h)
	in.view[s], in.view[to] = r.view(l, s, rec), r.view(l, to, made)
	out, err := r.c.merge(r.ctx, k, in)
	if err != nil {
		return err
	}
	if !out.quiet(l) || out.patch[Left] != nil || out.patch[Right] != nil {
		h.retry = r.follow(l, s)
		b.Tasks = append(b.Tasks, *h.retry)
	}
	b.DropTasks = append(b.DropTasks, taskID(TaskHeld, s, l.Kind, rec.ID))
	b.Links = []cache.Link{*l}
	if err := r.saveTasks(b); err != nil {
		return err
	}
	l.Rev++
	delete(r.half, l.Key)
	return r.settled(*l, s, rec, made, h)
}

// settled goes on with a pair of which both records were just read.
func (r *run) settled(l cache.Link, s Side, rec, other psa.Record, h how) error {
	k := r.c.kinds[l.Kind]
	in := r.input(&l, h)
	in.view[s], in.view[s.Other()] = r.view(&l, s, rec), r.view(&l, s.Other(), other)
	out, err := r.c.merge(r.ctx, k, in)
	if err != nil {
		return err
	}
	if _, any := pick(out, [2]bool{}); !any && out.fatal == "" {
		if out.quiet(&l) {
			return r.done(s, rec)
		}
		return r.commit(k, &l, in, out, s, h, nil)
	}
	h.both = true
	_, err = r.reconcile(l, s, rec, h)
	return err
}

// newParent are the visits after a record was linked whose children were read
// before, and passed over since it had no link.
func (r *run) newParent(l cache.Link, made Side, h how) ([]cache.Task, error) {
	var out []cache.Task
	for s := range Side(2) {
		if s == made && l.Kind != psa.KindTicket {
			continue // what was just created has no children
		}
		tasks, err := r.childTasks(l, s, visitAll, true)
		if err != nil {
			return nil, err
		}
		for _, t := range tasks {
			cur, err := r.st.Cursor(r.ctx, r.source, s, t.Kind)
			if err != nil {
				return nil, &stateErr{err}
			}
			f := r.sides[s].offers[t.Kind]
			if s == made && !f.PerParent {
				continue
			}
			if cur.Swept.IsZero() && !f.PerParent {
				continue // its first list is still to come
			}
			if h.live {
				t.Class = visitNew
			}
			out = append(out, t)
		}
	}
	return out, nil
}

// cannot tells people that a record cannot be created.
func (r *run) cannot(k *kindRules, s Side, rec psa.Record, reason, where string, waits []psa.Ref, h how) error {
	t := cache.Task{ID: taskID(TaskHeld, s, k.kind, rec.ID), Type: TaskHeld, Kind: k.kind, Side: s, Record: rec.ID, Reason: reason, Rule: where}
	if len(waits) > 0 {
		t.WaitsFor = s.String() + "/" + waits[0].String()
	}
	b := cache.StateBatch{Tasks: []cache.Task{t}, Seen: seenOf(s, rec)}
	if h.retry != nil && h.retry.ID != t.ID {
		b.DropTasks = []string{h.retry.ID}
	}
	return r.saveTasks(b)
}

func (r *run) unitFor(k *kindRules, s Side, field string) *unit {
	for i := range k.units {
		for _, p := range sidePaths(&k.units[i], s) {
			if len(p) > 0 && (p[0] == field || p.String() == field) {
				return &k.units[i]
			}
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

// ours deals with a row that carries this connection's marker but has no link:
// it was created and the answer, or the state, was lost.
func (r *run) ours(k *kindRules, s Side, rec psa.Record, source string, h how) error {
	from := s.Other()
	l, ok, err := r.st.LinkOf(r.ctx, r.source, from, psa.Ref{Kind: k.kind, ID: source})
	if err != nil {
		return &stateErr{err}
	}
	if ok && l.IDs[s] != "" && l.State != cache.LinkGone {
		return r.saveTasks(cache.StateBatch{Seen: seenOf(s, rec), Tasks: []cache.Task{{
			ID: taskID(TaskMatch, s, k.kind, rec.ID), Type: TaskMatch, Kind: k.kind, Side: s, Record: rec.ID, Link: l.Key, Candidates: []string{source},
			Reason: "a second copy of a record that is linked already; delete one of them by hand",
		}}})
	}
	if ok && l.State == cache.LinkGone {
		return nil
	}
	if ok {
		return r.adopt(k, l, s, rec, h)
	}
	origin, err := r.sides[from].Get(r.ctx, psa.Ref{Kind: k.kind, ID: source})
	if errors.Is(err, psa.ErrNotFound) {
		return nil // the record it was made from is gone
	}
	if err != nil {
		return err
	}
	parent, out, err := r.parent(k.kind, s, rec)
	if out != "" || err != nil {
		return err
	}
	return r.join(k, from, origin, s, rec, parent, "found by its marker", h)
}

// adopt makes a whole link of a half one whose row was found.
func (r *run) adopt(k *kindRules, l cache.Link, s Side, rec psa.Record, h how) error {
	from := s.Other()
	if l.Pending == nil || l.IDs[from] == "" {
		return nil
	}
	origin, err := r.sides[from].Get(r.ctx, psa.Ref{Kind: k.kind, ID: l.IDs[from]})
	if errors.Is(err, psa.ErrNotFound) {
		l.IDs[s], l.State, l.Pending = rec.ID, cache.LinkLive, nil
		if err := r.save(cache.StateBatch{Links: []cache.Link{l}}); err != nil {
			return err
		}
		l.Rev++
		delete(r.half, l.Key)
		return r.vanished(l, from)
	}
	if err != nil {
		return err
	}
	h.live = false
	return r.complete(k, &l, s, rec, origin, true, h)
}

// join links two records that were found to be the same.
func (r *run) join(k *kindRules, s Side, rec psa.Record, t Side, other psa.Record, parent *cache.Link, why string, h how) error {
	l := cache.Link{Key: keyOf(s, rec.Ref), Kind: k.kind, Since: r.now()}
	l.IDs[s], l.IDs[t] = rec.ID, other.ID
	if parent != nil {
		l.Parent, l.Company = parent.Key, parent.Company
	}
	if c, ok := r.company(s, rec); ok && l.Company == "" {
		l.Company = c
	}
	if k.kind == psa.KindCompany {
		l.Company = l.Key
	}
	if err := r.rekey(&l, s); err != nil {
		return err
	}
	item := &Item{Op: opLink, Side: t, Kind: k.kind, Source: rec.ID, Target: other.ID, Title: titleOf(rec)}
	if !r.gate.allow(r, item) {
		r.rep.Skipped++
		return errSkipped
	}
	b := cache.StateBatch{
		Audits: []cache.Audit{{Op: opLink, Link: l.Key, Kind: l.Kind, IDs: l.IDs, Side: t, Reason: why}},
		DropTasks: []string{
			taskID(TaskMatch, s, k.kind, rec.ID), taskID(TaskMatch, t, k.kind, other.ID),
			taskID(TaskHeld, s, k.kind, rec.ID), taskID(TaskHeld, t, k.kind, other.ID),
		},
	}
	var next *cache.Task
	if h.retry != nil { // no list will tell of the row again
		b.DropTasks = append(b.DropTasks, h.retry.ID)
		next = r.follow(&l, s)
		b.Tasks = append(b.Tasks, *next)
	}
	woken, err := r.wakeTasks(&l)
	if err != nil {
		return err
	}
	b.Tasks = append(b.Tasks, woken...)
	for side := range Side(2) {
		visits, err := r.newParent(l, side.Other(), how{})
		if err != nil {
			return err
		}
		for _, v := range visits {
			if v.Side == side {
				b.Tasks = append(b.Tasks, v)
			}
		}
	}
	b.Links = []cache.Link{l}
	if err := r.saveTasks(b); err != nil {
		return err
	}
	l.Rev++
	r.rep.Linked++
	r.event(EventLink, s, k.kind, rec.ID, why)
	h.retry, h.again, h.answers, h.create, h.live = next, nil, nil, false, false
	return r.settled(l, s, rec, other, h)
}
