package members

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/fleet"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// rollCallPeriod is how often the nodes are told how many they are.
	rollCallPeriod = time.Minute
	// sweepPeriod is how often silent nodes are looked at.
	sweepPeriod = time.Minute
	// maxMembers bounds the memory that a stolen credential could take.
	maxMembers = 20_000
)

// minLease is that of a node with the defaults.
var minLease = fleet.Lease(time.Minute, fleet.Interval(0))

// Config of a [Tracker]. Bus and Roll are required.
type Config struct {
	Bus  Bus
	Roll Roll
	// Expect is how many nodes each service has at least, by name; with fewer
	// nothing is met. It is the guard against nodes that nobody has heard of.
	Expect map[string]int
	// Epoch returns that of the stream, "" while it is not known. Nodes that
	// follow another one enforce nothing. Nil means that it is never known.
	Epoch func() string
	// Logger receives one line per node that comes, goes or falls silent.
	Logger zerolog.Logger
}

// Tracker knows the fleet; see the package comment.
type Tracker struct {
	cfg  Config // immutable
	log  zerolog.Logger
	wake chan struct{} // capacity 1: something is to be written

	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu        sync.Mutex // guards the fields below
	members   map[Key]*member
	inquiries map[revocation.ActID]*inquiry
	probes    map[uint64]*inquiry // by probe id
	unwritten map[Key]*Entry      // what the roll is to have; nil: nothing
	since     time.Time           // this replica has missed no report since then
	loaded    bool                // the roll was read to its end
	crowded   bool                // a node was not kept
	change    chan struct{}       // closed and replaced at each change
}

