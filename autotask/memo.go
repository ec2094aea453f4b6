package autotask

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/psasync/psasync/psa"
)

// A memo keeps one answer of the vendor for those who ask for the same.
//
// One call of entityInformation/fields holds the picklists of seven kinds, and
// the lists of a resync ask for it one by one. They share an answer where that
// can make none of them older than its own resync: it serves each user once,
// within one set of traces (a resync has a trace of its own), for a minute. So
// whoever lists a kind twice gets two answers, whatever was asked in between.
type memo[T any] struct {
	turn chan struct{} // held by the one caller that reads
	mu   sync.Mutex    // never held across a wait
	v    T
	at   time.Time // of v; zero: none
	of   []*psa.Trace
	used map[string]bool
}

func newMemo[T any]() *memo[T] { return &memo[T]{turn: make(chan struct{}, 1)} }

// get returns the kept value, or reads it. An empty user takes any value of at
// most that age. A caller that is cancelled leaves its turn to the next.
func (m *memo[T]) get(ctx context.Context, op, user string, age time.Duration, read func(context.Context) (T, error)) (v T, err error) {
	if v, ok := m.take(ctx, user, age); ok {
		return v, nil
	}
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return v, &psa.Error{Provider: name, Op: op, Err: ctx.Err()}
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

func (m *memo[T]) take(ctx context.Context, user string, age time.Duration) (v T, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.at.IsZero() || time.Since(m.at) >= age:
		return v, false
	case user == "":
		return m.v, true
	case m.used[user] || !slices.Equal(m.of, psa.TracesOf(ctx)):
		return v, false
	}
	m.used[user] = true
	return m.v, true
}

// memos are the answers that are shared.
type memos struct {
	fields  map[string]*memo[metadata] // by entity
	customs *memo[[]definition]
}

func newMemos(lists map[psa.Kind][]*list) *memos {
	m := &memos{fields: map[string]*memo[metadata]{}, customs: newMemo[[]definition]()}
	for _, of := range lists {
		for _, l := range of {
			m.fields[l.entity] = newMemo[metadata]()
		}
	}
	return m
}
