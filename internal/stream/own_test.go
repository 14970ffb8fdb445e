package stream_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

func TestProvisionOwn(t *testing.T) {
	ctx, _, js := connect(t)
	n := names(t, "")
	if err := stream.VerifyOwn(ctx, js, n); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Fatalf("VerifyOwn without streams = %v, want ErrStreamNotFound", err)
	}
	age := func() time.Duration {
		s, err := js.Stream(ctx, n.Audit())
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().Config.MaxAge
	}
	for _, want := range []time.Duration{stream.DefaultAuditAge, 48 * time.Hour, stream.DefaultAuditAge} {
		set := want
		if want == stream.DefaultAuditAge {
			set = 0
		}
		if err := stream.ProvisionOwn(ctx, js, stream.Settings{Names: n, AuditAge: set}); err != nil {
			t.Fatal(err)
		}
		if got := age(); got != want {
			t.Errorf("age of the audit %v, want %v", got, want)
		}
		if err := stream.VerifyOwn(ctx, js, n); err != nil {
			t.Errorf("VerifyOwn: %v", err)
		}
	}
	other := names(t, "other")
	cfg := jetstream.StreamConfig{Name: other.Fleet(), Subjects: []string{other.AllFleet()}, MaxMsgs: 10, MaxMsgsPerSubject: 1}
	if _, err := js.CreateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	err := stream.ProvisionOwn(ctx, js, stream.Settings{Names: other})
	if mismatch, ok := errors.AsType[*stream.MismatchError](err); !ok || mismatch.Field != "max_msgs" {
		t.Errorf("ProvisionOwn over a stream that loses entries = %v, want a mismatch of max_msgs", err)
	}
}

func TestRead(t *testing.T) {
	ctx, nc, js := connect(t)
	n := names(t, "")
	if _, _, err := stream.Read(ctx, nc, n.Audit(), 1, 10); err == nil {
		t.Error("Read without a stream succeeded")
	}
	if err := stream.ProvisionOwn(ctx, js, stream.Settings{Names: n}); err != nil {
		t.Fatal(err)
	}
	if all, left, err := stream.Read(ctx, nc, n.Audit(), 1, 10); len(all) != 0 || left != 0 || err != nil {
		t.Errorf("Read of nothing = %v, %d, %v", all, left, err)
	}
	const stored = 1203
	for i := range stored {
		if _, err := js.PublishAsync(n.AuditEntry(), fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	var from uint64 = 1
	read := 0
	for {
		all, left, err := stream.Read(ctx, nc, n.Audit(), from, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			if string(m.Data) != fmt.Sprint(read) || m.Sequence != uint64(read+1) || m.Subject != n.AuditEntry() || m.Time.IsZero() {
				t.Fatalf("message %d is %+v", read, m)
			}
			read++
			from = m.Sequence + 1
		}
		if want := uint64(stored - read); left != want {
			t.Errorf("%d left after %d, want %d", left, read, want)
		}
		if left == 0 {
			break
		}
	}
	if all, left, err := stream.Read(ctx, nc, n.Audit(), stored+1, 10); read != stored || len(all) != 0 || left != 0 || err != nil {
		t.Errorf("read %d of %d; past the end %v, %d, %v", read, stored, all, left, err)
	}
}

func TestFleetSubjects(t *testing.T) {
	n := names(t, "shop")
	service, node, instance, ok := n.FleetMemberOf(n.FleetMember("orders", "n-1", "ff"))
	if service != "orders" || node != "n-1" || instance != "ff" || !ok {
		t.Errorf("FleetMemberOf(FleetMember()) = %q, %q, %q, %v", service, node, instance, ok)
	}
	for _, bad := range []string{"revoked.fleet.a.b.c", "shop.fleet.a.b", "shop.fleet.a.b.c.d"} {
		if _, _, _, ok := n.FleetMemberOf(bad); ok {
			t.Errorf("FleetMemberOf(%q) succeeded", bad)
		}
	}
}