// New returns a tracker that listens until Close.
func New(cfg Config) (*Tracker, error) {
	switch {
	case cfg.Bus == nil:
		return nil, errors.New("members: Config.Bus is nil")
	case cfg.Roll == nil:
		return nil, errors.New("members: Config.Roll is nil")
	}
	for service, n := range cfg.Expect {
		if service == "" || n < 1 {
			return nil, fmt.Errorf("members: Config.Expect: %q = %d: name a service and a number from 1 on", service, n)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	t := &Tracker{
		cfg: cfg, log: cfg.Logger.With().Str("component", "members").Logger(),
		wake: make(chan struct{}, 1), stop: stop,
		members:   make(map[Key]*member),
		inquiries: make(map[revocation.ActID]*inquiry),
		probes:    make(map[uint64]*inquiry),
		unwritten: make(map[Key]*Entry),
		since:     time.Now(),
		change:    make(chan struct{}),
	}
	t.tasks.Go(func() { t.listen(ctx) })
	t.tasks.Go(func() { t.followRoll(ctx) })
	t.tasks.Go(func() { t.writeRoll(ctx) })
	return t, nil
}

// Close stops listening and waits for every goroutine. Who waits for a receipt
// waits until its context ends.
func (t *Tracker) Close() error {
	t.stop()
	t.tasks.Wait()
	return nil
}

// listen takes reports until ctx is done.
func (t *Tracker) listen(ctx context.Context) {
	calls := time.NewTicker(rollCallPeriod)
	defer calls.Stop()
	sweeps := time.NewTicker(sweepPeriod)
	defer sweeps.Stop()
	t.callRoll()
	for {
		select {
		case <-ctx.Done():
			return
		case h := <-t.cfg.Bus.Heard():
			if h.Gap {
				t.gap()
				t.callRoll()
			} else {
				t.hear(h, time.Now())
			}
		case <-calls.C:
			t.callRoll()
		case <-sweeps.C:
			t.sweep(time.Now())
		}
	}
}

// callRoll asks every node for a status, and tells how many they are.
func (t *Tracker) callRoll() {
	t.mu.Lock()
	size := len(t.members)
	t.mu.Unlock()
	p := fleet.Probe{ID: max(1, rand.Uint64()), Fleet: uint32(size)}
	if err := t.cfg.Bus.Probe(p.Encode()); err != nil {
		t.log.Warn().Err(err).Msg("roll call not sent")
	}
}

// gap notes that nodes may have come of which this replica does not know.
func (t *Tracker) gap() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since = time.Now()
	t.broadcast()
}

// hear takes one report.
func (t *Tracker) hear(h Heard, now time.Time) {
	r, err := fleet.DecodeReport(h.Payload)
	if err != nil {
		t.log.Warn().Str("service", h.Service).Str("node", h.Node).Err(err).Msg("report can't be read")
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	key := Key{h.Service, h.Node, r.Instance}
	m := t.members[key]
	if r.Event == fleet.EventGoodbye {
		if m != nil {
			t.log.Info().Str("service", h.Service).Str("node", h.Node).Msg("node has left")
			t.drop(key)
		}
		t.write(key, nil)
		t.broadcast()
		return
	}
	if m == nil {
		if m = t.admit(key); m == nil {
			return
		}
		t.log.Info().Str("service", h.Service).Str("node", h.Node).Stringer("policy", r.Policy).Msg("node has come")
	}
	receipt := r.Receipt
	r.Receipt = nil
	m.report, m.heard, m.inVoice = r, now, true
	t.enroll(key, m)
	if receipt != nil {
		t.answered(key, *receipt, now)
	}
	t.broadcast()
}

// admit adds a member, unless there are too many. The caller holds mu.
func (t *Tracker) admit(key Key) *member {
	if len(t.members) >= maxMembers {
		if !t.crowded {
			t.log.Error().Str("service", key.Service).Int("nodes", len(t.members)).Msg("too many nodes, no receipt is complete")
		}
		t.crowded = true
		return nil
	}
	m := new(member)
	t.members[key] = m
	return m
}

// drop removes a member and what it has answered. The caller holds mu.
func (t *Tracker) drop(key Key) {
	delete(t.members, key)
	for _, in := range t.inquiries {
		delete(in.enforced, key)
		delete(in.answers, key)
	}
	t.broadcast()
}

// sweep forgets nodes that fail closed and have been silent for long, and
// inquiries that nobody has asked for.
func (t *Tracker) sweep(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, m := range t.members {
		if !m.report.Policy.ServesStale() && now.Sub(m.heard) > max(forgetAfter, m.lease()) {
			t.log.Warn().Str("service", key.Service).Str("node", key.Node).Time("last_heard", m.heard).Msg("node forgotten, it has been silent")
			t.drop(key)
			t.write(key, nil)
		}
	}
	t.crowded = t.crowded && len(t.members) >= maxMembers
	t.forgetInquiries(now)
}

// lease is the longest of any node, at least that of one with the defaults: of
// the nodes that this replica does not know it has to assume the worst that it
// has seen. What a node claims beyond an hour would keep a service from ever
// having listened for long enough. The caller holds mu.
func (t *Tracker) lease() time.Duration {
	longest := minLease
	for _, m := range t.members {
		longest = max(longest, m.lease())
	}
	return min(longest, forgetAfter)
}

// broadcast wakes everyone who waits. The caller holds mu.
func (t *Tracker) broadcast() {
	close(t.change)
	t.change = make(chan struct{})
}

var (
	// ErrUnknownNode says that no node of that name is known.
	ErrUnknownNode = errors.New("members: no such node")
	// ErrNotSilent says that the node reports, so that it would come back at once.
	ErrNotSilent = errors.New("members: the node is not silent")
)

// Remove takes the silent processes of a node out of the fleet, on the word of
// an operator who knows that they serve nobody. It returns how many there were,
// or an error that wraps [ErrUnknownNode] or [ErrNotSilent]; other errors mean
// that other replicas may still count them. One that reports again is back.
func (t *Tracker) Remove(ctx context.Context, service, node string) (int, error) {
	now := time.Now()
	t.mu.Lock()
	var gone []Key
	known := false
	for key, m := range t.members {
		if key.Service == service && key.Node == node {
			known = true
			if m.silent(now) {
				gone = append(gone, key)
			}
		}
	}
	t.mu.Unlock()
	if len(gone) == 0 {
		if known {
			return 0, ErrNotSilent
		}
		return 0, ErrUnknownNode
	}
	for _, key := range gone {
		if err := t.cfg.Roll.Remove(ctx, key); err != nil {
			return 0, fmt.Errorf("members: removing %s/%s from the roll: %w", service, node, err)
		}
		t.mu.Lock()
		if m := t.members[key]; m != nil && m.silent(time.Now()) {
			delete(t.unwritten, key)
			t.drop(key)
		}
		t.mu.Unlock()
	}
	t.log.Warn().Str("service", service).Str("node", node).Int("processes", len(gone)).Msg("node removed by an operator")
	return len(gone), nil
}
