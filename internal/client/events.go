package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	typeEvents = "text/event-stream"
	// maxEvent bounds the data of one event in bytes: a receipt with a hundred
	// stragglers is less than a tenth of it.
	maxEvent = 1 << 20
	// maxSilence is how long a stream may say nothing. The service sends a
	// comment each 15 s.
	maxSilence = 40 * time.Second
)

// ErrEventsEnded is wrapped by errors that say a stream of events is over; what
// happens until the next one begins is not told.
var ErrEventsEnded = errors.New("client: the stream of events has ended")

// Event is something that happened. Which fields are set depends on Name.
type Event struct {
	// Name is "hello", "node", "ready", "act", "leg", "receipt" or "end", or
	// one that this version does not know.
	Name string `json:"event"`
	Time Time   `json:"time"`
	// Change and Node are of "node": "present", "came", "changed" or "gone".
	Change string `json:"change"`
	Node   Node   `json:"node"`
	// Act is of "act"; State is "open", "confirmed" or "lifted".
	Act struct {
		ID     string `json:"id"`
		Kind   string `json:"kind"`
		Pool   string `json:"pool"`
		Target string `json:"target"`
		State  string `json:"state"`
	} `json:"act"`
	// ID is of "leg" and "receipt".
	ID      string   `json:"id"`
	Cognito Leg      `json:"cognito"`
	Receipt *Receipt `json:"receipt"`
	// Reason is of "end".
	Reason string `json:"reason"`
	// Raw is what the service sent, on one line. It must not be modified.
	Raw json.RawMessage `json:"-"`
}

// Events follows what happens until ctx ends or the stream does, and calls each
// for every event; its error ends the call. It returns an error always: that of
// ctx, of each, of the service, or one that wraps [ErrEventsEnded]. begin bounds
// the time until the service answers.
func (c *Client) Events(ctx context.Context, begin time.Duration, each func(Event) error) error {
	streamCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(begin, cancel)
	defer silence.Stop()
	ans, body, err := c.begin(streamCtx, get(c.endpoint("events")))
	if err != nil {
		return err
	}
	defer body.Close()
	if ans.contentType != typeEvents {
		return ans.unreadable(fmt.Errorf("the answer declares to be %q, not %s", ans.contentType, typeEvents))
	}
	in := bufio.NewScanner(body)
	in.Buffer(nil, maxEvent)
	for silence.Reset(maxSilence); in.Scan(); silence.Reset(maxSilence) {
		// The service writes the data of an event on one line.
		data, found := strings.CutPrefix(in.Text(), "data: ")
		if !found {
			continue
		}
		ev := Event{Raw: bytes.Clone([]byte(data))}
		if err := json.Unmarshal(ev.Raw, &ev); err != nil || ev.Name == "" {
			return ans.unreadable(errors.New("an event is not as expected"))
		}
		if err := each(ev); err != nil {
			return err
		}
		if ev.Name == "end" {
			return fmt.Errorf("%w: %s", ErrEventsEnded, ev.Reason)
		}
	}
	switch err := in.Err(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case streamCtx.Err() != nil:
		return fmt.Errorf("%w: nothing was heard for %v", ErrEventsEnded, maxSilence)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrEventsEnded, err)
	}
	return fmt.Errorf("%w: the connection was closed", ErrEventsEnded)
}

// Passing reports whether the same question may be answered at another time,
// and how long the service asked to wait.
func Passing(err error) (wait time.Duration, may bool) {
	if errors.Is(err, ErrEventsEnded) {
		return 0, true
	}
	return passing(err)
}
