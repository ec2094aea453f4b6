package bridge

import (
	"encoding/json"
	"hash/maphash"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/conflict"
	"github.com/psasync/psasync/psa"
)

// firstRun compares all records of a kind on both sides once, before the first
// one is created.
type firstRun struct {
	seed maphash.Seed
	keys [2]map[uint64]candidate
	side Side // being read
	// indexed: keys hold the records of both sides.
	indexed bool
	latest  [2]time.Time // change of a row that was there
}

// A candidate is a record that has a key, and the first few others that have
// it, too.
type candidate struct {
	id   string
	more []string
}

func (c candidate) ids() []string { return append([]string{c.id}, c.more...) }

// match indexes what identifies the records of a kind, unless that was done by
// an earlier run.
func (r *run) match(kind psa.Kind) error {
	done, err := r.st.Setting(r.ctx, r.source, setMatched+string(kind))
	if err != nil {
		return &stateErr{err}
	}
	k := r.c.kinds[kind]
	if done != "" {
		r.since[kind] = readStart(done)
		return nil
	}
	r.first = &firstRun{seed: maphash.MakeSeed()}
	if len(k.match) == 0 || r.sides[Left].offers[kind].PerParent || r.sides[Right].offers[kind].PerParent {
		return nil // children are compared parent by parent
	}
	r.first.indexed = true
	for s := range Side(2) {
		r.first.side = s
		r.first.keys[s] = map[uint64]candidate{}
		f := r.sides[s].offers[kind]
		if !f.Can.Has(psa.CanList) {
			continue
		}
		r.event(EventList, s, kind, "", "comparing")
		for rec, err := range r.sides[s].List(r.ctx, kind, psa.Query{Scope: r.narrow(kind, s)}) {
			if err != nil {
				return err
			}
			if rec.Err != nil || r.outside(s, rec) != "" {
				continue
			}
			for i := range 2 * len(k.match) {
				if key, ok := r.first.key(k, i, s, rec, r); ok {
					c, had := r.first.keys[s][key]
					switch {
					case !had:
						c.id = rec.ID
					case len(c.more) < 9:
						c.more = append(c.more, rec.ID)
					}
					r.first.keys[s][key] = c
				}
			}
		}
	}
	return nil
}

// was notes when a row was changed that the first comparison found.
func (f *firstRun) was(s Side, rec *psa.Record) {
	if f != nil && rec.Updated.After(f.latest[s]) {
		f.latest[s] = rec.Updated
	}
}

// start spells the clocks of both systems when a kind was first compared, or
// when the youngest row that was there was changed. For a system that tells no
// time ours has to do.
func (r *run) start() string {
	at := r.server
	for s := range at {
		if at[s].IsZero() {
			at[s] = r.began
		}
		if r.first.latest[s].After(at[s]) {
			at[s] = r.first.latest[s]
		}
	}
	return psa.FormatTime(at[Left]) + " " + psa.FormatTime(at[Right])
}

func readStart(s string) (at [2]time.Time) {
	left, right, _ := strings.Cut(s, " ")
	for i, text := range []string{left, right} {
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			at[i] = t // otherwise that system tells no time
		}
	}
	return at
}

// key is the hash of a record's value for a pair of fields. Behind the pairs
// themselves come those of company names without what companies add to them.
func (f *firstRun) key(k *kindRules, i int, s Side, rec psa.Record, r *run) (uint64, bool) {
	m := k.match[i%len(k.match)]
	text := matchText(m.paths[s].get(rec.Fields))
	if i >= len(k.match) {
		if k.kind != psa.KindCompany || m.paths[Left].String() != "name" {
			return 0, false
		}
		text = foldName(text)
	}
	if text == "" {
		return 0, false
	}
	parent := ""
	if k.kind == psa.KindSite { // names are unique within their company only
		l, _, err := r.parent(k.kind, s, rec)
		if err != nil || l == nil {
			return 0, false
		}
		parent = l.Key
	}
	var h maphash.Hash
	h.SetSeed(f.seed)
	_ = h.WriteByte(byte(i)) // a hash never fails
	_, _ = h.WriteString(text)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(parent)
	return h.Sum64(), true
}

// matchText is what two values have in common that mean the same: case and
// space do not count.
func matchText(v conflict.Value) string {
	x, _ := v.Get()
	switch x := x.(type) {
	case string:
		return strings.Join(strings.Fields(strings.ToLower(x)), " ")
	case psa.Fields:
		return matchText(conflict.Of(x["name"]))
	}
	return ""
}

