package mapping

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/psasync/psasync/psa"
)

// A Layout says where the canonical fields of each kind stand in a vendor's
// JSON. It is immutable and safe for concurrent use. README.md in this
// directory describes the language.
type Layout struct {
	provider string
	salt     string
	kinds    []*KindLayout // in the order of psa.ConfigKinds and psa.RecordKinds
	byName   map[string]*KindLayout
}

// engine is part of every salt: raise it when the meaning of the language changes.
const engine = "1"

// ParseLayout reads a layout. name stands in front of every message. The error
// is an [*Error] with everything that is wrong.
func ParseLayout(name string, src []byte) (*Layout, error) {
	var p problems
	root := parseYAML(name, src, &p)
	if root == nil {
		return nil, p.err()
	}
	l := compileLayout(root, &p)
	if err := p.err(); err != nil {
		return nil, err
	}
	var meaning strings.Builder
	root.dump(&meaning)
	sum := sha256.Sum256([]byte(engine + "\x00" + meaning.String()))
	l.salt = hex.EncodeToString(sum[:8])
	return l, nil
}

// Salt returns a text that is another one whenever the layout's meaning is
// another one. It goes into the hashes of rows, so that a new layout decodes
// rows it has seen before.
func (l *Layout) Salt() string { return l.salt }

// Kinds returns the kinds described, configuration first, in the order of
// [psa.ConfigKinds] and [psa.RecordKinds]; a kind with variants only is
// among them.
func (l *Layout) Kinds() []psa.Kind {
	var kinds []psa.Kind
	for _, k := range l.kinds {
		if len(kinds) == 0 || kinds[len(kinds)-1] != k.kind {
			kinds = append(kinds, k.kind)
		}
	}
	return kinds
}

// Kind returns the layout of a kind, or nil. A kind that a vendor keeps in
// several places has variants, which are asked for by their full name: the
// entry "classification/subtype" of the file is Kind("classification/subtype").
func (l *Layout) Kind(k psa.Kind) *KindLayout { return l.byName[string(k)] }

// A KindLayout describes the rows of one kind. It is immutable and safe for
// concurrent use.
type KindLayout struct {
	kind       psa.Kind
	variant    string
	provider   string
	plan       *plan
	id         expr
	parentKind psa.Kind
	parent     expr // id of the parent; nil: only what Decode is told
	active     expr // nil: always
	updated    expr // nil: unknown
	version    expr // nil: none
	rules      []rule
	objects    bool  // references are written as {"id": 5}
	keepPlan   *plan // nil: every row
	keep       cond
}

// Kind returns the kind of the records.
func (k *KindLayout) Kind() psa.Kind { return k.kind }

// Variant returns what follows the slash of "kind/variant", or "".
func (k *KindLayout) Variant() string { return k.variant }

// Fields returns the canonical names that Decode may set, sorted. A name within
// an object is dotted.
func (k *KindLayout) Fields() []string {
	names := ruleNames(nil, "", k.rules)
	slices.Sort(names)
	return names
}

func ruleNames(names []string, prefix string, rules []rule) []string {
	for _, r := range rules {
		if o, ok := r.expr.(*objectExpr); ok {
			names = ruleNames(names, prefix+r.name+".", o.fields)
			continue
		}
		names = append(names, prefix+r.name)
	}
	return names
}

