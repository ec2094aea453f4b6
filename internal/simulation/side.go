package simulation

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// A side is one of the two systems: rows of few kinds, and what this system
// does with them.
type side struct {
	w    *world
	is   bridge.Side
	does system
	cat  *catalog
	rows [kinds][]*row // by id
	next int
	page []*row        // see reader.page
	skew time.Duration // of its clock

	// What the system does to values, see canon.
	trims  bool
	cuts   int
	rounds bool
	cas    bool          // rows have versions
	hashes bool          // rows have hashes
	lag    time.Duration // until a search finds a new row
	rules  [2]bool       // workflow rules, see rule
	order  order         // of lists
	still  bool          // stamps of parents stay where children change
	wakes  bool          // stamps move where a row is read
	other  bool          // another account answers
}

// A row is one record. Its fields are replaced, never changed.
type row struct {
	id       string
	n        int
	kind     int
	fields   psa.Fields
	updated  time.Time // full precision, on the side's clock
	made     time.Time // true time
	touched  time.Time // true time of the last change
	rev      int       // counts changes, those of notes and time entries on it, too
	look     int       // counts changes that its own values show
	active   bool
	gone     bool
	into     string // merged into
	goneAt   time.Time
	veiled   bool      // was hidden once
	missed   time.Time // when a read did not find it
	unfound  bool      // was deleted before the bridge knew what it had created
	hidden   bool      // the credentials may not see it
	bad      bool      // cannot be decoded
	locked   bool
	engine   bool   // created by a bridge
	of       *row   // the row it was created for
	birth    string // the logical record
	tokens   [maxFields]int
	edited   [maxFields]int // revision of the last edit by a person or rule
	readRev  int            // revision at the last read by id, by the bridge
	stale    bool           // that read was out of date
	linked   bool           // was part of a whole link once
	prev     *version       // before the last change
	closedIn time.Time      // the cycle in which a bridge closed it
	told     [3]told        // by depth
	entered  time.Time      // true time of the last change by people
	orphaned bool           // a child of it was taken away
}

type version struct {
	fields    psa.Fields
	updated   time.Time
	rev, look int
	until     time.Time // a read may still return this
}

func (r *row) now() version {
	return version{fields: r.fields, updated: r.updated, rev: r.rev, look: r.look}
}

func (s *side) clock() time.Time { return s.w.now.Add(s.skew) }

func (s *side) find(kind int, id string) *row {
	n, err := strconv.Atoi(id)
	if err != nil {
		return nil
	}
	for _, r := range s.rows[kind] {
		if r.n == n {
			return r
		}
	}
	return nil
}

// canon is what the system holds of a value.
func (s *side) canon(v any) any {
	switch x := v.(type) {
	case string:
		was := len(x)
		if s.trims {
			x = strings.TrimSpace(x)
		}
		if s.cuts > 0 && len(x) > s.cuts {
			x = x[:s.cuts]
			if s.trims {
				x = strings.TrimSpace(x)
			}
		}
		if len(x) < was {
			return x
		}
	case json.Number:
		if s.rounds {
			if dot := strings.IndexByte(string(x), '.'); dot >= 0 && len(x) > dot+2 {
				return json.Number(strings.TrimSuffix(string(x[:dot+2]), ".0"))
			}
		}
	}
	return v
}

// show is a row as the system tells it.
func (s *side) show(r *row, v version) psa.Record {
	rec := psa.Record{Ref: psa.Ref{Kind: specs[r.kind].kind, ID: r.id}, Active: r.active, Fields: v.fields}
	if !s.does.mute {
		rec.Updated = v.updated.Truncate(s.does.grain)
	}
	if sp := &specs[r.kind]; sp.parent != "" {
		rec.Parent = psa.Ref{Kind: sp.parent, ID: v.fields.Ref(string(sp.parent)).ID}
		if rec.Parent.ID == "" {
			rec.Parent = psa.Ref{}
		}
	}
	if s.cas {
		rec.Version = strconv.Itoa(v.rev)
	}
	if s.hashes {
		rec.Hash[0], rec.Hash[1] = byte(s.is+1), byte(r.kind+1)
		binary.LittleEndian.PutUint32(rec.Hash[4:], uint32(r.n))
		look := v.look
		if s.does.mute {
			look = v.rev // something has to show it
		}
		binary.LittleEndian.PutUint32(rec.Hash[8:], uint32(look))
		binary.LittleEndian.PutUint32(rec.Hash[12:], uint32(rec.Updated.UnixMilli()))
	}
	if r.bad {
		rec.Err = &psa.Error{Provider: "simulated", Op: "decode", Code: psa.ErrData}
		rec.Fields = nil
	}
	return rec
}

