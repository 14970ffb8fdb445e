package cognito

import (
	"context"
	"sync"
	"time"
)

// pacer lets calls go one by one, with a least time between any two. A bucket of
// tokens would do for the long run; but who waits for one has a time of its own
// to go at, and after a stall of the process all of them go at once.
type pacer struct {
	gap  time.Duration // immutable
	turn chan struct{} // capacity 1: who holds it is the next to go

	mu      sync.Mutex // guards the fields below
	last    time.Time  // when the last call went
	waiting int        // how many want to go
	waited  time.Duration
	refused uint64 // how many had too little time
}

func newPacer(gap time.Duration) *pacer {
	return &pacer{gap: gap, turn: make(chan struct{}, 1)}
}

// wait returns nil when the caller may go. If its deadline leaves too little
// time for it and those before it, it returns errLimited at once.
func (p *pacer) wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !p.join(ctx) {
		return errLimited
	}
	defer p.leave(time.Now())
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		left := p.goAt()
		if left <= 0 {
			return nil
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// join makes the caller wait, unless that is in vain.
func (p *pacer) join(ctx context.Context) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	deadline, bounded := ctx.Deadline()
	first := p.last.Add(p.gap)
	if now := time.Now(); first.Before(now) {
		first = now
	}
	if bounded && first.Add(time.Duration(p.waiting)*p.gap).After(deadline) {
		p.refused++
		return false
	}
	p.waiting++
	return true
}

func (p *pacer) leave(came time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting--
	p.waited += time.Since(came)
}

// goAt lets the caller go if it is time, else it returns how long that takes.
func (p *pacer) goAt() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if left := p.last.Add(p.gap).Sub(now); left > 0 {
		return left
	}
	p.last = now
	return 0
}
