package publisher_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// historyBus is a history as the service's own view tells it, and the bus to it.
type historyBus struct {
	*process
	mu      sync.Mutex // guards the fields below
	state   publisher.HistoryState
	held    map[revocation.Act]int64
	arrived []string // "beat of EPOCH" and "N acts for TTL"
	acts    map[revocation.Act]bool
	onAct   func()
}

func (h *historyBus) State() publisher.HistoryState {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state
}

func (h *historyBus) Held() iter.Seq2[revocation.Act, int64] {
	return func(yield func(revocation.Act, int64) bool) {
		for a, keep := range h.held {
			if !yield(a, keep) {
				return
			}
		}
	}
}

func (h *historyBus) AppendAct(_ context.Context, payload []byte, ttl time.Duration) (uint64, error) {
	m, err := revocation.Decode(payload)
	if err != nil || len(payload) > 64<<10 {
		return 0, fmt.Errorf("%d bytes, %w", len(payload), err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.onAct != nil {
		h.onAct()
	}
	h.arrived = append(h.arrived, fmt.Sprintf("%d acts for %v", len(m.Acts), ttl))
	for _, a := range m.Acts {
		h.acts[a] = true
	}
	return 1, nil
}

func (h *historyBus) AppendBeat(_ context.Context, payload []byte, _ time.Duration) error {
	m, err := revocation.Decode(payload)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.arrived = append(h.arrived, "beat of "+m.Beat.Epoch)
	return nil
}

func (h *historyBus) log() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	log := strings.Join(h.arrived, ", ")
	h.arrived = nil
	return log
}

func (h *historyBus) become(s publisher.HistoryState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state = s
}

// No beat vouches for a stream that is being read, or that lacks acts: after a
// change they are all published first, each for as long as any copy of it.
func TestBeatsVouchForWhatTheStreamHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &historyBus{held: make(map[revocation.Act]int64), acts: make(map[revocation.Act]bool)}
		now := time.Now().Unix()
		act := func(i int, state revocation.State, ends int64) revocation.Act {
			return revocation.Act{
				ID: revocation.ActID{byte(i), byte(i >> 8), 1}, State: state, ExpiresAt: ends,
				Target: revocation.Target{Kind: revocation.KindSession, Pool: poolID, ID: fmt.Sprint("session-", i)},
			}
		}
		w := newWorld()
		w.start(t, func(cfg *publisher.Config) {
			h.process = cfg.Bus.(*process)
			cfg.Bus, cfg.History, cfg.Epoch = h, h, ""
		})
		for i := range 1200 {
			h.held[act(i, revocation.StateOpen, now+3600)] = now + 3600
		}
		h.held[act(2000, revocation.StateLifted, now+60)] = now + 7200 // hides a copy that ends later
		h.held[act(2001, revocation.StateOpen, now-3600)] = now - 3600 // has ended

		time.Sleep(5 * time.Second)
		if got := h.log(); got != "" {
			t.Errorf("while nothing is known: %s", got)
		}
		h.become(publisher.HistoryState{Known: true, Epoch: "one"})
		time.Sleep(2 * time.Second)
		if got := h.log(); got != "beat of one" {
			t.Errorf("once it is known: %q, want a beat soon", got)
		}
		h.become(publisher.HistoryState{Epoch: "one", Changes: 1})
		time.Sleep(10 * time.Second)
		if got := h.log(); got != "" {
			t.Errorf("while the new history is read: %s", got)
		}
		h.become(publisher.HistoryState{Known: true, Epoch: "two", Changes: 1})
		time.Sleep(2 * time.Second)
		got := h.log()
		if !strings.HasSuffix(got, ", beat of two") || strings.Count(got, "beat") != 1 || strings.Count(got, "acts for") < 3 ||
			strings.Count(got, "acts for 2h4m") != 1 {
			t.Errorf("after a change: %q, want all acts, then a beat", got)
		}
		if len(h.acts) != 1201 {
			t.Errorf("%d acts published, want all 1201 that have not ended", len(h.acts))
		}
		time.Sleep(10 * time.Second)
		if got := h.log(); got != "beat of two" {
			t.Errorf("ten seconds later: %q, want a beat alone", got)
		}
		// It changes once more while acts are published.
		h.onAct = func() { h.state.Changes = 3 }
		h.become(publisher.HistoryState{Known: true, Epoch: "three", Changes: 2})
		time.Sleep(15 * time.Second)
		if got := h.log(); strings.Count(got, "acts for") < 6 || strings.Count(got, "beat") != 1 || !strings.HasSuffix(got, "beat of three") {
			t.Errorf("after two changes: %q, want the acts twice", got)
		}
	})
}
