package audit

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

// NATSStore is the [Store] in a stream that only the revoke service can see.
type NATSStore struct {
	nc    *nats.Conn
	js    jetstream.JetStream
	names stream.Names
}

// NewNATSStore returns a store on a connection that stays the caller's. The
// stream must exist; "revoked provision" creates it.
func NewNATSStore(nc *nats.Conn, prefix string) (*NATSStore, error) {
	names, err := stream.NewNames(prefix)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return &NATSStore{nc: nc, js: js, names: names}, nil
}

// Append implements [Store]. The id is the message's Nats-Msg-Id: unlike acts
// these messages are not republished, so the trap of that header is none here.
func (s *NATSStore) Append(ctx context.Context, id string, entry []byte) error {
	if _, err := s.js.Publish(ctx, s.names.AuditEntry(), entry, jetstream.WithMsgID(id)); err != nil {
		return fmt.Errorf("audit: storing an entry: %w", err)
	}
	return nil
}

// Read implements [Store].
func (s *NATSStore) Read(ctx context.Context, upTo uint64, n int) ([]Stored, error) {
	info, err := s.js.Stream(ctx, s.names.Audit())
	if err != nil {
		return nil, fmt.Errorf("audit: reading %s: %w", s.names.Audit(), err)
	}
	state := info.CachedInfo().State
	if upTo == 0 || upTo > state.LastSeq {
		upTo = state.LastSeq
	}
	if state.Msgs == 0 || upTo < state.FirstSeq {
		return nil, nil
	}
	from := state.FirstSeq
	if upTo >= from+uint64(n) {
		from = upTo - uint64(n) + 1
	}
	// Entries go in the order of their age, so there are no holes between the
	// first and the last; what a purge of one leaves only makes a page short.
	msgs, _, err := stream.Read(ctx, s.nc, s.names.Audit(), from, int(upTo-from+1))
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	var all []Stored
	for _, m := range msgs {
		if m.Sequence <= upTo {
			all = append(all, Stored{m.Sequence, m.Data})
		}
	}
	if len(all) == 0 && from > state.FirstSeq {
		return s.Read(ctx, from-1, n)
	}
	return all, nil
}
