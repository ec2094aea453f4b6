package psatest

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"time"
)

// loops numbers the loops that were watched, to tell their goroutines apart.
var loops atomic.Int64

// goroutines runs f and returns the stacks of those it started that are still
// there when everything has come to rest. They are told by a profiler label,
// which goroutines inherit, so that other tests do not disturb.
func (e *env) goroutines(f func(context.Context)) string {
	label := fmt.Sprintf("loop-%d", loops.Add(1))
	pprof.Do(e.ctx, pprof.Labels("psatest", label), f)
	if !e.h.RealTime {
		e.settle()
		return labelled(label)
	}
	left := ""
	for range 40 { // sockets need a moment
		if left = labelled(label); left == "" {
			break
		}
		e.pause(25 * time.Millisecond)
	}
	return left
}

// labelled returns the stacks of the goroutines with a label, less those of
// idle connections, which belong to a pool.
func labelled(label string) string {
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		return err.Error()
	}
	var left []string
	for stack := range strings.SplitSeq(b.String(), "\n\n") {
		if strings.Contains(stack, `"`+label+`"`) && !strings.Contains(stack, "net/http.(*persistConn)") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}
