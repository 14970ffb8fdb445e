package api

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
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
