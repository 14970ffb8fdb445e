package service_test

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// wipe deletes the stream and makes it anew, as an operator might, and returns
// the new epoch.
func (b *bench) wipe() (epoch string) {
	b.t.Helper()
	js, names := b.jetStream()
	if err := js.DeleteStream(b.t.Context(), names.Events()); err != nil {
		b.t.Fatal(err)
	}
	waitFor(b.t, "the stream to be made anew", func() bool {
		info, err := stream.Provision(b.t.Context(), js, stream.Settings{Names: names})
		epoch = info.Epoch
		return err == nil // the server removes the files a moment later
	})
	return epoch
}

// After the stream was made anew the service publishes every act again, before
// the beat that makes nodes trust it; nodes that have followed the old one wait
// for an operator. The service notices while it runs, and also if it was down,
// by its local file.
func TestServicePutsBackWhatAWipedStreamHasLost(t *testing.T) {
	for _, down := range []bool{false, true} {
		name := "running"
		if down {
			name = "down"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newStoppedBench(t)
			b.provision()
			cfg := b.config()
			if down {
				cfg.LocalFile = filepath.Join(t.TempDir(), "acts")
			}
			b.start(cfg)
			b.awaitReady()
			b.openNode()
			tokens := b.signIn(b.demo.Client, b.demo.Ada)
			b.oauthRevoke(b.demo.Client.ID, "", url.Values{"token": {tokens.RefreshToken}, "access_token": {tokens.AccessToken}})
			b.awaitRefused(t, tokens.AccessToken)
			if down {
				if err := b.svc.Close(); err != nil {
					t.Fatal(err)
				}
			}
			epoch := b.wipe()
			waitFor(t, "the node to notice", func() bool { return b.node.Status().Reason == subscriber.ReasonHistory })
			b.awaitRefused(t, tokens.AccessToken)
			if down {
				b.start(cfg)
			}
			fresh := b.openAnother(t) // returns with the first beat of the new epoch
			if err := fresh.Check(claimsOf(t, tokens.AccessToken)); !errors.Is(err, revocation.ErrRevoked) {
				t.Errorf("a node that was started on the new stream says %v; epoch %s, status %+v", err, epoch, fresh.Status())
			}
			if st := b.node.Status(); st.Reason != subscriber.ReasonHistory {
				t.Errorf("before the acceptance: %+v, want the node stale", st)
			}
			b.accept()
			waitFor(t, "the node to be fresh", func() bool { return b.node.Check(revocation.Token{}) == nil })
			b.awaitReady()
			b.awaitRefused(t, tokens.AccessToken)
		})
	}
}

// accept accepts the stream's history, changed or not.
func (b *bench) accept() {
	b.t.Helper()
	js, names := b.jetStream()
	info, err := stream.Verify(b.t.Context(), js, names)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := stream.Accept(b.t.Context(), js, names, info.Epoch); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) openAnother(t *testing.T) *subscriber.Subscriber {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bounded)
	defer cancel()
	node, err := subscriber.Open(ctx, subscriber.Config{Servers: b.nats.URL(), Service: "orders", Node: "orders-2"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return node
}
