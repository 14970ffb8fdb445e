package subscriber

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// simServer is the stream, the servers that hold it, the revoke service and
// the operator, of one simulated run. Its clock is the node's plus skew.
type simServer struct {
	mu     sync.Mutex // guards everything
	rng    *rand.Rand
	skew   time.Duration
	stored []event // what has not ended, by sequence
	head   uint64
	latest time.Time // the latest time stamp
	epoch  int
	born   map[int64]time.Time  // when a tick was stored in truth, by its time stamp
	ends   map[uint64]time.Time // when a message is removed in truth, by its sequence

	acts   map[revocation.ActID]*simAct
	order  []revocation.ActID // of acts, as they were accepted
	copies []simCopy          // in the stream as it is now

	link     simLink
	frozen   []event // what an isolated replica holds
	faulty   float64 // share of requests that fail in some way
	live     chan event
	fast     chan *nats.Msg
	held     []event // by a link that holds
	late     []lateEvent
	requests int
}

// simAct is one act, as the service knows it.
type simAct struct {
	merged revocation.Act
	keep   int64
}

// simCopy is a copy of an act in the stream.
type simCopy struct {
	act      revocation.Act
	sequence uint64
	born     time.Time
}

type lateEvent struct {
	event
	due time.Time
}

// simLink is the state of the node's connection.
type simLink int

const (
	linkUp       simLink = iota
	linkCut              // broken, and known to be
	linkSwallows         // open, and nothing comes through
	linkHolds            // open, and all comes through later, in order
	linkIsolated         // to a server that is cut off from the others
)

func (n simLink) String() string {
	return [...]string{"up", "cut", "swallows", "holds", "isolated"}[n]
}

func newSimServer(rng *rand.Rand) *simServer {
	return &simServer{
		rng: rng, born: make(map[int64]time.Time), ends: make(map[uint64]time.Time), acts: make(map[revocation.ActID]*simAct),
		live: make(chan event, 1<<14), fast: make(chan *nats.Msg, 1<<12),
	}
}

func (s *simServer) epochName() string { return fmt.Sprint("epoch-", s.epoch) }

// store appends a message and republishes it, unless it was in flight at a
// change of leader. The caller holds mu.
func (s *simServer) store(m revocation.Message, ttl time.Duration, republished bool) {
	now := time.Now()
	s.head++
	ev := event{sequence: s.head, at: now.Add(s.skew).UTC().Round(0), tick: m.Tick, payload: m.Encode()}
	ev.expires = ev.at.Add(ttl)
	s.latest = later(s.latest, ev.at)
	s.ends[s.head] = now.Add(ttl)
	s.stored = append(s.stored, ev)
	if m.Tick {
		s.born[ev.at.UnixNano()] = now
	}
	for _, a := range m.Acts {
		s.copies = append(s.copies, simCopy{a, s.head, now})
		known := s.acts[a.ID]
		if known == nil {
			known = &simAct{merged: a}
			s.acts[a.ID] = known
			s.order = append(s.order, a.ID)
		}
		known.merged, known.keep = known.merged.Merge(a), max(known.keep, a.ExpiresAt)
	}
	if republished {
		s.deliver(ev)
	}
}

// deliver lets a live message try to reach the node. The caller holds mu.
func (s *simServer) deliver(ev event) {
	switch s.link {
	case linkCut, linkSwallows, linkIsolated:
		return
	case linkHolds:
		s.held = append(s.held, ev)
		return
	}
	switch p := s.rng.Float64(); {
	case p < 0.03: // dropped
	case p < 0.06: // twice
		s.live <- ev
		s.live <- ev
	case p < 0.10: // behind others
		s.late = append(s.late, lateEvent{ev, time.Now().Add(time.Duration(s.rng.Int64N(int64(3 * time.Second))))})
	case p < 0.11: // now, and once more
		s.live <- ev
		s.late = append(s.late, lateEvent{ev, time.Now().Add(time.Duration(s.rng.Int64N(int64(3 * time.Second))))})
	default:
		s.live <- ev
	}
}

// deliverLate delivers what is due. The caller holds mu.
func (s *simServer) deliverLate() {
	rest := s.late[:0]
	for _, l := range s.late {
		if time.Now().Before(l.due) {
			rest = append(rest, l)
			continue
		}
		if s.link == linkUp {
			s.live <- l.event
		}
	}
	s.late = rest
}

