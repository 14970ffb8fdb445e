package subscriber

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

const (
	// liveBuffer holds what arrives while a batch is being fetched. What does
	// not fit is dropped by the client library and found again as a hole.
	liveBuffer = 8192
	// fastBuffer: a fast copy that is dropped is repeated, and stored.
	fastBuffer = 1024
	// batchTimeout bounds the wait for each message of a batch.
	batchTimeout = 2 * time.Second
)

// natsSource is the [source] over a NATS connection.
type natsSource struct {
	nc    *nats.Conn // immutable
	names stream.Names

	live chan event
	quic chan *nats.Msg
	stop chan struct{}

	subs    []*nats.Subscription
	done    sync.WaitGroup
	ignored func(reason string)
}

// newNATSSource subscribes to the live and the fast path. ignored is called
// for each message that cannot count, with a constant reason.
func newNATSSource(nc *nats.Conn, names stream.Names, ignored func(string)) (*natsSource, error) {
	s := &natsSource{
		nc: nc, names: names, ignored: ignored,
		live: make(chan event),
		quic: make(chan *nats.Msg, fastBuffer),
		stop: make(chan struct{}),
	}
	liveMsgs := make(chan *nats.Msg, liveBuffer)
	for _, path := range []struct {
		subject string
		msgs    chan *nats.Msg
	}{{names.Live(), liveMsgs}, {names.Fast(), s.quic}} {
		sub, err := nc.ChanSubscribe(path.subject, path.msgs)
		if err != nil {
			s.unsubscribe()
			return nil, fmt.Errorf("subscribing to %s: %w", path.subject, err)
		}
		s.subs = append(s.subs, sub)
	}
	// Not by the connection's error handler, which may be the caller's.
	slow := s.subs[0].StatusChanged(nats.SubscriptionSlowConsumer)
	status := nc.StatusChanged(nats.CONNECTED)
	s.done.Go(func() {
		s.forwardLive(liveMsgs, status, slow)
		nc.RemoveStatusListener(status)
	})
	return s, nil
}

func (s *natsSource) events() <-chan event   { return s.live }
func (s *natsSource) fast() <-chan *nats.Msg { return s.quic }

func (s *natsSource) close() {
	s.unsubscribe()
	close(s.stop)
	s.done.Wait()
}

func (s *natsSource) unsubscribe() {
	for _, sub := range s.subs {
		sub.Unsubscribe() // fails only if the connection is gone already
	}
}

// forwardLive turns messages, reconnects and drops into events until stop.
func (s *natsSource) forwardLive(msgs <-chan *nats.Msg, status <-chan nats.Status, slow <-chan nats.SubStatus) {
	for {
		var ev event
		select {
		case <-s.stop:
			return
		case _, open := <-status:
			if !open { // the connection was closed for good
				status = nil
				continue
			}
			ev = event{reconnected: true}
		case _, open := <-slow:
			if !open { // the subscription has ended
				slow = nil
				continue
			}
			ev = event{dropped: true}
		case msg := <-msgs:
			var reason string
			if ev, reason = s.liveEvent(msg); reason != "" {
				s.ignored(reason)
				continue
			}
		}
		select {
		case s.live <- ev:
		case <-s.stop:
			return
		}
	}
}

// liveEvent reads a message of the live path. One that was not republished by
// our stream does not count: the reason says so.
func (s *natsSource) liveEvent(msg *nats.Msg) (ev event, reason string) {
	if msg.Header.Get("Status") != "" {
		return event{}, "status"
	}
	ev, reason = s.stored(msg)
	ev.tick = msg.Subject == s.names.LiveTick()
	ev.rollsUp = s.rollsUp(msg.Header)
	return ev, reason
}

// rollsUp reports whether the server has removed messages to store this one.
// Schedules do so with those before them on their subject (ADR-51), and ours
// has that subject to itself.
func (s *natsSource) rollsUp(h nats.Header) bool {
	what := h.Get("Nats-Rollup")
	return what != "" && (what != "sub" || h.Get("Nats-Subject") != s.names.Schedule())
}

// stored reads the headers that the server adds to a message of the stream, or
// says which is missing.
func (s *natsSource) stored(msg *nats.Msg) (ev event, reason string) {
	h := msg.Header
	if h.Get("Nats-Stream") != s.names.Events() {
		return event{}, "foreign_stream"
	}
	seq, err := strconv.ParseUint(h.Get("Nats-Sequence"), 10, 64)
	if err != nil || seq == 0 {
		return event{}, "no_sequence"
	}
	at, err := time.Parse(time.RFC3339Nano, h.Get("Nats-Time-Stamp"))
	if err != nil {
		return event{}, "no_time_stamp"
	}
	ev = event{sequence: seq, at: at, payload: msg.Data, trace: traceOf(msg)}
	if ttl := timeToLive(h.Get("Nats-TTL")); ttl > 0 {
		ev.expires = at.Add(ttl)
	}
	return ev, ""
}

