package members_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher/members"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// eventually is generous: the machine may be busy.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func dial(t *testing.T, url string) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return nc, js
}

// replica is a tracker of the service over real NATS.
func replica(t *testing.T, url, epoch string) *members.Tracker {
	t.Helper()
	nc, _ := dial(t, url)
	bus, err := members.NewNATSBus(nc, "")
	if err != nil {
		t.Fatal(err)
	}
	roll, err := members.NewNATSRoll(nc, "")
	if err != nil {
		t.Fatal(err)
	}
	tr, err := members.New(members.Config{Bus: bus, Roll: roll, Epoch: func() string { return epoch }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close(); bus.Close() })
	return tr
}

func TestOverNATSWithRealNodes(t *testing.T) {
	srv := natsdev.Run(t)
	_, js := dial(t, srv.URL())
	names, err := stream.NewNames("")
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Provision(t.Context(), js, stream.Settings{Names: names})
	if err != nil {
		t.Fatal(err)
	}
	beat := revocation.Message{SentAt: time.Now(), Beat: &revocation.Beat{ServiceID: "r", Epoch: info.Epoch, Version: 1}}
	if _, err := js.Publish(t.Context(), names.Beat(), beat.Encode()); err != nil {
		t.Fatal(err)
	}
	first := replica(t, srv.URL(), info.Epoch)
	open := func(node string, observer bool) *subscriber.Subscriber {
		s, err := subscriber.Open(t.Context(), subscriber.Config{Servers: srv.URL(), Service: "orders", Node: node, Observer: observer})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	a, b := open("a", false), open("b.local", false)
	open("c", true)
	a.DeclareStalePolicy("fail-closed")

	q := question()
	ack, err := js.Publish(t.Context(), names.Event(), revocation.Message{Acts: []revocation.Act{q.Act}}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	q.Sequence, q.Fresh = ack.Sequence, true
	var r members.Receipt
	eventually(t, "both nodes enforce", func() bool {
		r = awaitFor(t, first, q, 100*time.Millisecond)
		return r.Enforced == 2
	})
	if r.Total != 2 || r.Met || fmt.Sprint(r.Shortfalls) != "[listening]" || len(r.Services) != 1 || r.P99 <= 0 {
		t.Errorf("receipt %+v, want 2/2, but of a replica that was started a moment ago", r)
	}

	// A second replica learns of both from the roll, and a goodbye reaches all.
	second := replica(t, srv.URL(), info.Epoch)
	eventually(t, "the second replica knows both", func() bool { return len(second.Members()) == 2 })
	if m := second.Members(); m[0].Node != "a" || m[0].Policy != "fail-closed" || m[1].Node != "b_local" || m[1].Policy != "undeclared" {
		t.Errorf("members %+v", m)
	}
	b.Close()
	for i, tr := range []*members.Tracker{first, second} {
		eventually(t, fmt.Sprintf("replica %d has heard the goodbye", i), func() bool { return len(tr.Members()) == 1 })
	}
	// Nobody but the roll could tell a third replica of a node that is gone.
	srv.Stop()
	a.Close() // its goodbye is lost
	if err := srv.Restart(); err != nil {
		t.Fatal(err)
	}
	third := replica(t, srv.URL(), info.Epoch)
	eventually(t, "the third replica knows the one that vanished", func() bool {
		m := third.Members()
		return len(m) == 1 && m[0].Node == "a" && m[0].LastHeard.IsZero() && m[0].State == ""
	})
}

func awaitFor(t *testing.T, tr *members.Tracker, q members.Question, d time.Duration) members.Receipt {
	t.Helper()
	w := &world{T: t, t: tr}
	return w.await(q, members.All, d)
}

// The roll over NATS behaves as the one that the other tests use.
func TestNATSRoll(t *testing.T) {
	srv := natsdev.Run(t)
	nc, js := dial(t, srv.URL())
	names, err := stream.NewNames("")
	if err != nil {
		t.Fatal(err)
	}
	roll, err := members.NewNATSRoll(nc, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := roll.Follow(t.Context(), nil, nil, nil); err == nil {
		t.Error("Follow without a stream succeeded")
	}
	if err := stream.ProvisionOwn(t.Context(), js, stream.Settings{Names: names}); err != nil {
		t.Fatal(err)
	}
	entry := func(i int) members.Entry {
		return members.Entry{
			Key: members.Key{Service: "orders", Node: fmt.Sprint("n", i), Instance: 1<<64 - 1}, Policy: 1,
			MaxStaleness: time.Minute, Interval: 10 * time.Second, Started: time.UnixMilli(1_700_000_000_123).UTC(),
		}
	}
	for i := range 700 { // more than one page
		if err := roll.Put(t.Context(), entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := roll.Remove(t.Context(), entry(0).Key); err != nil {
		t.Fatal(err)
	}
	events := make(chan string, 2000)
	found := map[members.Key]members.Entry{} // owned by Follow until "caught up"
	go roll.Follow(t.Context(),
		func(e members.Entry) { found[e.Key] = e; events <- "put " + e.Node },
		func(key members.Key) { delete(found, key); events <- "removed " + key.Node },
		func() { events <- "caught up" })
	for e := range events {
		if e == "caught up" {
			break
		}
	}
	if len(found) != 699 || found[entry(5).Key] != entry(5) {
		t.Errorf("%d entries, one is %+v, want 699 and %+v", len(found), found[entry(5).Key], entry(5))
	}
	if err := roll.Remove(t.Context(), entry(5).Key); err != nil {
		t.Fatal(err)
	}
	if err := roll.Put(t.Context(), entry(5)); err != nil {
		t.Fatal(err)
	}
	if e := <-events; e != "removed n5" {
		t.Errorf("event %q", e)
	}
	if e := <-events; e != "put n5" {
		t.Errorf("event %q", e)
	}
}
