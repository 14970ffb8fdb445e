package main

import (
	"fmt"
	"io"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/client"
)

// progressPeriod is how often progress is shown at most.
const progressPeriod = 100 * time.Millisecond

// progress counts the results of a batch, and shows them to who looks on: on one
// line of the terminal, written again and again.
type progress struct {
	terminal            io.Writer // nil: nobody looks on
	total, done, failed int
	shown               time.Time // zero: nothing was
}

// newProgress shows nothing where a carriage return does not lead back to the
// start of the line, nor where the results are printed as they come.
func (a *app) newProgress(total int) *progress {
	p := &progress{total: total}
	asTheyCome := a.output == formatJSON && terminal(a.stdout)
	if terminal(a.stderr) && a.getenv("TERM") != "dumb" && !asTheyCome {
		p.terminal = a.stderr
	}
	return p
}

func (p *progress) add(res client.LineResult) {
	p.done++
	if res.Problem != nil {
		p.failed++
	}
	if now := time.Now(); p.terminal != nil && (now.Sub(p.shown) >= progressPeriod || p.done == p.total) {
		p.shown = now
		fmt.Fprintf(p.terminal, "\rrevokectl: %d of %d lines, %d failed", p.done, p.total, p.failed)
	}
}

// end leaves the line, so that what follows has one of its own.
func (p *progress) end() {
	if !p.shown.IsZero() {
		fmt.Fprintln(p.terminal)
	}
}
