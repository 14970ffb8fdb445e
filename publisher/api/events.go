package api

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/members"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Feed tells of acts as they change.
type Feed interface {
	// Watch calls act for every copy that the denylist of this replica takes,
	// and leg for every change of the leg to Cognito that is stored, of any
	// replica, until stop is called. Both are called by goroutines that others
	// wait for, several at a time, and return at once. The error wraps
	// [ErrUnavailable].
	Watch(act func(revocation.Act), leg func(revocation.ActID, publisher.Leg)) (stop func(), err error)
}

const (
	// heartbeat is how often an idle stream shows that it lives, and how long
	// a caller whose credential has ended is still served. It is below the
	// 60 s after which proxies take a connection for idle.
	heartbeat = 15 * time.Second
	// lookPeriod is how often the nodes are compared with what was told.
	lookPeriod = time.Second
	// eventWrite is how long one write may take: who does not read is cut.
	eventWrite = 10 * time.Second
	// eventBuffer is how many events a client may be behind, a burst of
	// revocations with their legs included. It is then cut.
	eventBuffer = 4096
	// eventMemory is how many acts a stream remembers, so as to tell of each
	// state once; twice as many at most. An older one may be told again.
	eventMemory = 10_000
	// maxStreams and maxStreamsEach bound the streams of all callers and of one.
	maxStreams, maxStreamsEach = 64, 16
)

// event is what a stream tells.
type event interface{ name() string }

// head is what every event begins with.
type head struct {
	Event string `json:"event"`
	Time  string `json:"time"`
}

func (h head) name() string { return h.Event }

func now(event string) head { return head{event, moment(time.Now())} }

// The events. They have ids only: whoever may read revocations may read them.
type (
	helloEvent struct {
		head
		// LastEventID is what the client sent. Nothing is replayed, ever.
		LastEventID string `json:"last_event_id,omitempty"`
		Replayed    int    `json:"replayed"`
	}
	nodeEvent struct {
		head
		Change string   `json:"change"` // present, came, changed, gone
		Node   nodeView `json:"node"`
	}
	readyEvent struct {
		head
	}
	actEvent struct {
		head
		Act actView `json:"act"`
	}
	legEvent struct {
		head
		ID      string     `json:"id"`
		Cognito cognitoLeg `json:"cognito"`
	}
	receiptEvent struct {
		head
		ID      string   `json:"id"`
		Receipt *receipt `json:"receipt"`
	}
	endEvent struct {
		head
		Reason string `json:"reason"` // stopping, slow, unauthorized, unavailable
	}
)

// actView is an act as the stream to the nodes has it.
type actView struct {
	ID            string `json:"id"`
	Kind          string `json:"kind"`
	Pool          string `json:"pool"`
	Target        string `json:"target,omitempty"`
	ExceptSession string `json:"except_session,omitempty"`
	State         string `json:"state"`
	Cutoff        string `json:"cutoff,omitempty"`
	ExpiresAt     string `json:"expires_at"`
}

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

// events serves GET /v1/events until the client goes, does not read, may no
// longer read, or the service stops.
func (a *admin) events(w http.ResponseWriter, r *http.Request) {
	_, err := readQuery(r)
	var s *eventStream
	if err == nil {
		s, err = a.streams.open(callerOf(r).bucket)
	}
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	defer a.streams.close(s)
	// Acts are watched before the nodes are read, so that nothing falls between.
	stop, err := a.cfg.Feed.Watch(s.act, s.leg)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	defer stop()
	nodes, err := a.cfg.Fleet.Members()
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	out := newEventWriter(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep events back
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	out.write(helloEvent{head: now("hello"), LastEventID: lastEventID(r)})
	known := make(map[members.Key]members.Member, len(nodes))
	for _, m := range nodes {
		known[keyOf(m)] = m
		out.write(nodeEvent{now("node"), "present", showNode(m)})
	}
	out.write(readyEvent{now("ready")})
	out.flush()
	a.follow(r, s, out, known)
}

// follow writes what happens. known are the nodes that were told.
func (a *admin) follow(r *http.Request, s *eventStream, out *eventWriter, known map[members.Key]members.Member) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	look := time.NewTicker(lookPeriod)
	defer look.Stop()
	for out.err == nil {
		select {
		case <-r.Context().Done():
			return
		case <-a.cfg.Stopping:
			out.end("stopping")
			return
		case <-s.behind:
			out.end("slow")
			return
		case ev := <-s.queue:
			out.write(ev)
			for range len(s.queue) { // what has come meanwhile goes out at once
				out.write(<-s.queue)
			}
		case <-look.C:
			nodes, err := a.cfg.Fleet.Members()
			if err != nil {
				out.end("unavailable")
				return
			}
			tellNodes(out, known, nodes)
		case <-beat.C:
			// A key stays; an access token expires, and may be revoked.
			if reason := a.mayNotFollow(r); reason != "" {
				out.end(reason)
				return
			}
			out.comment("heartbeat")
		}
		out.flush()
	}
}

