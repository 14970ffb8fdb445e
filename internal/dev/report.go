package dev

import (
	"context"
	"fmt"
	"io"
	"time"
)

// step is one chapter of the story: what it is called in DEMO_BREAK, what
// happens, what is expected of it, and what makes it happen. happened says what
// was seen; an error says that the step did not hold.
type step struct {
	name     string
	story    string
	expected string
	run      func() (happened string, err error)
}

// play runs the steps in order, writes a line for each, and returns an error
// that names the first that did not hold. One that the end of ctx has cut short
// is not blamed.
func play(ctx context.Context, out io.Writer, steps []step) error {
	for i, s := range steps {
		began := time.Now()
		happened, err := s.run()
		if err != nil && ctx.Err() != nil {
			return fmt.Errorf("in step %q: %w", s.name, ctx.Err())
		}
		verdict := "ok"
		if err != nil {
			verdict, happened = "FAILED", err.Error()
		}
		fmt.Fprintf(out, "%d. %-8s%-6s%6d ms  %s Expected: %s. Happened: %s.\n",
			i+1, s.name, verdict, time.Since(began).Milliseconds(), s.story, s.expected, happened)
		if err != nil {
			return fmt.Errorf("step %q did not hold: %w", s.name, err)
		}
	}
	return nil
}
