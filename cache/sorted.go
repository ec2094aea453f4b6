package cache

import (
	"iter"
	"slices"
)

// A sorted keeps entries in the order of compare, which tells any two of them
// apart. It is a list of short sorted lists, so that adding to many entries
// moves few of them.
type sorted[E any] struct {
	compare func(a, b *E) int
	runs    [][]*E // none is empty
}

// longestRun is when a run is split in two.
const longestRun = 256

// run returns the run that e is in, or would be added to.
func (s *sorted[E]) run(e *E) int {
	i, _ := slices.BinarySearchFunc(s.runs, e, func(run []*E, e *E) int { return s.compare(run[len(run)-1], e) })
	return min(i, len(s.runs)-1)
}

func (s *sorted[E]) add(e *E) {
	if len(s.runs) == 0 {
		s.runs = append(s.runs, []*E{e})
		return
	}
	i := s.run(e)
	at, _ := slices.BinarySearchFunc(s.runs[i], e, s.compare)
	run := slices.Insert(s.runs[i], at, e)
	if len(run) <= longestRun {
		s.runs[i] = run
		return
	}
	half := len(run) / 2
	if at == len(run)-1 && i == len(s.runs)-1 {
		half = at // entries that come in order fill their runs
	}
	s.runs[i] = slices.Clip(run[:half])
	s.runs = slices.Insert(s.runs, i+1, slices.Clone(run[half:]))
}

// remove takes out e, which is in s.
func (s *sorted[E]) remove(e *E) {
	i := s.run(e)
	at, _ := slices.BinarySearchFunc(s.runs[i], e, s.compare)
	s.runs[i] = slices.Delete(s.runs[i], at, at+1)
	if len(s.runs[i]) == 0 {
		s.runs = slices.Delete(s.runs, i, i+1)
	}
}

// from yields the entries that are not before a place; order compares an entry
// with it. s may be nil.
func (s *sorted[E]) from(order func(*E) int) iter.Seq[*E] {
	return func(yield func(*E) bool) {
		if s == nil {
			return
		}
		first, _ := slices.BinarySearchFunc(s.runs, order, func(run []*E, order func(*E) int) int { return order(run[len(run)-1]) })
		for i := first; i < len(s.runs); i++ {
			run := s.runs[i]
			if i == first {
				at, _ := slices.BinarySearchFunc(run, order, func(e *E, order func(*E) int) int { return order(e) })
				run = run[at:]
			}
			for _, e := range run {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// A sortedBy keeps one sorted for each value of an index.
type sortedBy[K comparable, E any] map[K]*sorted[E]

func (m *sortedBy[K, E]) add(k K, e *E, compare func(a, b *E) int) {
	s := (*m)[k]
	if s == nil {
		if *m == nil {
			*m = sortedBy[K, E]{}
		}
		s = &sorted[E]{compare: compare}
		(*m)[k] = s
	}
	s.add(e)
}

func (m *sortedBy[K, E]) remove(k K, e *E) {
	s := (*m)[k]
	s.remove(e)
	if len(s.runs) == 0 {
		delete(*m, k)
	}
}
