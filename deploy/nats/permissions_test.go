package nats_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

const pool = "eu-west-1_A"

// world is one server with everything that could be harmed.
type world struct {
	site
	server *server.Server
	url    string
	admin  *nats.Conn
	js     jetstream.JetStream

	// taps counts by account and subject what unrestricted listeners see.
	mu   sync.Mutex // guards taps
	taps map[string]int

	witness *subscriber.Subscriber // a node of the service payments; nil in a world of controls
	bus     *publisher.NATSBus     // the revoke service's
	acts    []revocation.Act       // what the service has published
	victim  *nats.Subscription     // an inbox on which a node of payments waits
}

func newWorld(t *testing.T, mode string) *world {
	t.Helper()
	w := &world{site: newSite(t, mode), taps: make(map[string]int)}
	opts := w.options("single.conf", nil)
	w.addController(opts)
	w.server = w.run(opts)
	w.url = w.server.ClientURL()
	w.admin = w.connect(w.url, "admin")
	w.js = newJS(t, w.admin)
	w.provision()
	w.tap(w.connect(w.url, "controller"), "NODES")
	w.tap(w.admin, "REVOKED")
	victim := w.connect(w.url, "payments")
	var err error
	if w.victim, err = victim.SubscribeSync(victim.NewInbox()); err != nil {
		t.Fatal(err)
	}
	if err := victim.Flush(); err != nil {
		t.Fatal(err)
	}
	return w
}

// provision makes the streams that are missing, as the administrator does. The
// server removes the files of a deleted stream a moment later.
func (w *world) provision() {
	w.t.Helper()
	var err error
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err = w.tryProvision(); err == nil {
			return
		}
	}
	w.t.Fatal(err)
}

func (w *world) tryProvision() error {
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	info, err := stream.Provision(ctx, w.js, stream.Settings{Names: names(w.t)})
	if err != nil {
		return err
	}
	// Nodes wait for a sign of life of the service.
	beat := revocation.Message{SentAt: time.Now(), Beat: &revocation.Beat{ServiceID: "service", Epoch: info.Epoch, Version: revocation.WireVersion}}
	if _, err := w.js.Publish(ctx, names(w.t).Beat(), beat.Encode()); err != nil {
		return err
	}
	// Our own streams deny deletion to everybody; this one does not.
	if _, err := w.js.CreateStream(ctx, jetstream.StreamConfig{Name: "PLAIN", Subjects: []string{"plain"}}); err != nil {
		return err
	}
	for _, subject := range []string{"revoked.task.t1", "revoked.audit.entry", "plain"} {
		if _, err := w.js.Publish(ctx, subject, []byte("stored")); err != nil {
			return err
		}
	}
	_, err = w.js.CreateConsumer(ctx, "REVOKED_TASKS", jetstream.ConsumerConfig{Durable: "workers", AckPolicy: jetstream.AckExplicitPolicy})
	return err
}

func (w *world) tap(nc *nats.Conn, account string) {
	w.t.Helper()
	_, err := nc.Subscribe("revoked.>", w.count(account))
	if err == nil {
		_, err = nc.Subscribe("_INBOX_payments.>", w.count(account))
	}
	if err == nil {
		_, err = nc.Subscribe("_INBOX.guess", w.count(account))
	}
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) count(account string) nats.MsgHandler {
	return func(m *nats.Msg) {
		if m.Header.Get("Nats-Subject") == "revoked.rev.tick" && m.Subject == "revoked.live.tick" || m.Subject == "revoked.rev.tick" && len(m.Header) > 0 {
			return // the ticks of every second
		}
		if m.Subject == "revoked.status.payments.n1" && len(m.Header) == 0 && string(m.Data) != "forged" {
			return // what the witness says of itself now and then
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.taps[account+" "+m.Subject]++
	}
}

func (w *world) seen() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.taps)
}

// startWitness starts what an attempt must not touch.
func (w *world) startWitness() {
	w.t.Helper()
	var err error
	if w.bus, err = publisher.NewNATSBus(w.connect(w.url, "service"), ""); err != nil {
		w.t.Fatal(err)
	}
	w.revoke()
	w.witness = w.open(w.url, "payments")
	w.awaitActs()
}

// revoke publishes an act as the service does.
func (w *world) revoke() {
	w.t.Helper()
	a := revocation.Act{
		ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: time.Now().Unix() + 3600,
		Target: revocation.Target{Kind: revocation.KindSession, Pool: pool, ID: fmt.Sprint("s", len(w.acts))},
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	payload := revocation.Message{SentAt: time.Now(), Acts: []revocation.Act{a}}.Encode()
	if _, err := w.bus.AppendAct(ctx, payload, time.Hour); err != nil {
		w.t.Fatal(err)
	}
	w.acts = append(w.acts, a)
}

// awaitActs waits until the witness enforces every act: what was sent to it
// before them has arrived too.
func (w *world) awaitActs() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	for _, a := range w.acts {
		if err := w.witness.AwaitEnforced(ctx, a); err != nil {
			w.t.Fatalf("%v; status %+v", err, w.witness.Status())
		}
	}
}

