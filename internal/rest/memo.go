package rest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/psasync/psasync/psa"
)

// A Memo keeps one answer of a vendor for those who ask for the same. One
// caller at a time reads; who waited meanwhile takes over what it found, and
// one that is cancelled leaves its turn to the next. It is safe for concurrent
// use; make one with [NewMemo].
type Memo[T any] struct {
	provider string
	turn     chan struct{} // held by the one caller that reads
	mu       sync.Mutex    // never held across a wait
	v        T
	at       time.Time // of v; zero: none
	of       []*psa.Trace
	used     map[string]bool
}

// NewMemo returns an empty Memo. provider is named in errors.
func NewMemo[T any](provider string) *Memo[T] {
	return &Memo[T]{provider: provider, turn: make(chan struct{}, 1)}
}

// Get returns what is kept if it is younger than age, of any age if that is 0,
// and reads it otherwise.
//
// With a user the answer serves each user once, within one set of traces (a
// resync has a trace of its own). So lists that stand in one answer can share
// it without any of them being older than its own resync, and whoever lists a
// kind twice gets two answers, whatever was asked in between. Without a user
// any value will do.
func (m *Memo[T]) Get(ctx context.Context, op, user string, age time.Duration, read func(context.Context) (T, error)) (v T, err error) {
	ended := func() (T, error) { return v, &psa.Error{Provider: m.provider, Op: op, Err: ctx.Err()} }
	if ctx.Err() != nil {
		return ended()
	}
	if v, ok := m.take(ctx, user, age); ok {
		return v, nil
	}
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return ended()
	}
	if v, ok := m.take(ctx, user, age); ok {
		return v, nil
	}
	began := time.Now()
	if v, err = read(ctx); err != nil {
		return v, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.v, m.at, m.of, m.used = v, began, psa.TracesOf(ctx), map[string]bool{user: true}
	return v, nil
}

func (m *Memo[T]) take(ctx context.Context, user string, age time.Duration) (v T, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.at.IsZero() || age > 0 && time.Since(m.at) >= age:
		return v, false
	case user == "":
		return m.v, true
	case m.used[user] || !slices.Equal(m.of, psa.TracesOf(ctx)):
		return v, false
	}
	m.used[user] = true
	return m.v, true
}
