package simulation

import (
	"context"
	"errors"
	"fmt"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/psa"
	"github.com/psasync/psasync/psa/bridge"
)

// somebody is who answers tasks.
const somebody = "somebody"

// answer lets a person answer a task: as it is, or as it was when they looked.
// It reports whether there was one.
func (w *world) answer() bool {
	var open []*cache.Task
	for _, t := range w.state.tasks {
		switch t.Type {
		case bridge.TaskConflict, bridge.TaskAsk, bridge.TaskRefused:
			if t.Group != "" {
				open = append(open, t)
			}
		}
	}
	if len(open) == 0 || w.tape.IntN(2) == 0 {
		return false
	}
	t := open[w.tape.IntN(len(open))]
	rev := int64(0)
	if w.tape.IntN(4) > 0 {
		if w.looked != nil {
			t = w.looked
		}
		rev = t.Rev
	}
	side := pick(w.tape, "left", "right")
	w.note("answer: "+side, onState, t.Kind, t.ID)
	err := w.resolve(t.ID, bridge.Answer{Action: bridge.AnswerTake, Side: side, Actor: somebody, Rev: rev})
	if !errors.Is(err, bridge.ErrOutdated) && !errors.Is(err, psa.ErrNotFound) { // it holds, also if only that was not told
		w.answered = append(w.answered, t)
	}
	return true
}

// outdated remembers a task as somebody may have seen it before a bridge changed
// what it shows.
func (w *world) outdated(b *cache.StateBatch) {
	for i := range b.Tasks {
		t := &b.Tasks[i]
		if at := w.state.task(t.ID); at >= 0 && t.Group != "" && t.Answer == nil {
			w.looked = w.state.tasks[at]
		}
	}
}

// resolve gives an answer in a process of its own.
func (w *world) resolve(id string, a bridge.Answer) (err error) {
	was := w.life
	w.depth++
	w.stats.Cycles++
	life := w.stats.Cycles
	w.life = life
	defer func() {
		w.depth--
		w.life = was
		if e := recover(); e != nil {
			if c, ok := e.(crashed); !ok || c.life != life {
				panic(e)
			}
			err = errCrashed
		}
		if w.trace != nil {
			w.trace(fmt.Sprintf("   answered: %v", err))
		}
	}()
	return w.rig.bridge(w.shape).Resolve(context.Background(), id, a)
}

// knew reports whether a person who answered had been shown a value.
func (w *world) knew(o overwrite) bool {
	for _, t := range w.answered {
		if t.Link != o.link {
			continue
		}
		shown := t.Left
		if o.side == bridge.Right {
			shown = t.Right
		}
		if v, ok := shown[o.field]; ok && w.equal(o.side, v, o.side, w.tokens[o.lost].value) {
			return true
		}
	}
	return false
}

// allowed reports whether somebody answered a task about a field.
func (w *world) allowed(link, field string) bool {
	for _, t := range w.answered {
		if _, ok := t.Left[field]; ok && t.Link == link {
			return true
		}
	}
	return false
}
