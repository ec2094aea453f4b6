package cachetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
)

// source is where most cases write.
const source = "acme/connectwise"

var noon = time.Date(2026, 3, 4, 12, 0, 0, 123456789, time.UTC)

// row returns an active row with a name, bytes and their hash.
func row(kind psa.Kind, id, name string) psa.Record {
	raw, err := json.Marshal(map[string]string{"id": id, "name": name})
	if err != nil {
		panic(err) // strings always have a JSON form
	}
	return rehash(psa.Record{
		Ref: psa.Ref{Kind: kind, ID: id}, Active: true, Updated: noon, Version: "v" + id,
		Fields: psa.Fields{"name": name},
		Raw:    raw,
	})
}

func rehash(r psa.Record) psa.Record {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s", r.Ref, r.Raw))
	copy(r.Hash[:], sum[:])
	return r
}

func rows(kind psa.Kind, name string, n int) []psa.Record {
	out := make([]psa.Record, n)
	for i := range out {
		out[i] = row(kind, fmt.Sprint(i+1), name)
	}
	return out
}

// difference says how two rows differ, "" if they are the same. Raw is compared
// as JSON, since a store may keep it as such.
func difference(got, want psa.Record) string {
	switch {
	case got.Ref != want.Ref:
		return fmt.Sprintf("Ref is %v, not %v", got.Ref, want.Ref)
	case got.Parent != want.Parent:
		return fmt.Sprintf("Parent is %v, not %v", got.Parent, want.Parent)
	case got.Active != want.Active:
		return fmt.Sprintf("Active is %v", got.Active)
	case got.Version != want.Version:
		return fmt.Sprintf("Version is %q, not %q", got.Version, want.Version)
	case !got.Updated.Equal(want.Updated):
		return fmt.Sprintf("Updated is %v, not %v", got.Updated, want.Updated)
	case got.Updated.Location() != time.UTC:
		return fmt.Sprintf("Updated is in %v, not UTC", got.Updated.Location())
	case got.Hash != want.Hash:
		return fmt.Sprintf("Hash is %x, not %x", got.Hash, want.Hash)
	case !got.Fields.Equal(want.Fields):
		return fmt.Sprintf("Fields are %#v, not %#v", got.Fields, want.Fields)
	case !sameJSON(got.Raw, want.Raw):
		return fmt.Sprintf("Raw is %.200s, not %.200s", got.Raw, want.Raw)
	}
	return ""
}

func sameJSON(a, b json.RawMessage) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	decode := func(b []byte) (v any, err error) {
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		err = d.Decode(&v)
		return v, err
	}
	va, errA := decode(a)
	vb, errB := decode(b)
	return errA == nil && errB == nil && reflect.DeepEqual(va, vb)
}

// has fails unless the snapshot holds exactly these rows of a kind, in this
// order.
func (c *tester) has(snap *cache.Snapshot, kind psa.Kind, want ...psa.Record) {
	var got []psa.Record
	for r := range snap.All(kind) {
		got = append(got, r)
	}
	if len(got) != len(want) {
		c.errorf("there are %d rows of %s, not %d", len(got), kind, len(want))
		return
	}
	for i := range got {
		if d := difference(got[i], want[i]); d != "" {
			c.errorf("%v: %s", want[i].Ref, d)
		}
	}
}

// same fails unless both snapshots hold the same version, meta data and rows.
func (c *tester) same(what string, got, want *cache.Snapshot) {
	if got.Version() != want.Version() {
		c.errorf("%s: version is %d, not %d", what, got.Version(), want.Version())
	}
	gotMeta, err := json.Marshal(got.Meta())
	if err != nil {
		c.fatalf("%v", err)
	}
	wantMeta, err := json.Marshal(want.Meta())
	if err != nil {
		c.fatalf("%v", err)
	}
	if !bytes.Equal(gotMeta, wantMeta) {
		c.errorf("%s: meta data is %s, not %s", what, gotMeta, wantMeta)
	}
	for _, kind := range want.Kinds() {
		var rows []psa.Record
		for r := range want.All(kind) {
			rows = append(rows, r)
		}
		c.has(got, kind, rows...)
	}
	for _, kind := range got.Kinds() {
		if got.Len(kind) > 0 && want.Len(kind) == 0 {
			c.errorf("%s: there are rows of %s", what, kind)
		}
	}
}
