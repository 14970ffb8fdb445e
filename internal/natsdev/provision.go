package natsdev

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Provision creates the stream of the default prefix, and stores the sign of
// life of a revoke service, for which nodes wait. It returns the stream's epoch.
func Provision(ctx context.Context, nc *nats.Conn) (epoch string, err error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return "", fmt.Errorf("natsdev: %w", err)
	}
	names, err := stream.NewNames("")
	if err != nil {
		return "", fmt.Errorf("natsdev: %w", err)
	}
	info, err := stream.Provision(ctx, js, stream.Settings{Names: names})
	if err != nil {
		return "", fmt.Errorf("natsdev: %w", err)
	}
	beat := revocation.Message{SentAt: time.Now(), Beat: &revocation.Beat{
		ServiceID: "natsdev", Epoch: info.Epoch, Version: revocation.WireVersion,
	}}
	if _, err := js.Publish(ctx, names.Beat(), beat.Encode(), jetstream.WithMsgTTL(time.Hour)); err != nil {
		return "", fmt.Errorf("natsdev: storing a beat: %w", err)
	}
	return info.Epoch, nil
}
