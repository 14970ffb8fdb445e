package api

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// streams are the event streams that are open. It is safe for concurrent use.
type streams struct {
	mu   sync.Mutex // guards the fields below
	all  map[*eventStream]struct{}
	each map[string]int // by the caller's bucket
}

func newStreams() *streams {
	return &streams{all: make(map[*eventStream]struct{}), each: make(map[string]int)}
}

// open adds a stream, or returns the answer.
func (s *streams) open(bucket string) (*eventStream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.each[bucket] >= maxStreamsEach {
		return nil, &problem{
			Type: ProblemRateLimited, Status: http.StatusTooManyRequests, retryAfter: heartbeat,
			Detail: fmt.Sprintf("The caller has %d event streams open, which is all that one may have.", maxStreamsEach),
		}
	}
	if len(s.all) >= maxStreams {
		return nil, fmt.Errorf("%w: %d event streams are open", ErrUnavailable, maxStreams)
	}
	one := &eventStream{bucket: bucket, queue: make(chan event, eventBuffer), behind: make(chan struct{})}
	s.all[one] = struct{}{}
	s.each[bucket]++
	return one, nil
}

func (s *streams) close(one *eventStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, one)
	if s.each[one.bucket]--; s.each[one.bucket] == 0 {
		delete(s.each, one.bucket)
	}
}

// tellReceipt tells every stream that a receipt is complete.
func (s *streams) tellReceipt(id revocation.ActID, r *receipt) {
	ev := receiptEvent{now("receipt"), id.String(), r}
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.all {
		one.put(ev)
	}
}

// eventStream is one client. Its request's goroutine writes; others only put.
type eventStream struct {
	bucket string
	queue  chan event    // capacity eventBuffer: what was not written yet
	behind chan struct{} // closed when the queue was full
	cut    sync.Once

	mu       sync.Mutex // guards the fields below
	acts     map[revocation.ActID]told
	actsPast map[revocation.ActID]told // of before
}

// told is what a stream has told of an act.
type told struct {
	state revocation.State
	leg   publisher.Leg
}

// put never waits: a client that does not read is not to slow the stream that
// every revocation goes through.
func (e *eventStream) put(ev event) {
	select {
	case e.queue <- ev:
	default:
		e.cut.Do(func() { close(e.behind) })
	}
}

// update changes what was told of an act, and puts an event if change says so.
func (e *eventStream) update(id revocation.ActID, change func(*told) bool, ev event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, known := e.acts[id]
	if !known {
		t = e.actsPast[id]
	}
	if !change(&t) {
		return
	}
	if !known && len(e.acts) >= eventMemory || e.acts == nil {
		e.acts, e.actsPast = make(map[revocation.ActID]told), e.acts
	}
	e.acts[id] = t
	e.put(ev)
}

func (e *eventStream) act(a revocation.Act) {
	e.update(a.ID, func(t *told) bool {
		newer := a.State > t.state
		t.state = max(t.state, a.State)
		return newer
	}, actEvent{now("act"), actView{
		ID: a.ID.String(), State: a.State.String(), Kind: a.Target.Kind.String(), Pool: a.Target.Pool, Target: a.Target.ID,
		ExceptSession: a.Target.ExceptSession, Cutoff: second(a.Cutoff), ExpiresAt: second(a.ExpiresAt),
	}})
}

func (e *eventStream) leg(id revocation.ActID, l publisher.Leg) {
	e.update(id, func(t *told) bool {
		changed := t.leg != l
		t.leg = l
		return changed
	}, legEvent{now("leg"), id.String(), showLeg(l)})
}
