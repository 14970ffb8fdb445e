package publisher

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// errLifting is the cause of the end of an attempt that a lift interrupts.
var errLifting = errors.New("publisher: the act is being lifted")

// holds keeps the requests and attempts of one process from carrying the same
// act further at the same time. It is safe for concurrent use.
type holds struct {
	mu   sync.Mutex // guards the field below
	held map[revocation.ActID]*hold
}

type hold struct {
	freed     chan struct{}
	interrupt context.CancelCauseFunc // nil if the holder is not to be interrupted
}

// take waits until nobody else holds the act, or ctx ends. interrupt may be
// nil.
func (h *holds) take(ctx context.Context, id revocation.ActID, interrupt context.CancelCauseFunc) (free func(), err error) {
	for {
		h.mu.Lock()
		other := h.held[id]
		if other == nil {
			mine := &hold{freed: make(chan struct{}), interrupt: interrupt}
			if h.held == nil {
				h.held = make(map[revocation.ActID]*hold)
			}
			h.held[id] = mine
			h.mu.Unlock()
			return func() { h.free(id, mine) }, nil
		}
		h.mu.Unlock()
		select {
		case <-other.freed:
		case <-ctx.Done():
			return nil, fmt.Errorf("publisher: waiting for act %s: %w", id, context.Cause(ctx))
		}
	}
}

func (h *holds) free(id revocation.ActID, mine *hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.held, id)
	close(mine.freed)
}

// interrupt tells whoever holds the act to come to an end.
func (h *holds) interrupt(id revocation.ActID, cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if held := h.held[id]; held != nil && held.interrupt != nil {
		held.interrupt(cause)
	}
}