// foldName leaves out what companies add to their names.
func foldName(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	for len(words) > 1 && slices.Contains(legalForms, words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	return strings.Join(words, " ")
}

var legalForms = []string{"ltd", "limited", "llc", "llp", "inc", "incorporated", "corp", "corporation", "co", "company", "gmbh", "ag", "kg", "bv", "nv", "sa", "sas", "sarl", "srl", "spa", "ab", "as", "oy", "plc", "pty"}

// pair looks for the counterpart of a record without a link. done tells that
// the record was linked, or waits for a person.
func (r *run) pair(k *kindRules, s Side, rec psa.Record, parent *cache.Link, h how) (done bool, err error) {
	to := s.Other()
	if wait, err := r.waits(s, rec.Ref); err != nil {
		return false, err
	} else if wait {
		return true, r.done(s, rec)
	}
	var found []string
	sure := false
	switch {
	case r.first != nil && r.first.indexed:
		found, sure = r.indexed(k, s, rec)
	case parent != nil && (r.first != nil || k.kind == psa.KindSite):
		found, err = r.alike(k, s, rec, parent)
		sure = len(found) == 1
	case len(k.match) > 0:
		found, sure, err = r.searched(k, to, s, rec)
	}
	if err != nil || len(found) == 0 {
		return false, err
	}
	free := found[:0]
	for _, id := range found {
		_, taken, err := r.st.LinkOf(r.ctx, r.source, to, psa.Ref{Kind: k.kind, ID: id})
		if err != nil {
			return false, &stateErr{err}
		}
		if !taken {
			free = append(free, id)
		}
	}
	if len(free) == 0 {
		return false, nil
	}
	if sure && len(free) == 1 {
		other, err := r.get(to, psa.Ref{Kind: k.kind, ID: free[0]})
		if err != nil {
			return false, err
		}
		if r.sameParent(k, to, other, parent) && r.outside(to, other) == "" {
			return true, r.join(k, s, rec, to, other, parent, "found by its "+k.match0(), h)
		}
	}
	t := cache.Task{ID: taskID(TaskMatch, s, k.kind, rec.ID), Type: TaskMatch, Kind: k.kind, Side: s, Record: rec.ID, Candidates: free,
		Reason: "records of the " + to.String() + " side may be the same"}
	by, err := asking(r.ctx, r.st, r.source, to, k.kind, free, rec.ID)
	if err != nil {
		return false, err
	}
	if rest := slices.DeleteFunc(slices.Clone(free), func(id string) bool { return slices.Contains(by, id) }); len(rest) > 0 {
		t.Candidates = rest
	} else {
		t = cache.Task{ID: taskID(taskPaired, s, k.kind, rec.ID), Type: taskPaired, Kind: k.kind, Side: s, Record: rec.ID, Candidates: by,
			Due: r.now(), Reason: "may be a record of the " + to.String() + " side that has a match task"}
	}
	b := cache.StateBatch{Tasks: []cache.Task{t}, Seen: r.seenOf(s, rec)}
	return true, r.saveTasks(b)
}

func (k *kindRules) match0() string {
	if len(k.match) == 0 {
		return "text"
	}
	return k.match[0].paths[Left].String()
}

// sameParent reports whether a candidate belongs to the same parent.
func (r *run) sameParent(k *kindRules, s Side, rec psa.Record, parent *cache.Link) bool {
	if parent == nil {
		return true
	}
	l, _, err := r.parent(k.kind, s, rec)
	return err == nil && l != nil && l.Key == parent.Key
}

// indexed asks the index of the first run. Surely the same are two records that
// alone have a key; the first key that tells anything decides.
func (r *run) indexed(k *kindRules, s Side, rec psa.Record) (ids []string, sure bool) {
	to := s.Other()
	for i := range 2 * len(k.match) {
		key, ok := r.first.key(k, i, s, rec, r)
		if !ok {
			continue
		}
		there, ok := r.first.keys[to][key]
		if !ok {
			continue
		}
		return there.ids(), i < len(k.match) && len(there.more) == 0 && len(r.first.keys[s][key].more) == 0
	}
	return nil, false
}

// searched asks the other side.
func (r *run) searched(k *kindRules, to, s Side, rec psa.Record) (ids []string, sure bool, err error) {
	f := r.sides[to].offers[k.kind]
	if !f.Can.Has(psa.CanFind) {
		return nil, false, nil
	}
	for _, m := range k.match {
		field := m.paths[to].String()
		v, _ := m.paths[s].get(rec.Fields).Get()
		text, ok := v.(string)
		if !ok || strings.TrimSpace(text) == "" || !slices.Contains(f.Find, field) {
			continue
		}
		for found, err := range psa.Find(r.ctx, r.sides[to].Provider, k.kind, psa.Fields{field: text}) {
			if err != nil {
				return nil, false, err
			}
			if found.Err == nil {
				ids = append(ids, found.ID)
			}
		}
		if len(ids) > 0 {
			return ids, len(ids) == 1, nil
		}
	}
	return nil, false, nil
}

// neighbours are the children of one parent, kept while its children are dealt
// with one after the other.
type neighbours struct {
	side   Side
	kind   psa.Kind
	parent string
	rows   []psa.Record
}

// alike finds children of the same parent on the other side that have the same
// key or, where a kind has none, say the same: the only way to tell notes and
// time entries.
func (r *run) alike(k *kindRules, s Side, rec psa.Record, parent *cache.Link) ([]string, error) {
	to := s.Other()
	rows, err := r.children(k.kind, to, parent.IDs[to])
	if err != nil {
		return nil, err
	}
	var ids []string
	if len(k.match) == 0 {
		print := fingerprint(k, to, r.c.mapTo(to, rec, nil, r.peers[to]).fields)
		for _, row := range rows {
			if print != "" && fingerprint(k, to, row.Fields) == print {
				ids = append(ids, row.ID)
			}
		}
		return ids, nil
	}
	for _, m := range k.match {
		text := matchText(m.paths[s].get(rec.Fields))
		for _, row := range rows {
			if text != "" && matchText(m.paths[to].get(row.Fields)) == text {
				ids = append(ids, row.ID)
			}
		}
		if len(ids) > 0 {
			break
		}
	}
	return ids, nil
}

// children lists the children of a parent on one side.
func (r *run) children(kind psa.Kind, s Side, parent string) ([]psa.Record, error) {
	if r.near.side == s && r.near.kind == kind && r.near.parent == parent {
		return r.near.rows, nil
	}
	f := r.sides[s].offers[kind]
	q := psa.Query{Parent: psa.Ref{Kind: parentOf(kind), ID: parent}}
	if f.Parent != parentOf(kind) {
		return nil, nil
	}
	var rows []psa.Record
	for rec, err := range r.sides[s].List(r.ctx, kind, q) {
		if err != nil {
			return nil, err
		}
		if rec.Err == nil {
			rows = append(rows, rec)
		}
	}
	r.near = neighbours{s, kind, parent, rows}
	return rows, nil
}

// fingerprint is what tells one note or time entry of a ticket from another; ""
// if nothing does.
func fingerprint(k *kindRules, s Side, f psa.Fields) string {
	var b strings.Builder
	for i := range k.units {
		u := &k.units[i]
		switch u.name {
		case "text", "notes", "internal_notes", "start_at", "hours":
			x, _ := u.own(s, f).Get()
			if text := plain(x); text != "" {
				b.WriteString(u.name + "=" + text + "\x00")
			}
		}
	}
	return b.String()
}

// What halfMade knows of a row.
type finding uint8

const (
	another finding = iota
	perhaps         // a create whose outcome is unknown may have made it
	thatOne
)

// halfMade finds the half link whose missing record a row is, for kinds that
// have no field for a marker.
func (r *run) halfMade(k *kindRules, s Side, rec psa.Record, parent *cache.Link) (cache.Link, finding) {
	if k.marker[s] != "" {
		return cache.Link{}, another
	}
	found := another
	for _, key := range sortedKeys(r.half) {
		l := r.half[key]
		if l.Kind != k.kind || l.Pending == nil || l.Pending.Side != s || l.IDs[s] != "" || parent != nil && l.Parent != parent.Key {
			continue
		}
		if r.likeness(k, s, l.Pending.Sent)(rec.Fields) {
			return l, thatOne
		}
		if !rec.Updated.Before(l.Pending.At.Add(-r.b.opts.Overlap)) {
			found = perhaps
		}
	}
	return cache.Link{}, found
}

// likeness tells rows that hold what was sent, as it was sent or as the system
// spells it.
func (r *run) likeness(k *kindRules, s Side, sent psa.Fields) func(psa.Fields) bool {
	canon, err := psa.Canonicalise(r.sides[s].Provider, k.kind, sent)
	if err != nil {
		canon = sent // then only the very values count
	}
	return func(f psa.Fields) bool {
		told := false
		for i := range k.units {
			u := &k.units[i]
			want, ok := u.own(s, sent).Get()
			text := plain(want)
			if !ok || text == "" {
				continue
			}
			told = true
			is, _ := u.own(s, f).Get()
			as, _ := u.own(s, canon).Get()
			if got := plain(is); got != text && got != plain(as) {
				return false
			}
		}
		return told
	}
}

// plain spells texts and numbers, "" for what else there is: references may be
// filled and states may be changed by the system's own rules.
func plain(x any) string {
	switch x := x.(type) {
	case string:
		if t, err := time.Parse(time.RFC3339Nano, x); err == nil {
			return t.Truncate(time.Minute).UTC().Format(time.RFC3339)
		}
		return strings.Join(strings.Fields(x), " ")
	case json.Number:
		return x.String()
	}
	return ""
}
