package bridge

import (
	"slices"
	"strings"

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

// hiddenMarker reads the marker of a row whose list leaves the field out: it may
// be one of the bridge's own, if the answer to its creation was lost.
func (r *run) hiddenMarker(k *kindRules, s Side, rec psa.Record) (id string, ok bool, err error) {
	marker := newPath(k.marker[s])
	if _, told := marker.get(rec.Fields).Get(); told || marker == nil {
		return "", false, nil
	}
	whole, err := r.get(s, rec.Ref)
	if err == nil {
		err = whole.Err
	}
	if err != nil {
		return "", false, err
	}
	id, ok = r.b.markedBy(marker.text(whole.Fields), s)
	return id, ok, nil
}

// searchable reports whether a side finds rows by their marker.
func (r *run) searchable(k *kindRules, on Side) bool {
	f := r.sides[on].offers[k.kind]
	return k.marker[on] != "" && f.Can.Has(psa.CanFind) && slices.Contains(f.Find, k.marker[on])
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

// older orders rows by id, by number where they are numbers.
func older(a, b psa.Record) bool {
	if len(a.ID) != len(b.ID) {
		return len(a.ID) < len(b.ID)
	}
	return a.ID < b.ID
}