// stored is what the streams hold, without the ticks that come each second.
type stored struct {
	Streams  map[string]string // configuration, consumers
	Subjects map[string]uint64 // messages by subject
	Removed  uint64            // sequences of the event stream without a message
}

func (w *world) stored() stored {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	got := stored{Streams: make(map[string]string), Subjects: make(map[string]uint64)}
	all := w.js.StreamNames(ctx)
	for name := range all.Name() {
		s, err := w.js.Stream(ctx, name)
		if err != nil {
			w.t.Fatal(err)
		}
		info, err := s.Info(ctx, jetstream.WithSubjectFilter(">"))
		if err != nil {
			w.t.Fatal(err)
		}
		maps.Copy(got.Subjects, info.State.Subjects)
		cfg, err := json.Marshal(info.Config)
		if err != nil {
			w.t.Fatal(err)
		}
		got.Streams[name] = string(cfg) + w.consumers(ctx, s)
		if name == events {
			got.Removed = info.State.LastSeq - info.State.Msgs
		}
	}
	if err := all.Err(); err != nil {
		w.t.Fatal(err)
	}
	delete(got.Subjects, "revoked.rev.tick") // its forgery is seen in Removed or by the taps
	return got
}

func (w *world) consumers(ctx context.Context, s jetstream.Stream) string {
	w.t.Helper()
	var text strings.Builder
	list := s.ListConsumers(ctx)
	for c := range list.Info() {
		fmt.Fprintf(&text, " %s paused %t taken %d", c.Name, c.Paused, c.Delivered.Consumer)
	}
	return text.String()
}

// view is what the witness knows.
type view struct {
	State             string
	Acts, Provisional int
	Epoch             string
	Forged            bool
}

func (w *world) view() view {
	st := w.witness.Status()
	return view{st.State.String(), st.Acts, st.Provisional, st.Epoch, w.witness.Enforces(forged)}
}

// attempt lets who do it, and returns the attacker.
func (w *world) attempt(who string, a attempt) *attacker {
	w.t.Helper()
	nc := w.connect(w.url, who)
	defer nc.Close()
	atk := &attacker{nc: nc, victim: w.victim.Subject}
	a.do(atk)
	return atk
}

func TestForbidden(t *testing.T) {
	for _, mode := range []string{"nkey", "jwt"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w, controls := newWorld(t, mode), newWorld(t, mode)
			w.startWitness()
			for _, who := range []struct {
				name     string
				attempts []attempt
				min      int
			}{{"orders", asNode(), 25}, {"service", asService(), 10}} {
				if len(who.attempts) < who.min {
					t.Errorf("%d attempts as %s, want at least %d", len(who.attempts), who.name, who.min)
				}
				var text strings.Builder
				table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
				for _, a := range who.attempts {
					fmt.Fprintf(table, "%s\t%s\t%s: %s\n", a.what, w.mustNotWork(who.name, a), a.control, controls.mustWork(a))
				}
				table.Flush()
				t.Logf("%d attempts as %s, and what each does if permitted:\n%s", len(who.attempts), who.name, text.String())
			}
		})
	}
}

// mustNotWork returns how the attempt failed.
func (w *world) mustNotWork(who string, a attempt) string {
	w.t.Helper()
	w.awaitActs()
	before, view, taps := w.stored(), w.view(), w.seen()
	atk := w.attempt(who, a)
	outcome := "refused by the server"
	switch {
	case isPermission(atk.err):
	case atk.err != nil:
		w.t.Errorf("%s as %s: %v", a.what, who, atk.err)
	case atk.answers > 0:
		w.t.Errorf("%s as %s: it was answered", a.what, who)
	case a.arrives != "":
		w.arrived(a, taps)
		outcome = "stays among nodes, changes nothing"
	default:
		outcome = "no effect"
	}
	// An act that comes after the attempt, on every way that it could take.
	w.revoke()
	w.awaitActs()
	view.Acts++
	before.Subjects["revoked.rev.event"]++
	if diff := cmp.Diff(before, w.stored()); diff != "" {
		w.t.Errorf("%s as %s changed the streams (-before +after):\n%s", a.what, who, diff)
	}
	if diff := cmp.Diff(view, w.view()); diff != "" {
		w.t.Errorf("%s as %s changed the witness (-before +after):\n%s", a.what, who, diff)
	}
	if a.arrives == "" {
		after := w.seen()
		for _, expected := range []string{
			"REVOKED revoked.rev.event", "REVOKED revoked.live.event", "NODES revoked.live.event",
			"NODES revoked.status.payments.n1", "REVOKED revoked.status.payments.n1", // the witness reports every ten seconds
		} {
			delete(after, expected)
			delete(taps, expected)
		}
		if diff := cmp.Diff(taps, after); diff != "" {
			w.t.Errorf("%s as %s was delivered (-before +after):\n%s", a.what, who, diff)
		}
	}
	return outcome
}

// arrived waits until a listener in the nodes' account has seen the message, so
// that what follows shows that it changes nothing.
func (w *world) arrived(a attempt, before map[string]int) {
	w.t.Helper()
	key := "NODES " + a.arrives
	for end := time.Now().Add(limit); w.seen()[key] == before[key]; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("%s: nothing arrived on %s: the attempt proves nothing", a.what, a.arrives)
		}
	}
}
