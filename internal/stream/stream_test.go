package stream_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

func names(t *testing.T, prefix string) stream.Names {
	t.Helper()
	n, err := stream.NewNames(prefix)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func connect(t *testing.T) (context.Context, *nats.Conn, jetstream.JetStream) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	nc, err := nats.Connect(natsdev.Run(t).URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, nc, js
}

func TestPrefix(t *testing.T) {
	n := names(t, "")
	if n.Events() != "REVOKED_EVENTS" || n.Event() != "revoked.rev.event" || n.Live() != "revoked.live.*" {
		t.Errorf("default names = %s, %s, %s", n.Events(), n.Event(), n.Live())
	}
	if got := names(t, "shop-eu").Events(); got != "SHOP-EU_EVENTS" {
		t.Errorf("Events() with prefix shop-eu = %s", got)
	}
	for _, bad := range []string{"a.b", "A", "*", ">", "a b", "$JS", "é", string(make([]byte, 65))} {
		if _, err := stream.NewNames(bad); err == nil {
			t.Errorf("NewNames(%q) succeeded", bad)
		}
	}
}

func TestStatusSubjects(t *testing.T) {
	n := names(t, "shop")
	service, node, ok := n.StatusOf(n.Status("orders", stream.Token("ip-10.0.0.1.internal")))
	if service != "orders" || node != "ip-10_0_0_1_internal" || !ok {
		t.Errorf("StatusOf(Status()) = %q, %q, %v", service, node, ok)
	}
	for _, bad := range []string{"revoked.status.a.b", "shop.status.a", "shop.status.a.b.c", "shop.status..b", "shop.status.a.", "shop.probe"} {
		if service, node, ok := n.StatusOf(bad); ok {
			t.Errorf("StatusOf(%q) = %q, %q", bad, service, node)
		}
	}
	if got := stream.Token("é*>. " + string(make([]byte, 100))); len(got) != 64 || strings.Trim(got, "_") != "" {
		t.Errorf("Token of odd characters = %q", got)
	}
}

func TestProvisionTwiceKeepsEpochAndTicksOncePerSecond(t *testing.T) {
	ctx, nc, js := connect(t)
	n := names(t, "")
	ticks := make(chan *nats.Msg, 64)
	if _, err := nc.ChanSubscribe(n.LiveTick(), ticks); err != nil {
		t.Fatal(err)
	}
	first, err := stream.Provision(ctx, js, stream.Settings{Names: n})
	if err != nil {
		t.Fatal(err)
	}
	second, err := stream.Provision(ctx, js, stream.Settings{Names: n})
	if err != nil {
		t.Fatalf("provisioning again: %v", err)
	}
	if first.Epoch == "" || first.Epoch != second.Epoch {
		t.Errorf("epochs %q and %q, want one", first.Epoch, second.Epoch)
	}
	if err := stream.VerifySchedule(ctx, js, n); err != nil {
		t.Errorf("VerifySchedule: %v", err)
	}
	// Two schedules would make two ticks a second: compare server time stamps.
	var stamps []time.Time
	for len(stamps) < 4 {
		select {
		case msg := <-ticks:
			at, err := time.Parse(time.RFC3339Nano, msg.Header.Get("Nats-Time-Stamp"))
			if err != nil {
				t.Fatalf("tick without time stamp: %v", msg.Header)
			}
			if m, err := revocation.Decode(msg.Data); err != nil || !m.Tick || m.Epoch != first.Epoch {
				t.Fatalf("tick payload %x decodes to %+v, %v, want a tick of epoch %s", msg.Data, m, err, first.Epoch)
			}
			stamps = append(stamps, at)
		case <-ctx.Done():
			t.Fatalf("%d ticks, want 4", len(stamps))
		}
	}
	if span := stamps[3].Sub(stamps[0]); span < 2*time.Second {
		t.Errorf("four ticks within %v: more than one schedule", span)
	}
}

func TestVerifyNamesTheFieldThatDiffers(t *testing.T) {
	ctx, _, js := connect(t)
	base := func(n stream.Names) jetstream.StreamConfig {
		return jetstream.StreamConfig{
			Name: n.Events(), Subjects: []string{n.Stored()}, Storage: jetstream.MemoryStorage,
			AllowDirect: true, AllowMsgTTL: true, AllowMsgSchedules: true, DenyDelete: true,
			Metadata:  map[string]string{"revoked_epoch": "e"},
			RePublish: &jetstream.RePublish{Source: n.Stored(), Destination: "P.live.{{wildcard(1)}}"},
		}
	}
	cases := []struct {
		field  string
		change func(*jetstream.StreamConfig)
	}{
		{"subjects", func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, c.Name) }},
		{"storage", func(*jetstream.StreamConfig) {}},
		{"max_msgs", func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 }},
		{"max_msgs_per_subject", func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 }},
		{"max_bytes", func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 20 }},
		{"max_age", func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }},
		{"max_msg_size", func(c *jetstream.StreamConfig) { c.MaxMsgSize = 10 }},
		{"allow_direct", func(c *jetstream.StreamConfig) { c.AllowDirect = false }},
		{"allow_msg_ttl", func(c *jetstream.StreamConfig) { c.AllowMsgTTL = false }},
		{"allow_msg_schedules", func(c *jetstream.StreamConfig) { c.AllowMsgSchedules = false }},
		{"deny_delete", func(c *jetstream.StreamConfig) { c.DenyDelete = false }},
		{"republish", func(c *jetstream.StreamConfig) { c.RePublish.HeadersOnly = true }},
		{"metadata.revoked_epoch is set", func(c *jetstream.StreamConfig) { c.Metadata = nil }},
	}
	for i, tc := range cases {
		t.Run(tc.field, func(t *testing.T) {
			n := names(t, "p"+string(rune('a'+i)))
			cfg := base(n)
			if tc.field != "storage" {
				cfg.Storage = jetstream.FileStorage
			}
			cfg.RePublish.Destination = "p" + string(rune('a'+i)) + ".live.{{wildcard(1)}}"
			tc.change(&cfg)
			if _, err := js.CreateStream(ctx, cfg); err != nil {
				t.Fatal(err)
			}
			for name, call := range map[string]func() error{
				"Verify":    func() error { _, err := stream.Verify(ctx, js, n); return err },
				"Provision": func() error { _, err := stream.Provision(ctx, js, stream.Settings{Names: n}); return err },
			} {
				err := call()
				mismatch, ok := errors.AsType[*stream.MismatchError](err)
				if !ok || mismatch.Field != tc.field {
					t.Errorf("%s = %v, want a mismatch of %s", name, err, tc.field)
				}
			}
			s, err := js.Stream(ctx, n.Events())
			if err != nil {
				t.Fatal(err)
			}
			if got := s.CachedInfo().Config.Storage; got != cfg.Storage {
				t.Errorf("storage changed to %v", got)
			}
			if got := s.CachedInfo().State.Msgs; got != 0 {
				t.Errorf("%d messages were published into a stream that differs", got)
			}
		})
	}
}

func TestVerifyWithoutStreamOrSchedule(t *testing.T) {
	ctx, _, js := connect(t)
	n := names(t, "")
	if _, err := stream.Verify(ctx, js, n); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("Verify without stream = %v, want ErrStreamNotFound", err)
	}
	if _, err := stream.Provision(ctx, js, stream.Settings{Names: n}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Provision(ctx, js, stream.Settings{Names: n, Replicas: 3}); err == nil {
		t.Error("Provision with other replicas succeeded")
	}
	if err := stream.VerifySchedule(ctx, js, names(t, "other")); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("VerifySchedule of another prefix = %v, want ErrStreamNotFound", err)
	}
}