// timeToLive reads the header's two forms, whole seconds and Go's durations;
// 0 means for ever.
func timeToLive(header string) time.Duration {
	if n, err := strconv.ParseInt(header, 10, 32); err == nil {
		return time.Duration(n) * time.Second
	}
	ttl, err := time.ParseDuration(header)
	if err != nil {
		return 0
	}
	return ttl
}

// directGetRequest is the body of a Direct Get request for a batch; no_hdr
// leaves out the headers, which halves the server's work.
type directGetRequest struct {
	Seq       uint64 `json:"seq"`
	Batch     int    `json:"batch,omitempty"`
	NoHeaders bool   `json:"no_hdr,omitempty"`
}

var errNotConnected = errors.New("nats is not connected")

// ask sends a request. It is answered on a fresh inbox, so that nothing left
// over from an earlier request, and nobody who knows an earlier inbox, can
// answer.
func (s *natsSource) ask(req directGetRequest) (*nats.Subscription, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	inbox := s.nc.NewInbox()
	sub, err := s.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("subscribing to an inbox: %w", err)
	}
	if err := s.nc.PublishRequest(s.names.DirectGet(), inbox, body); err != nil {
		sub.Unsubscribe()
		if errors.Is(err, nats.ErrReconnectBufExceeded) { // there is no buffer to write to
			err = errNotConnected
		}
		return nil, fmt.Errorf("asking for messages from %d: %w", req.Seq, err)
	}
	return sub, nil
}

// answer waits for the next message that answers a request.
func (s *natsSource) answer(ctx context.Context, sub *nats.Subscription, from uint64) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	msg, err := sub.NextMsgWithContext(ctx)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, fmt.Errorf("asking for messages from %d: no server answers for stream %s", from, s.names.Events())
	}
	if err != nil {
		return nil, fmt.Errorf("waiting for messages from %d: %w", from, err)
	}
	return msg, nil
}

func (s *natsSource) read(ctx context.Context, sequence uint64) (event, error) {
	sub, err := s.ask(directGetRequest{Seq: sequence})
	if err != nil {
		return event{}, err
	}
	defer sub.Unsubscribe()
	msg, err := s.answer(ctx, sub, sequence)
	if err != nil {
		return event{}, err
	}
	switch status := msg.Header.Get("Status"); status {
	case "":
	case "404":
		return event{}, fmt.Errorf("message %d: %w", sequence, errNotStored)
	default:
		return event{}, fmt.Errorf("message %d: unexpected status %q", sequence, status)
	}
	ev, reason := s.stored(msg)
	if reason != "" || ev.sequence != sequence {
		return event{}, fmt.Errorf("message %d: answered with sequence %d (%s)", sequence, ev.sequence, reason)
	}
	return ev, nil
}

func (s *natsSource) batch(ctx context.Context, from uint64, n int) (batch, error) {
	sub, err := s.ask(directGetRequest{Seq: from, Batch: n, NoHeaders: true})
	if err != nil {
		return batch{}, err
	}
	defer sub.Unsubscribe()
	var b batch
	for {
		msg, err := s.answer(ctx, sub, from)
		if err != nil {
			return batch{}, err
		}
		status := msg.Header.Get("Status")
		switch {
		case status == "" && len(msg.Header) == 0:
			b.payloads = append(b.payloads, msg.Data)
			if len(b.payloads) > n {
				return batch{}, fmt.Errorf("more than the %d messages asked for from %d", n, from)
			}
		case status == "404": // nothing stored at or after from
			if len(b.payloads) > 0 {
				return batch{}, fmt.Errorf("batch from %d ended with status 404 after messages", from)
			}
			return batch{}, nil
		case status == "204": // end of batch
			return b.end(msg.Header)
		default:
			return batch{}, fmt.Errorf("batch from %d: unexpected status %q", from, status)
		}
	}
}

// end fills in what the end-of-batch message says.
func (b batch) end(h nats.Header) (batch, error) {
	var err error
	if b.pending, err = strconv.ParseUint(h.Get("Nats-Num-Pending"), 10, 64); err != nil {
		return batch{}, fmt.Errorf("end of batch without Nats-Num-Pending: %w", err)
	}
	if b.last, err = strconv.ParseUint(h.Get("Nats-Last-Sequence"), 10, 64); err != nil {
		return batch{}, fmt.Errorf("end of batch without Nats-Last-Sequence: %w", err)
	}
	return b, nil
}
