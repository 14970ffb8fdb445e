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

// BreakGlass decides, while the denylist is stale, whether to serve in spite of
// the stale policy. A [Route] has one; it is for those who decide without. It
// needs no NATS and, with a file, no restart. It starts no goroutine: the file
// is looked at by those who ask. It is safe for concurrent use.
type BreakGlass struct {
	always bool   // by the environment, when the route was made
	file   string // immutable; empty for none

	next atomic.Int64 // when the file is to be looked at again, in nanoseconds since the epoch
	open atomic.Bool  // what it said
}

// NewBreakGlass returns the break-glass that [RouteConfig] describes at its
// BreakGlassFile.
func NewBreakGlass(file string) *BreakGlass {
	return &BreakGlass{always: os.Getenv(breakGlassVariable) == breakGlassWord, file: file}
}

// Always reports whether the environment has broken it for as long as the
// process runs.
func (g *BreakGlass) Always() bool { return g.always }

// Broken reports whether the glass is broken at now, and whether that has just
// changed, which one caller is told and should log.
func (g *BreakGlass) Broken(now time.Time) (broken, changed bool) {
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