// mayNotFollow says why the caller may not be served any more, or "".
func (a *admin) mayNotFollow(r *http.Request) string {
	if a.cfg.InsecureNoAuth {
		return ""
	}
	c, err := a.callers.identify(r)
	if err == nil {
		err = c.permits(RoleViewer, "do this")
	}
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ErrUnavailable):
		return "unavailable"
	}
	return "unauthorized"
}

func keyOf(m members.Member) members.Key {
	return members.Key{Service: m.Service, Node: m.Node, Instance: m.Instance}
}

// tellNodes writes what is different from known, and updates that.
func tellNodes(out *eventWriter, known map[members.Key]members.Member, nodes []members.Member) {
	seen := make(map[members.Key]bool, len(nodes))
	for _, m := range nodes {
		key := keyOf(m)
		seen[key] = true
		before, old := known[key]
		known[key] = m
		switch {
		case !old:
			out.write(nodeEvent{now("node"), "came", showNode(m)})
		case before.State != m.State || before.Silent != m.Silent || before.Unproven != m.Unproven ||
			before.Policy != m.Policy || before.Detail != m.Detail:
			out.write(nodeEvent{now("node"), "changed", showNode(m)})
		}
	}
	for key, m := range known {
		if !seen[key] {
			delete(known, key)
			out.write(nodeEvent{now("node"), "gone", showNode(m)})
		}
	}
}

// lastEventID returns the header if it is one of ours; another is not repeated.
func lastEventID(r *http.Request) string {
	id := r.Header.Get("Last-Event-ID")
	if len(id) > 64 {
		return ""
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && c != '.' {
			return ""
		}
	}
	return id
}

// eventWriter writes events to one client. One goroutine uses it. After the
// first error it does nothing.
type eventWriter struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	name string // of the stream; ids are this and a number
	n    int
	err  error
}

func newEventWriter(w http.ResponseWriter) *eventWriter {
	out := &eventWriter{w: w, rc: http.NewResponseController(w), name: rand.Text()}
	// The deadlines of the server are for requests that end. A server without
	// deadlines has none to take away.
	out.rc.SetReadDeadline(time.Time{}) //nolint:errcheck // see above
	out.extend()
	return out
}

// extend gives the next write its time.
func (o *eventWriter) extend() {
	err := o.rc.SetWriteDeadline(time.Now().Add(eventWrite))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		o.err = err
	}
}

func (o *eventWriter) write(ev event) {
	data, err := json.Marshal(ev)
	if err != nil {
		o.err = err
	}
	o.n++
	o.print("id: %s.%d\nevent: %s\ndata: %s\n\n", o.name, o.n, ev.name(), data)
}

// comment writes what clients ignore.
func (o *eventWriter) comment(text string) { o.print(": %s\n\n", text) }

// end writes the last event.
func (o *eventWriter) end(reason string) {
	o.write(endEvent{now("end"), reason})
	o.flush()
}

func (o *eventWriter) print(format string, args ...any) {
	if o.err != nil {
		return
	}
	o.extend()
	_, o.err = fmt.Fprintf(o.w, format, args...)
}

func (o *eventWriter) flush() {
	if o.err == nil {
		o.err = o.rc.Flush()
	}
}