// Sources returns the vendor's paths that Decode and Keep read, dotted and
// sorted; a path that is read as a whole stands for everything under it.
func (k *KindLayout) Sources() []string {
	paths := leaves(nil, k.plan.root)
	if k.keepPlan != nil {
		paths = leaves(paths, k.keepPlan.root)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

func leaves(paths []string, b *branch) []string {
	if b.leaf {
		return append(paths, b.path)
	}
	for _, sub := range b.sub {
		paths = leaves(paths, sub)
	}
	return paths
}

// maxSlots is how many paths a scan keeps on the stack.
const maxSlots = 112

// Decode turns a vendor's row into a record, in one pass over its bytes. Raw
// and Hash are left to the caller. A path that the row lacks leaves the field
// out; null gives nil. parent is the row that this one was listed under, the
// zero Ref if none; what the row itself says about its parent goes first.
//
// Where the row makes no sense, Record.Err is a *psa.Error of class
// [psa.ErrData] that names the field and the path but no value; Ref.ID is set
// if the id was readable. Keys that the layout does not read are checked for
// grammar only. A key it reads that stands twice in one object is an error.
// Invalid UTF-8 in a text becomes U+FFFD, as with encoding/json.
func (k *KindLayout) Decode(raw []byte, parent psa.Ref) psa.Record {
	rec := psa.Record{Ref: psa.Ref{Kind: k.kind}, Parent: parent, Active: true}
	var buf [maxSlots]span
	r := row{raw: raw, spans: spansFor(&buf, k.plan), parent: parent}
	scanErr := k.plan.scan(raw, r.spans)
	id, err := k.idOf(&r)
	rec.ID = id
	if err = cmp.Or(scanErr, err); err == nil {
		err = k.fill(&r, &rec)
	}
	if err != nil {
		rec.Fields = nil
		rec.Err = k.fail(rec.Ref, err)
	}
	return rec
}

func spansFor(buf *[maxSlots]span, p *plan) []span {
	if n := len(p.paths); n > maxSlots {
		return make([]span, n)
	}
	return buf[:len(p.paths)]
}

func (k *KindLayout) fail(ref psa.Ref, err error) error {
	return &psa.Error{Provider: k.provider, Op: "decode", Ref: refIfKnown(ref), Code: psa.ErrData, Detail: err.Error()}
}

func refIfKnown(r psa.Ref) psa.Ref {
	if r.ID == "" {
		return psa.Ref{}
	}
	return r
}

func (k *KindLayout) idOf(r *row) (string, error) {
	v, _, err := k.id.eval(r)
	if err != nil {
		return "", of("id", err)
	}
	id, _ := v.(string)
	if id == "" {
		return "", bad("id: the row has none")
	}
	return id, nil
}

func (k *KindLayout) fill(r *row, rec *psa.Record) error {
	if k.parent != nil {
		v, _, err := k.parent.eval(r)
		if err != nil {
			return of("parent", err)
		}
		if id, _ := v.(string); id != "" {
			rec.Parent = psa.Ref{Kind: k.parentKind, ID: id}
			r.parent = rec.Parent
		}
	}
	if k.active != nil {
		v, _, err := k.active.eval(r)
		if err != nil {
			return of("active", err)
		}
		rec.Active = v != false
	}
	if k.updated != nil {
		v, _, err := k.updated.eval(r)
		if err != nil {
			return of("updated", err)
		}
		if s, _ := v.(string); s != "" {
			at, err := time.Parse(time.RFC3339Nano, s)
			if err != nil {
				return of("updated", bad("the text is no time"))
			}
			rec.Updated = at.UTC()
		}
	}
	if k.version != nil {
		v, _, err := k.version.eval(r)
		if err != nil {
			return of("version", err)
		}
		rec.Version, _ = v.(string)
	}
	rec.Fields = make(psa.Fields, len(k.rules))
	for i := range k.rules {
		f := &k.rules[i]
		v, ok, err := f.expr.eval(r)
		if err != nil {
			return of(f.name, err)
		}
		if ok {
			rec.Fields[f.name] = v
		}
	}
	return nil
}

// ID returns the id of a row and reads no more of it than the layout's paths.
// The error is [psa.ErrData]; it is one too where the id is made of the parent's.
func (k *KindLayout) ID(raw []byte) (string, error) {
	var buf [maxSlots]span
	r := row{raw: raw, spans: spansFor(&buf, k.plan)}
	if err := k.plan.scan(raw, r.spans); err != nil {
		return "", k.fail(psa.Ref{}, err)
	}
	id, err := k.idOf(&r)
	if err != nil {
		return "", k.fail(psa.Ref{}, err)
	}
	return id, nil
}

// Keep reports whether a row belongs to this kind at all: whether it fulfils
// the layout's where. The error is [psa.ErrData].
func (k *KindLayout) Keep(raw []byte) (bool, error) {
	if k.keepPlan == nil {
		return true, nil
	}
	var buf [maxSlots]span
	r := row{raw: raw, spans: spansFor(&buf, k.keepPlan)}
	if err := k.keepPlan.scan(raw, r.spans); err != nil {
		return false, k.fail(psa.Ref{}, err)
	}
	ok, err := k.keep.holds(&r)
	if err != nil {
		return false, k.fail(psa.Ref{}, of("where", err))
	}
	return ok, nil
}