// setLink changes the state of the connection. The caller holds mu.
func (s *simServer) setLink(to simLink) {
	from := s.link
	s.link = to
	switch to {
	case linkIsolated:
		s.frozen = append([]event(nil), s.stored...)
	case linkUp:
		s.frozen = nil
		for _, ev := range s.held {
			s.live <- ev
		}
		s.held = nil
		if from == linkCut || from == linkIsolated {
			s.live <- event{reconnected: true}
		}
	}
}

// expire removes what has ended, as the server does. It does so in true time:
// it is the node's clock that is off when skew is not zero. The caller holds mu.
func (s *simServer) expire() {
	now := time.Now()
	s.stored = slices.DeleteFunc(slices.Clone(s.stored), func(ev event) bool { return now.After(s.ends[ev.sequence]) })
}

// restore gives the stream back to what it held n messages ago, all of them if
// that is what there was. What is still under way of the history that ends does
// not arrive: a restore takes longer. The caller holds mu.
func (s *simServer) restore(n uint64) {
	s.head -= min(n, s.head)
	s.stored = slices.DeleteFunc(slices.Clone(s.stored), func(ev event) bool { return ev.sequence > s.head })
	s.copies = slices.DeleteFunc(s.copies, func(c simCopy) bool { return c.sequence > s.head })
	s.late, s.frozen = nil, nil
	if s.link == linkIsolated {
		s.link = linkCut
	}
}

// refill publishes all acts that live, as the service does.
func (s *simServer) refill() {
	now := time.Now()
	m := revocation.Message{SentAt: now}
	latest := int64(0)
	for _, id := range s.order {
		known := s.acts[id]
		if (revocation.Act{ExpiresAt: known.keep}).Expired(now.Unix()) {
			continue
		}
		m.Acts = append(m.Acts, known.merged)
		latest = max(latest, known.keep)
	}
	if len(m.Acts) > 0 {
		s.store(m, time.Until(time.Unix(latest, 0))+revocation.MaxLeeway+time.Second, true)
	}
}

// The source of the node.

func (s *simServer) events() <-chan event { return s.live }

var errSim = errors.New("no answer")

// ask decides what becomes of a request, and returns what the server that
// answers it holds.
func (s *simServer) ask(ctx context.Context) ([]event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	switch s.link {
	case linkCut, linkSwallows, linkHolds:
		return nil, errSim
	case linkIsolated:
		return s.frozen, ctx.Err()
	}
	s.expire()
	held := s.stored
	switch p := s.rng.Float64(); {
	case p < s.faulty*0.4:
		return nil, errSim
	case p < s.faulty*0.7: // a replica that lags
		held = held[:len(held)-min(len(held), 1+s.rng.IntN(20))]
	}
	return held, ctx.Err()
}

// simSource is the server as the follower sees it.
type simSource struct{ *simServer }

func (s simSource) fast() <-chan *nats.Msg { return s.simServer.fast }
func (s simSource) close()                 {}

func (s simSource) read(ctx context.Context, sequence uint64) (event, error) {
	held, err := s.ask(ctx)
	if err != nil {
		return event{}, err
	}
	for _, ev := range held {
		if ev.sequence == sequence {
			ev.tick = false
			return ev, nil
		}
	}
	return event{}, errNotStored
}

func (s simSource) batch(ctx context.Context, from uint64, n int) (batch, error) {
	held, err := s.ask(ctx)
	if err != nil {
		return batch{}, err
	}
	var b batch
	for _, ev := range held {
		if ev.sequence < from {
			continue
		}
		b.pending++
		if len(b.payloads) < n {
			b.payloads, b.last = append(b.payloads, ev.payload), ev.sequence
		}
	}
	s.mu.Lock()
	lost := 0
	if len(b.payloads) > 0 && s.rng.Float64() < s.faulty*0.3 {
		lost = 1 + s.rng.IntN(len(b.payloads))
	}
	s.mu.Unlock()
	for range lost { // on the way, anywhere
		s.mu.Lock()
		i := s.rng.IntN(len(b.payloads))
		s.mu.Unlock()
		b.payloads = append(b.payloads[:i:i], b.payloads[i+1:]...)
	}
	return b, nil
}
