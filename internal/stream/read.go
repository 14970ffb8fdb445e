package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// MaxRead is the largest number of messages that one [Read] asks for. Larger
// batches hold a lock of the server for long and stall publishers.
const MaxRead = 500

// Stored is one message of a stream.
type Stored struct {
	Subject  string
	Sequence uint64
	Time     time.Time // by the server
	Data     []byte
}

// Read returns up to n messages of a stream, at most [MaxRead], from the
// sequence from on, and how many more there are. It needs no rights but to ask
// by Direct Get, which a replica that lags may answer: what was stored a moment
// ago may be missing at the end. A batch that has lost messages on its way is
// an error.
func Read(ctx context.Context, nc *nats.Conn, stream string, from uint64, n int) ([]Stored, uint64, error) {
	n = min(n, MaxRead)
	body, err := json.Marshal(map[string]uint64{"seq": max(1, from), "batch": uint64(n)})
	if err != nil {
		return nil, 0, err
	}
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, 0, fmt.Errorf("stream: reading %s: %w", stream, err)
	}
	defer sub.Unsubscribe()
	if err := nc.PublishRequest("$JS.API.DIRECT.GET."+stream, inbox, body); err != nil {
		return nil, 0, fmt.Errorf("stream: reading %s: %w", stream, err)
	}
	var all []Stored
	left := uint64(0) // behind the message before, by which one that is missing shows
	for {
		msg, err := sub.NextMsgWithContext(ctx)
		if errors.Is(err, nats.ErrNoResponders) {
			return nil, 0, fmt.Errorf("stream: reading %s: no server answers for it: %w", stream, err)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("stream: reading %s from %d: %w", stream, from, err)
		}
		switch status := msg.Header.Get("Status"); status {
		case "":
			m, err := stored(msg)
			if err != nil {
				return nil, 0, fmt.Errorf("stream: reading %s: %w", stream, err)
			}
			pending, err := strconv.ParseUint(msg.Header.Get("Nats-Num-Pending"), 10, 64)
			if err != nil || len(all) > 0 && pending+1 != left {
				return nil, 0, fmt.Errorf("stream: reading %s: a message was lost before %d", stream, m.Sequence)
			}
			left = pending
			all = append(all, m)
		case "404": // nothing at or after from
			return nil, 0, nil
		case "204": // end of batch
			// With headers the server counts what is left after the batch.
			end, err := strconv.ParseUint(msg.Header.Get("Nats-Num-Pending"), 10, 64)
			if err != nil {
				return nil, 0, fmt.Errorf("stream: reading %s: end of batch without Nats-Num-Pending", stream)
			}
			if len(all) < n && end > 0 || end != left {
				return nil, 0, fmt.Errorf("stream: reading %s: %d of %d messages arrived", stream, len(all), n)
			}
			return all, left, nil
		default:
			return nil, 0, fmt.Errorf("stream: reading %s: status %q (%s)", stream, status, msg.Header.Get("Description"))
		}
	}
}

func stored(msg *nats.Msg) (Stored, error) {
	m := Stored{Subject: msg.Header.Get("Nats-Subject"), Data: msg.Data}
	var err error
	if m.Sequence, err = strconv.ParseUint(msg.Header.Get("Nats-Sequence"), 10, 64); err != nil {
		return Stored{}, fmt.Errorf("message without Nats-Sequence: %w", err)
	}
	if m.Time, err = time.Parse(time.RFC3339Nano, msg.Header.Get("Nats-Time-Stamp")); err != nil {
		return Stored{}, fmt.Errorf("message without Nats-Time-Stamp: %w", err)
	}
	return m, nil
}
