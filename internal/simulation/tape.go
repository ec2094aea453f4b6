package simulation

import (
	"math/rand/v2"
)

// A Tape makes every choice of a history. In record mode a seed decides and the
// bytes are kept; in replay mode the bytes decide, and 0, the dull choice, when
// they are used up. So a seed, a fuzz input and a shrunk regression test are
// the same thing. A Tape is for one goroutine.
type Tape struct {
	bytes  []byte
	pos    int
	random *rand.PCG
	word   uint64
	left   int
}

// NewTape records the choices of a seed.
func NewTape(seed uint64) *Tape {
	return &Tape{bytes: make([]byte, 0, 512), random: rand.NewPCG(seed, 0x9e3779b97f4a7c15)}
}

// Replay makes the choices that were recorded.
func Replay(choices []byte) *Tape { return &Tape{bytes: choices} }

// Bytes returns the choices made so far.
func (t *Tape) Bytes() []byte {
	if t.random == nil {
		return t.bytes[:min(t.pos, len(t.bytes))]
	}
	return t.bytes
}

func (t *Tape) next() int {
	if t.random == nil {
		if t.pos >= len(t.bytes) {
			t.pos++
			return 0
		}
		t.pos++
		return int(t.bytes[t.pos-1])
	}
	if t.left == 0 {
		t.word, t.left = t.random.Uint64(), 8
	}
	b := byte(t.word)
	t.word >>= 8
	t.left--
	t.bytes = append(t.bytes, b)
	return int(b)
}

// IntN chooses one of n, which is at most 256.
func (t *Tape) IntN(n int) int {
	if n < 2 {
		return 0
	}
	return t.next() % n
}

// Chance says yes in so many of 256 cases; for 0 it makes no choice at all.
func (t *Tape) Chance(of256 int) bool { return of256 > 0 && t.next() >= 256-of256 }

// pick chooses one of a list.
func pick[T any](t *Tape, of ...T) T { return of[t.IntN(len(of))] }

// Shrink returns a shorter and duller tape that still fails, trying at most
// tries candidates: it cuts pieces out and then makes single choices dull.
func Shrink(tape []byte, tries int, fails func([]byte) bool) []byte {
	best := append([]byte(nil), tape...)
	try := func(candidate []byte) bool {
		if tries <= 0 {
			return false
		}
		tries--
		if !fails(candidate) {
			return false
		}
		best = candidate
		return true
	}
	for n := len(best); n > 0 && try(append([]byte(nil), best[:n/2]...)); n = len(best) {
	}
	for again := true; again && tries > 0; {
		again = false
		for size := max(len(best)/2, 1); size > 0; size /= 2 {
			for at := 0; at+size <= len(best); {
				cut := append(append([]byte(nil), best[:at]...), best[at+size:]...)
				if try(cut) {
					again = true
					continue
				}
				zeroed := append([]byte(nil), best...)
				same := true
				for i := at; i < at+size; i++ {
					same = same && zeroed[i] == 0
					zeroed[i] = 0
				}
				if !same && try(zeroed) {
					again = true
				}
				at += size
			}
		}
		for i := range best {
			for _, b := range []byte{1, 255} {
				if best[i] <= 1 || best[i] == b || best[i] == 255 {
					break
				}
				dull := append([]byte(nil), best...)
				dull[i] = b
				if try(dull) {
					again = true
					break
				}
			}
		}
	}
	for len(best) > 0 && best[len(best)-1] == 0 {
		best = best[:len(best)-1]
	}
	return best
}
