package api

import (
	"errors"
	"net/http"
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
