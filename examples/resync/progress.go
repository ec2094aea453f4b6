package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/psasync/psasync/psa/resync"
)

// progress shows how a run goes on: a bar of lists on a terminal, lines
// otherwise. It is told one event at a time.
type progress struct {
	w        io.Writer
	terminal bool
	bar      *progressbar.ProgressBar
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

func (p *progress) observe(e resync.Event) {
	if p.terminal {
		p.draw(e)
		return
	}
	switch e.Type {
	case resync.Entered:
		fmt.Fprintf(p.w, "%s ...\n", e.Phase)
	case resync.KindRead:
		fmt.Fprintf(p.w, "  %-26s %5d rows   %d of %d lists, %d requests\n", e.Kind, e.Rows, e.Done, e.Total, e.Requests)
		if e.Stale != "" {
			fmt.Fprintf(p.w, "    could not be read completely: %s\n", e.Stale)
		}
	case resync.Slow:
		fmt.Fprintln(p.w, "  this run is slow")
	}
}

// draw keeps one bar over all lists of the collect phase; parents bring more
// lists as they are read. What a bar cannot show of itself is nobody's loss.
func (p *progress) draw(e resync.Event) {
	switch e.Type {
	case resync.Entered, resync.Finished:
		if p.bar != nil {
			_ = p.bar.Finish()
			p.bar = nil
		}
		if e.Type == resync.Finished {
			return
		}
		fmt.Fprintf(p.w, "%s ...\n", e.Phase)
		if e.Phase == resync.Collect {
			p.bar = progressbar.NewOptions(1, progressbar.OptionSetWriter(p.w), progressbar.OptionShowCount(), progressbar.OptionSetWidth(24),
				progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(true), progressbar.OptionThrottle(50*time.Millisecond))
		}
	case resync.Progress, resync.KindRead:
		p.bar.Describe(fmt.Sprintf("%-26s %5d rows", e.Kind, e.Rows))
		p.bar.ChangeMax(max(e.Total, 1))
		_ = p.bar.Set(min(e.Done, e.Total-1)) // a bar that was full once stays full
	}
}
