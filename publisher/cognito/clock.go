package cognito

import (
	"sync"
	"time"
)

// clock estimates by how much Cognito's clock is ahead of the local one.
//
// A Date header holds whole seconds (RFC 9110, section 5.6.7) and was written
// at some moment between sending the request and receiving the answer. So one
// sample says that the offset lies in
//
//	[date - received, date + 1s - sent]
//
// An estimate within that interval is kept, so that samples don't make a good
// clock jump by their own coarseness; one outside of it moves to the middle.
// So the error is less than a second plus the round trip, half of that after a
// move, and samples at other fractions of a second narrow it.
type clock struct {
	mu     sync.Mutex // guards the fields below
	offset time.Duration
	at     time.Time // local time of the newest sample; zero before the first
}

// learn takes a sample and reports whether the estimate moved. A sample that
// is older than one already seen is ignored.
func (c *clock) learn(date, sent, received time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if received.Before(c.at) {
		return false
	}
	c.at = received
	low, high := date.Sub(received), date.Add(time.Second).Sub(sent)
	if low <= c.offset && c.offset <= high {
		return false
	}
	c.offset = low + (high-low)/2
	return true
}

func (c *clock) read() (offset time.Duration, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset, c.at
}

// Now returns the time of Cognito's clock: the local time plus
// [Pool.Offset]. It makes no call; before the first answer it is the local
// time.
func (p *Pool) Now() time.Time {
	offset, _ := p.clock.read()
	return time.Now().Add(offset)
}

// Offset returns by how much Cognito's clock is ahead of the local one, and
// the local time of the newest answer that says so: zero before the first.
// The Date header counts whole seconds, so the error may be up to a second
// plus the round trip.
func (p *Pool) Offset() (offset time.Duration, at time.Time) { return p.clock.read() }
