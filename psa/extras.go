package psa

import (
	"context"
	"iter"
	"time"
)

func unsupported(p Provider, op string, ref Ref) error {
	return &Error{Provider: p.Name(), Op: op, Ref: ref, Code: ErrUnsupported}
}

func fail[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		yield(zero, err)
	}
}

// Count counts rows if p is a [Counter], and is [ErrUnsupported] otherwise.
func Count(ctx context.Context, p Provider, kind Kind, q Query) (int, error) {
	if c, ok := p.(Counter); ok {
		return c.Count(ctx, kind, q)
	}
	return 0, unsupported(p, "count "+string(kind), Ref{})
}

// Check tests credentials and rights if p is a [Checker], and is
// [ErrUnsupported] otherwise.
func Check(ctx context.Context, p Provider, kinds ...Kind) (CheckReport, error) {
	if c, ok := p.(Checker); ok {
		return c.Check(ctx, kinds...)
	}
	return CheckReport{}, unsupported(p, "check", Ref{})
}

// InstanceOf returns the account behind p if it is an [Instancer], and is
// [ErrUnsupported] otherwise.
func InstanceOf(ctx context.Context, p Provider) (Instance, error) {
	if i, ok := p.(Instancer); ok {
		return i.Instance(ctx)
	}
	return Instance{}, unsupported(p, "instance", Ref{})
}

// ServerTime returns the vendor's clock if p is a [ServerTimer], and is
// [ErrUnsupported] otherwise.
func ServerTime(ctx context.Context, p Provider) (time.Time, error) {
	if s, ok := p.(ServerTimer); ok {
		return s.ServerTime(ctx)
	}
	return time.Time{}, unsupported(p, "server time", Ref{})
}

// Find looks rows up if p is a [Finder]; otherwise it yields [ErrUnsupported].
func Find(ctx context.Context, p Provider, kind Kind, by Fields) iter.Seq2[Record, error] {
	if f, ok := p.(Finder); ok {
		return f.Find(ctx, kind, by)
	}
	return fail[Record](unsupported(p, "find "+string(kind), Ref{}))
}

// Deletions lists deleted rows if p is a [DeletionLister]; otherwise it yields
// [ErrUnsupported].
func Deletions(ctx context.Context, p Provider, kind Kind, since time.Time) iter.Seq2[Deletion, error] {
	if d, ok := p.(DeletionLister); ok {
		return d.Deletions(ctx, kind, since)
	}
	return fail[Deletion](unsupported(p, "deletions "+string(kind), Ref{}))
}

// Create creates a row if p is a [Creator], and is [ErrUnsupported] otherwise.
func Create(ctx context.Context, p Provider, kind Kind, fields Fields, notify Notify) (Record, error) {
	if c, ok := p.(Creator); ok {
		return c.Create(ctx, kind, fields, notify)
	}
	return Record{}, unsupported(p, "create "+string(kind), Ref{})
}

// Update changes a row if p is an [Updater], and is [ErrUnsupported] otherwise.
func Update(ctx context.Context, p Provider, ref Ref, patch Patch) (Record, error) {
	if u, ok := p.(Updater); ok {
		return u.Update(ctx, ref, patch)
	}
	return Record{}, unsupported(p, "update", ref)
}

// Delete deletes or deactivates a row if p is a [Deleter], and is
// [ErrUnsupported] otherwise.
func Delete(ctx context.Context, p Provider, ref Ref) error {
	if d, ok := p.(Deleter); ok {
		return d.Delete(ctx, ref)
	}
	return unsupported(p, "delete", ref)
}

// Canonicalise returns what p will store for fields, or fields themselves if p
// is no [Canonicaliser].
func Canonicalise(p Provider, kind Kind, fields Fields) (Fields, error) {
	if c, ok := p.(Canonicaliser); ok {
		return c.Canonicalise(kind, fields)
	}
	return fields, nil
}