// put replaces values of a row and counts the change.
func (s *side) put(r *row, set psa.Fields) {
	fields := make(psa.Fields, len(r.fields)+len(set))
	for k, v := range r.fields {
		fields[k] = v
	}
	for k, v := range set {
		fields[k] = v
	}
	if r.kind == ticket {
		_, st := s.cat.place("", fields.Ref("status").ID)
		fields["closed"] = st >= 0 && st%len(statusNames) == closedStatus
	}
	s.touch(r)
	r.fields = fields
}

// touch counts a change of a row, and moves the stamp of its parent.
func (s *side) touch(r *row) {
	if r.rev > 0 {
		was := r.now()
		was.until = s.w.now.Add(s.w.faults.staleFor)
		r.prev = &was
	}
	r.rev++
	r.look++
	r.updated, r.touched, r.entered = s.clock(), s.w.now, s.w.now
	if (r.kind == note || r.kind == timeEntry) && !s.still {
		if p := s.find(ticket, r.fields.Ref("ticket").ID); p != nil && !p.gone {
			p.rev++
			p.updated, p.touched = s.clock(), s.w.now
			if p.readRev == p.rev-1 { // nothing that a write could lose
				p.readRev++
			}
		}
	}
}

// add makes a row.
func (s *side) add(kind int) *row {
	s.next++
	r := &row{id: strconv.Itoa(s.next), n: s.next, kind: kind, fields: psa.Fields{"external_ref": nil}, active: true, made: s.w.now}
	s.rows[kind] = append(s.rows[kind], r)
	return r
}

// A socket is a side as a bridge sees it.
type socket struct {
	r      *rig
	is     bridge.Side
	offers psa.Features
}

func (p *socket) side() *side { return p.r.w.sides[p.is] }

// Name implements psa.Provider.
func (p *socket) Name() string { return "simulated" }

// Features implements psa.Provider.
func (p *socket) Features() psa.Features { return p.offers }

func failed(op string, class error) error {
	return &psa.Error{Provider: "simulated", Op: op, Code: class}
}

// List implements psa.Provider.
func (p *socket) List(_ context.Context, kind psa.Kind, q psa.Query) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		w, s, k := p.r.w, p.side(), kindIndex(kind)
		f := p.offers[kind]
		if k < 0 || !q.Since.IsZero() && !f.Can.Has(psa.CanSince) || q.After != "" && !f.Can.Has(psa.CanResume) {
			yield(psa.Record{}, failed("list", psa.ErrUnsupported))
			return
		}
		list := s.read(k, &q)
		var page []psa.Record
		for {
			if err := w.before(p.is, "list", kind, q.Parent.ID); err != nil {
				yield(psa.Record{}, err)
				return
			}
			if q.Parent.ID != "" {
				if parent := s.find(kindIndex(q.Parent.Kind), q.Parent.ID); parent == nil || parent.gone || parent.hidden {
					yield(psa.Record{}, failed("list", psa.ErrNotFound))
					return
				}
			}
			rows, more, ok := list.page(f.PageSize)
			if !ok {
				yield(psa.Record{}, failed("list", psa.ErrData))
				return
			}
			page = page[:0]
			for _, r := range rows {
				now := r.now()
				if s.does.terse {
					now.fields = maps.Clone(now.fields)
					delete(now.fields, "external_ref")
				}
				rec := s.show(r, now)
				w.tell(r, rec)
				page = append(page, rec)
			}
			if err := w.after(p.is, "list"); err != nil {
				yield(psa.Record{}, err)
				return
			}
			for _, rec := range page {
				if q.Known != nil && !rec.Hash.IsZero() && rec.Err == nil {
					if ref, ok := q.Known.Known(rec.Hash); ok {
						rec = psa.Record{Ref: ref, Parent: rec.Parent, Hash: rec.Hash, Unchanged: true}
					}
				}
				if !yield(rec, nil) {
					return
				}
			}
			if !more {
				return
			}
		}
	}
}

func (s *side) listed(r *row, q *psa.Query) bool {
	if r.gone || r.hidden || !q.Since.IsZero() && r.updated.Truncate(s.does.grain).Before(q.Since) {
		return false
	}
	if q.Parent.ID != "" && r.fields.Ref(string(q.Parent.Kind)).ID != q.Parent.ID {
		return false
	}
	for name, ids := range q.Scope {
		if !slices.Contains(ids, r.fields.Ref(name).ID) {
			return false
		}
	}
	return true
}

