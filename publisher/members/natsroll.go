package members

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/fleet"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

const (
	// rereadPeriod is how often the roll is read again from the start, in case
	// a change was lost on its way.
	rereadPeriod = 5 * time.Minute
	// strikeLife is how long a removal is stored, for replicas that look away.
	strikeLife = time.Hour
	// changeBuffer holds what changes while the roll is read.
	changeBuffer = 4096
)

// NATSRoll is the [Roll] in a stream that only the revoke service can see. The
// newest message on the subject of a process is its entry; an empty one says
// that it is removed.
type NATSRoll struct {
	nc    *nats.Conn
	js    jetstream.JetStream
	names stream.Names
}

// NewNATSRoll returns the roll on a connection that stays the caller's. The
// stream must exist; "revoked provision" creates it.
func NewNATSRoll(nc *nats.Conn, prefix string) (*NATSRoll, error) {
	names, err := stream.NewNames(prefix)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("members: %w", err)
	}
	return &NATSRoll{nc: nc, js: js, names: names}, nil
}

// record is an entry as it is stored; the subject has the key.
type record struct {
	Policy         string `json:"policy"`
	MaxStalenessMS int64  `json:"max_staleness_ms"`
	IntervalMS     int64  `json:"interval_ms"`
	StartedMS      int64  `json:"started_ms"`
}

func (r *NATSRoll) subject(key Key) string {
	return r.names.FleetMember(key.Service, key.Node, strconv.FormatUint(key.Instance, 16))
}

// Put implements [Roll].
func (r *NATSRoll) Put(ctx context.Context, e Entry) error {
	b, err := json.Marshal(record{
		Policy: e.Policy.String(), MaxStalenessMS: e.MaxStaleness.Milliseconds(),
		IntervalMS: e.Interval.Milliseconds(), StartedMS: e.Started.UnixMilli(),
	})
	if err == nil {
		_, err = r.js.Publish(ctx, r.subject(e.Key), b)
	}
	if err != nil {
		return fmt.Errorf("members: enrolling %s/%s: %w", e.Service, e.Node, err)
	}
	return nil
}

// Remove implements [Roll].
func (r *NATSRoll) Remove(ctx context.Context, key Key) error {
	if _, err := r.js.Publish(ctx, r.subject(key), nil, jetstream.WithMsgTTL(strikeLife)); err != nil {
		return fmt.Errorf("members: striking %s/%s: %w", key.Service, key.Node, err)
	}
	return nil
}

// Follow implements [Roll]. It returns nil when it is time to read the roll
// again, which is after each reconnect and every few minutes.
func (r *NATSRoll) Follow(ctx context.Context, put func(Entry), removed func(Key), caughtUp func()) error {
	status := r.nc.StatusChanged(nats.CONNECTED)
	defer r.nc.RemoveStatusListener(status)
	msgs := make(chan *nats.Msg, changeBuffer)
	sub, err := r.nc.ChanSubscribe(r.names.AllFleet(), msgs)
	if err != nil {
		return fmt.Errorf("members: subscribing to %s: %w", r.names.AllFleet(), err)
	}
	defer sub.Unsubscribe()
	// Changes that are stored while this reads arrive on the subscription, too,
	// in their order: applied after it they end in the newest state.
	for from, left := uint64(1), uint64(1); left > 0; {
		page, cancel := context.WithTimeout(ctx, rollTimeout)
		var all []stream.Stored
		all, left, err = stream.Read(page, r.nc, r.names.Fleet(), from, stream.MaxRead)
		cancel()
		if err != nil {
			return err
		}
		for _, m := range all {
			r.apply(m.Subject, m.Data, put, removed)
			from = m.Sequence + 1
		}
	}
	caughtUp()
	again := time.NewTimer(rereadPeriod)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
			return nil
		case _, open := <-status:
			if !open { // the connection was closed for good
				status = nil
				continue
			}
			return nil
		case msg := <-msgs:
			r.apply(msg.Subject, msg.Data, put, removed)
		}
	}
}

// apply takes one message. Only the service's credential can write one; what
// can't be read is of a later version, and counts as a node of which nothing
// good is known.
func (r *NATSRoll) apply(subject string, data []byte, put func(Entry), removed func(Key)) {
	service, node, instance, ok := r.names.FleetMemberOf(subject)
	if !ok {
		return
	}
	n, err := strconv.ParseUint(instance, 16, 64)
	if err != nil {
		return
	}
	key := Key{service, node, n}
	if len(data) == 0 {
		removed(key)
		return
	}
	var rec record
	if err := json.Unmarshal(data, &rec); err != nil {
		rec = record{}
	}
	put(Entry{
		Key: key, Policy: fleet.ParsePolicy(rec.Policy),
		MaxStaleness: time.Duration(rec.MaxStalenessMS) * time.Millisecond,
		Interval:     time.Duration(rec.IntervalMS) * time.Millisecond,
		Started:      time.UnixMilli(rec.StartedMS).UTC(),
	})
}
