package subscriber_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

func TestOpenReplaysFollowsAndCloses(t *testing.T) {
	srv := natsdev.Run(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	nc, err := nats.Connect(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, _ := jetstream.New(nc)
	n, _ := stream.NewNames("")
	if _, err := stream.Provision(ctx, js, stream.Settings{Names: n}); err != nil {
		t.Fatal(err)
	}
	act := func(id string) revocation.Act {
		return revocation.Act{ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: time.Now().Unix() + 3600,
			Target: revocation.Target{Kind: revocation.KindSession, Pool: "eu-west-1_A", ID: id}}
	}
	for range 1200 {
		js.PublishAsync(n.Event(), revocation.Message{Acts: []revocation.Act{act("old")}}.Encode())
	}
	<-js.PublishAsyncComplete()
	s, err := subscriber.Open(ctx, subscriber.Config{Servers: srv.URL(), Service: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	t.Logf("%+v", s.Status())
	if err := s.Check(revocation.Token{Pool: "eu-west-1_A", OriginJTI: "old"}); !errors.Is(err, revocation.ErrRevoked) {
		t.Errorf("old: %v", err)
	}
	if err := s.Check(revocation.Token{Pool: "eu-west-1_A", OriginJTI: "new"}); err != nil {
		t.Errorf("new: %v", err)
	}
	a := act("new")
	js.Publish(ctx, n.Event(), revocation.Message{Acts: []revocation.Act{a}}.Encode())
	if err := s.AwaitEnforced(ctx, a); err != nil {
		t.Fatal(err)
	}
}