// Get implements psa.Provider.
func (p *socket) Get(_ context.Context, ref psa.Ref) (psa.Record, error) {
	w, s := p.r.w, p.side()
	if err := w.before(p.is, "get", ref.Kind, ref.ID); err != nil {
		return psa.Record{}, err
	}
	r := s.find(kindIndex(ref.Kind), ref.ID)
	if r == nil || r.gone || r.hidden {
		if r != nil {
			r.missed = w.now
		}
		w.read(p.is, nil)
		return psa.Record{}, failed("get", psa.ErrNotFound)
	}
	rec := s.show(r, r.now())
	r.readRev, r.stale = r.rev, false
	if v := r.prev; v != nil && w.now.Before(v.until) && w.faulty() && w.tape.Chance(w.faults.stale) {
		rec = s.show(r, *v)
		r.stale = true
		w.stale = true
		w.note("stale read", p.is, ref.Kind, ref.ID)
	}
	if s.wakes && r.prev == nil {
		r.updated = s.clock()
	}
	w.tell(r, rec)
	err := w.after(p.is, "get")
	if rec.Err == nil {
		w.read(p.is, r)
	}
	return rec, err
}

// Create implements psa.Creator.
func (p *socket) Create(_ context.Context, kind psa.Kind, fields psa.Fields, notify psa.Notify) (psa.Record, error) {
	w, s := p.r.w, p.side()
	if err := w.before(p.is, "create", kind, ""); err != nil {
		return psa.Record{}, err
	}
	k := kindIndex(kind)
	if err := s.accept(k, fields, p.offers); err != nil {
		w.note("refused", p.is, kind, err.Error())
		return psa.Record{}, err
	}
	r := s.add(k)
	r.engine = true
	for _, name := range specs[k].fields { // what nobody fills is empty, not unknown
		r.fields[name] = nil
	}
	s.write(r, fields)
	w.created(s, r, fields)
	w.placed(s, r, fields)
	w.closes(s, r, false)
	w.late(s, r)
	w.mailed(s, r, notify, true)
	r.readRev = r.rev
	rec := s.show(r, r.now())
	w.tell(r, rec)
	if err := w.after(p.is, "create"); err != nil {
		return psa.Record{}, err
	}
	return rec, nil
}

// Update implements psa.Updater.
func (p *socket) Update(_ context.Context, ref psa.Ref, patch psa.Patch) (psa.Record, error) {
	w, s := p.r.w, p.side()
	if err := w.before(p.is, "update", ref.Kind, ref.ID); err != nil {
		return psa.Record{}, err
	}
	r := s.find(kindIndex(ref.Kind), ref.ID)
	switch {
	case r == nil || r.gone || r.hidden:
		return psa.Record{}, failed("update", psa.ErrNotFound)
	case s.cas && patch.IfVersion != "" && patch.IfVersion != strconv.Itoa(r.rev):
		return psa.Record{}, failed("update", psa.ErrConflict)
	case r.locked:
		w.locked(s, r)
		return psa.Record{}, failed("update", psa.ErrInvalid)
	}
	if err := s.accept(r.kind, patch.Set, p.offers); err != nil {
		w.note("refused", p.is, ref.Kind, err.Error())
		return psa.Record{}, err
	}
	if s.misplaced(r, patch.Set) && (r.stale || w.stale || r.edited[4] > r.readRev) {
		return psa.Record{}, failed("update", psa.ErrInvalid) // somebody has moved the ticket meanwhile
	}
	w.updating(s, r, patch)
	w.mailed(s, r, patch.Notify, false)
	closed := r.fields.Bool("closed") == psa.Yes
	s.write(r, patch.Set)
	w.placed(s, r, patch.Set)
	for _, rev := range r.edited {
		w.split = w.split || rev > r.readRev
	}
	w.closes(s, r, closed)
	r.readRev, r.stale = r.rev, false
	rec := s.show(r, r.now())
	r.told[w.depth] = told{} // nobody goes by what was before a write
	w.tell(r, rec)
	w.read(p.is, r)
	if err := w.after(p.is, "update"); err != nil {
		return psa.Record{}, err
	}
	return rec, nil
}

// Delete implements psa.Deleter.
func (p *socket) Delete(_ context.Context, ref psa.Ref) error {
	w, s := p.r.w, p.side()
	if err := w.before(p.is, "delete", ref.Kind, ref.ID); err != nil {
		return err
	}
	r := s.find(kindIndex(ref.Kind), ref.ID)
	if r == nil || r.gone || r.hidden {
		return failed("delete", psa.ErrNotFound)
	}
	w.deleting(s, r)
	s.touch(r)
	if s.does.hard {
		r.gone, r.goneAt = true, s.clock()
	} else {
		r.active = false
	}
	return w.after(p.is, "delete")
}

// misplaced reports whether a ticket would get a status of another board.
func (s *side) misplaced(r *row, set psa.Fields) bool {
	if r.kind != ticket || set["board"] == nil && set["status"] == nil {
		return false
	}
	after := psa.Fields{"board": r.fields["board"], "status": r.fields["status"]}
	for name := range after {
		if v, ok := set[name]; ok {
			after[name] = v
		}
	}
	board, _ := s.cat.place(after.Ref("board").ID, "")
	_, status := s.cat.place("", after.Ref("status").ID)
	return board >= 0 && status >= 0 && status/len(statusNames) != board
}

