package stream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// TickPeriod is how often the server's scheduler writes a tick; it takes
	// no shorter one.
	TickPeriod = time.Second
	// TickTTL is how long a tick is stored. Only the newest matters; an hour
	// shows an operator a recent gap.
	TickTTL = time.Hour

	epochKey = "revoked_epoch"
)

// Settings are an operator's choices for [Provision].
type Settings struct {
	Names Names
	// Replicas is 1 (development) or 3; 0 means 1.
	Replicas int
	// AuditAge is how long entries of the audit are kept; 0 means
	// [DefaultAuditAge].
	AuditAge time.Duration
}

// Info describes a stream that has passed [Verify].
type Info struct {
	// Epoch is the random identity of this stream's history, minted when it
	// was created.
	Epoch string
	// Replicas is the number of copies that the server keeps.
	Replicas int
	// Messages and LastSequence are the stream's size and head.
	Messages     uint64
	LastSequence uint64
}

// Provision creates the stream with a new epoch, or verifies the one that
// exists, and publishes the tick schedule; publishing it again replaces it. It
// does the same with the service's own streams ([ProvisionOwn]). It needs the
// rights of an administrator. An existing stream that differs is never changed:
// the error is a [*MismatchError]. Nothing is created on a server that is too old.
func Provision(ctx context.Context, js jetstream.JetStream, set Settings) (Info, error) {
	if set.Replicas == 0 {
		set.Replicas = 1
	}
	names := set.Names
	cfg := wanted(names)
	cfg.Replicas = set.Replicas
	cfg.Metadata = map[string]string{epochKey: rand.Text()}
	if err := CheckServer(js.Conn()); err != nil {
		return Info{}, err
	}
	_, err := js.CreateStream(ctx, cfg)
	if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return Info{}, fmt.Errorf("stream: creating %s: %w", names.Events(), err)
	}
	// Read back what the server made of it, also when it was just created.
	info, err := Verify(ctx, js, names)
	if err != nil {
		return Info{}, err
	}
	if info.Replicas != set.Replicas {
		return Info{}, &MismatchError{
			Stream: names.Events(), Field: "num_replicas",
			Wanted: fmt.Sprint(set.Replicas), Found: fmt.Sprint(info.Replicas),
		}
	}
	tick := revocation.Message{Tick: true, Epoch: info.Epoch}.Encode()
	if _, err := js.Publish(ctx, names.Schedule(), tick,
		jetstream.WithScheduleEvery(TickPeriod),
		jetstream.WithScheduleTarget(names.Tick()),
		jetstream.WithScheduleTTL(TickTTL),
	); err != nil {
		return Info{}, fmt.Errorf("stream: publishing the tick schedule: %w", err)
	}
	return info, ProvisionOwn(ctx, js, set)
}

// acceptanceTTL is how long the stream keeps an acceptance by itself. The
// service's replicas repeat the newest in their beats.
const acceptanceTTL = 30 * 24 * time.Hour

// Accept publishes an operator's word that the history which the stream has now
// is the one that is meant: nodes that have followed another one trust it again.
// It needs the rights of an administrator, as whoever restores a store or makes
// it anew has them, and works while the revoke service is down.
func Accept(ctx context.Context, js jetstream.JetStream, names Names, epoch string) error {
	info, err := Verify(ctx, js, names)
	if err != nil {
		return err
	}
	if info.Epoch != epoch {
		return fmt.Errorf("stream: the epoch of %s is %s, not %s", names.Events(), info.Epoch, epoch)
	}
	now := time.Now()
	m := revocation.Message{SentAt: now, Beat: &revocation.Beat{
		ServiceID: "operator", Accepted: revocation.Acceptance{Epoch: epoch, At: now},
	}}
	if _, err := js.Publish(ctx, names.Beat(), m.Encode(), jetstream.WithMsgTTL(acceptanceTTL)); err != nil {
		return fmt.Errorf("stream: publishing the acceptance: %w", err)
	}
	return nil
}

// Verify reads the stream and its schedule and compares them field by field
// with what revoked needs. It changes nothing. The error is a [*MismatchError]
// for the first field that differs, or wraps [jetstream.ErrStreamNotFound].
func Verify(ctx context.Context, js jetstream.JetStream, names Names) (Info, error) {
	s, err := js.Stream(ctx, names.Events())
	if err != nil {
		return Info{}, fmt.Errorf("stream: reading %s: %w", names.Events(), err)
	}
	found := s.CachedInfo()
	if err := compare(names, found.Config); err != nil {
		return Info{}, err
	}
	return Info{
		Epoch:        found.Config.Metadata[epochKey],
		Replicas:     found.Config.Replicas,
		Messages:     found.State.Msgs,
		LastSequence: found.State.LastSeq,
	}, nil
}

// VerifySchedule checks that the tick schedule is stored, and that its ticks
// name the stream's epoch. Without ticks no node is ever fresh.
func VerifySchedule(ctx context.Context, js jetstream.JetStream, names Names) error {
	s, err := js.Stream(ctx, names.Events())
	if err != nil {
		return fmt.Errorf("stream: reading %s: %w", names.Events(), err)
	}
	msg, err := s.GetLastMsgForSubject(ctx, names.Schedule())
	if err != nil {
		return fmt.Errorf("stream: reading the tick schedule on %s: %w", names.Schedule(), err)
	}
	for _, want := range []struct{ header, value string }{
		{"Nats-Schedule", "@every " + TickPeriod.String()},
		{"Nats-Schedule-Target", names.Tick()},
		{"Nats-Schedule-TTL", TickTTL.String()},
	} {
		if got := headerOf(msg.Header, want.header); got != want.value {
			return &MismatchError{Stream: names.Events(), Field: want.header, Wanted: want.value, Found: got}
		}
	}
	epoch := s.CachedInfo().Config.Metadata[epochKey]
	if tick, err := revocation.Decode(msg.Data); err != nil || !tick.Tick || tick.Epoch != epoch {
		return &MismatchError{
			Stream: names.Events(), Field: "epoch of ticks", Wanted: fmt.Sprintf("%q", epoch), Found: fmt.Sprintf("%q", tick.Epoch),
		}
	}
	return nil
}

func headerOf(h nats.Header, key string) string {
	if v := h.Values(key); len(v) > 0 {
		return v[0]
	}
	return ""
}

// wanted is the configuration of the stream, but for replicas and epoch.
func wanted(names Names) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        names.Events(),
		Description: "revoked: revocations, ticks and beats",
		Subjects:    []string{names.Stored()},
		Storage:     jetstream.FileStorage,
		// No limits, so nothing is ever discarded. DiscardNew, which would
		// refuse instead, cannot be combined with schedules (error 10052).
		Discard:           jetstream.DiscardOld,
		AllowDirect:       true,
		AllowMsgTTL:       true,
		AllowMsgSchedules: true,
		DenyDelete:        true,
		RePublish:         &jetstream.RePublish{Source: names.Stored(), Destination: names.republished()},
	}
}
