package validator

import (
	"bytes"
	"io"
	"os"
	"sync/atomic"
	"time"
)

const (
	// breakGlassVariable opens every route of the process, if it is set to
	// breakGlassWord: for an outage in which refusing everybody is worse than
	// serving a session that was revoked meanwhile.
	breakGlassVariable = "REVOKED_STALE_POLICY"
	breakGlassWord     = "fail-open"
	// breakGlassPeriod is how often a file is looked at, while requests need it.
	breakGlassPeriod = time.Second
)

// breakGlass decides, while the denylist is stale, whether a route serves in
// spite of its stale policy. It needs no NATS and, with a file, no restart. It
// starts no goroutine: the file is looked at by requests that are stale.
type breakGlass struct {
	always bool   // by the environment, when the route was made
	file   string // immutable; empty for none

	next atomic.Int64 // when the file is to be looked at again, in nanoseconds since the epoch
	open atomic.Bool  // what it said
}

func newBreakGlass(file string) *breakGlass {
	return &breakGlass{always: os.Getenv(breakGlassVariable) == breakGlassWord, file: file}
}

// broken reports whether the glass is broken at now, and whether that has just
// changed.
func (g *breakGlass) broken(now time.Time) (broken, changed bool) {
	if g.always || g.file == "" {
		return g.always, false
	}
	next := g.next.Load()
	if now.UnixNano() < next || !g.next.CompareAndSwap(next, now.Add(breakGlassPeriod).UnixNano()) {
		return g.open.Load(), false
	}
	open := saysOpen(g.file)
	return open, g.open.Swap(open) != open
}

// saysOpen reports whether the file has the word and nothing else in it. A
// file that can't be read opens nothing.
func saysOpen(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 64))
	return err == nil && string(bytes.TrimSpace(text)) == breakGlassWord
}