// accept refuses what the system would: a status that is not on the board, and
// references to nothing.
func (s *side) accept(k int, set psa.Fields, offers psa.Features) error {
	sp := &specs[k]
	for name := range set {
		if !offers.Takes(sp.kind, name, true) {
			return failed("write", psa.ErrInvalid)
		}
	}
	for _, name := range sp.refs {
		if v, ok := set[name]; ok && v != nil {
			target := kindIndex(psa.Kind(name))
			s.w.refers(s, target, set.Ref(name).ID)
			if r := s.find(target, set.Ref(name).ID); r == nil || r.gone {
				return failed("write", psa.ErrInvalid)
			}
		}
	}
	return nil
}

// write stores what a bridge sent, as the system has it, and runs its rules.
func (s *side) write(r *row, set psa.Fields) {
	stored := make(psa.Fields, len(set))
	for name, v := range set {
		switch name {
		case "board", "status":
			if f, ok := v.(psa.Fields); ok {
				v = s.named(name, f.String("id"))
			}
		}
		if name != "external_ref" {
			v = s.canon(v)
		}
		stored[name] = v
	}
	entered := r.entered
	s.put(r, stored)
	s.rule(r, set)
	r.entered = entered // what follows a write is no change by people
}

func (s *side) named(field, id string) any {
	if field == "board" {
		if b, _ := s.cat.place(id, ""); b >= 0 {
			return s.cat.refs[b][len(statusNames)]
		}
	} else if _, st := s.cat.place("", id); st >= 0 {
		return s.cat.refs[st/len(statusNames)][st%len(statusNames)]
	}
	return psa.Fields{"id": id}
}

// Find implements psa.Finder.
func (p *socket) Find(_ context.Context, kind psa.Kind, by psa.Fields) iter.Seq2[psa.Record, error] {
	return func(yield func(psa.Record, error) bool) {
		w, s := p.r.w, p.side()
		if !p.offers.Can(kind, psa.CanFind) {
			yield(psa.Record{}, failed("find", psa.ErrUnsupported))
			return
		}
		if err := w.before(p.is, "find", kind, ""); err != nil {
			yield(psa.Record{}, err)
			return
		}
		var found []psa.Record
		for _, r := range s.rows[kindIndex(kind)] {
			if r.gone || r.hidden || w.now.Sub(r.made) < s.lag {
				continue
			}
			hit := true
			for name, v := range by {
				hit = hit && strings.EqualFold(r.fields.String(name), v.(string))
			}
			if hit {
				found = append(found, s.show(r, r.now()))
			}
		}
		if err := w.after(p.is, "find"); err != nil {
			yield(psa.Record{}, err)
			return
		}
		for _, rec := range found {
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// Deletions implements psa.DeletionLister.
func (p *socket) Deletions(_ context.Context, kind psa.Kind, since time.Time) iter.Seq2[psa.Deletion, error] {
	return func(yield func(psa.Deletion, error) bool) {
		w, s := p.r.w, p.side()
		if err := w.before(p.is, "deletions", kind, ""); err != nil {
			yield(psa.Deletion{}, err)
			return
		}
		k := kindIndex(kind)
		for _, r := range s.rows[k] {
			if !r.gone || r.goneAt.Truncate(s.does.grain).Before(since) {
				continue
			}
			d := psa.Deletion{Ref: psa.Ref{Kind: kind, ID: r.id}, At: r.goneAt}
			if r.into != "" {
				d.MergedInto = psa.Ref{Kind: kind, ID: r.into}
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// ServerTime implements psa.ServerTimer.
func (p *socket) ServerTime(context.Context) (time.Time, error) {
	s := p.side()
	if !s.does.timer {
		return time.Time{}, failed("server time", psa.ErrUnsupported)
	}
	if err := p.r.w.before(p.is, "server time", "", ""); err != nil {
		return time.Time{}, err
	}
	return s.clock().Truncate(time.Second), nil
}

// Instance implements psa.Instancer.
func (p *socket) Instance(context.Context) (psa.Instance, error) {
	if err := p.r.w.before(p.is, "instance", "", ""); err != nil {
		return psa.Instance{}, err
	}
	if p.side().other {
		return psa.Instance{ID: "another account"}, nil
	}
	return psa.Instance{ID: "account"}, nil
}

// Canonicalise implements psa.Canonicaliser.
func (p *socket) Canonicalise(_ psa.Kind, fields psa.Fields) (psa.Fields, error) {
	s := p.side()
	out := make(psa.Fields, len(fields))
	for name, v := range fields {
		if name != "external_ref" {
			v = s.canon(v)
		}
		out[name] = v
	}
	return out, nil
}
