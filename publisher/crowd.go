package publisher

import (
	"sync"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// crowd is how many acts on one target are accepted as fast as they come.
	// Nodes find the acts on a target one after the other. With a thousand a look
	// at a token of it takes 6 µs instead of 35 ns; with 50,000 it takes 0.35 ms,
	// and the start of every node 6 s longer, growing with the square of their
	// number (go test -run=- -bench=Crowd ./internal/denylist). A loop that went
	// wrong, or one stolen key, could stop the whole fleet.
	crowd = 1000
	// crowdPause is how often one is accepted beyond that. What was issued
	// before the newest of the thousand is refused already.
	crowdPause = time.Minute
)

// CrowdedError says that the target has a thousand acts, and got the last one
// less than a minute ago. Nothing has happened.
type CrowdedError struct{ RetryAfter time.Duration }

// Error says what to do.
func (e *CrowdedError) Error() string {
	return "publisher: the target has a thousand revocations: beyond them one a minute is accepted"
}

// crowds slows down the growth of crowds. It is safe for concurrent use.
type crowds struct {
	mu sync.Mutex // guards the field below
	// next is when a crowded target may have one act more.
	next map[revocation.Target]time.Time
}

// admit returns nil if one more act on the target may be accepted, which has
// held acts, else a [*CrowdedError].
func (c *crowds) admit(t revocation.Target, held int, now time.Time) error {
	if held < crowd {
		return nil
	}
	t.ExceptSession = "" // nodes find it by the rest
	c.mu.Lock()
	defer c.mu.Unlock()
	if wait := c.next[t].Sub(now); wait > 0 {
		return &CrowdedError{RetryAfter: wait}
	}
	if c.next == nil {
		c.next = make(map[revocation.Target]time.Time)
	}
	for other, at := range c.next {
		if !at.After(now) {
			delete(c.next, other)
		}
	}
	c.next[t] = now.Add(crowdPause)
	return nil
}
