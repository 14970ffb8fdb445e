package api

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
)

// turns lets requests about one thing be carried out one after the other, so
// that each finds what the one before has done. It is safe for concurrent use.
type turns struct {
	mu  sync.Mutex // guards the field below and users of its values
	all map[[sha256.Size]byte]*turn
}

type turn struct {
	taken chan struct{} // capacity 1: holds an element while somebody's turn is
	users int           // who has it or waits
}

// take waits for the turn of what the parts name, until ctx ends. No part has a
// NUL in it. Only a hash is kept: parts may be tokens.
func (t *turns) take(ctx context.Context, parts ...string) (free func(), err error) {
	key := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	t.mu.Lock()
	mine := t.all[key]
	if mine == nil {
		mine = &turn{taken: make(chan struct{}, 1)}
		if t.all == nil {
			t.all = make(map[[sha256.Size]byte]*turn)
		}
		t.all[key] = mine
	}
	mine.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(t.all, key)
		}
	}
	select {
	case mine.taken <- struct{}{}:
		return func() { <-mine.taken; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, fmt.Errorf("%w: waiting for another request: %w", ErrUnavailable, context.Cause(ctx))
	}
}
