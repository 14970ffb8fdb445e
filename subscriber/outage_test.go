package subscriber_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	nserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/faultlink"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

const shortest = 3 * time.Second // the shortest MaxStaleness

func mustNames(t *testing.T, prefix string) stream.Names {
	t.Helper()
	names, err := stream.NewNames(prefix)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A server that stops leaves the node answering until MaxStaleness, then
// stale; known revocations stay refused. When the server is back, the node is
// live again by itself, and acts published at once are enforced.
func TestServerRestart(t *testing.T) {
	srv := runServer(t)
	srv.provision()
	old := session("old")
	srv.publish(old)
	var log bytes.Buffer // read when nobody writes any more
	deny := srv.open(subscriber.Config{MaxStaleness: shortest, Logger: zerolog.New(zerolog.SyncWriter(&log))})
	asOf := deny.Status().AsOf
	srv.Stop()
	srv.eventually("staleness", isStale(deny))
	if st := deny.Status(); time.Since(asOf) < shortest || st.State != subscriber.Stale || st.Staleness <= shortest {
		t.Errorf("stale %v after the tick of the start, status %+v; want not before %v", time.Since(asOf), st, shortest)
	}
	wantError(t, deny.Check(tokenOf("old")), revocation.ErrRevoked)
	if err := srv.Restart(); err != nil {
		t.Fatal(err)
	}
	act := session("new")
	srv.publish(act)
	srv.enforced(deny, act)
	srv.eventually("fresh again", isLive(deny))
	if st := deny.Status(); st.Counters.Reconnects == 0 || st.Counters.CatchUps < 2 {
		t.Errorf("counters %+v, want a reconnect that caught up", st.Counters)
	}
	// The log says at once what it is about, and once.
	if err := deny.Close(); err != nil {
		t.Fatal(err)
	}
	if lost, back := strings.Count(log.String(), "nats is out of reach, retrying"), strings.Count(log.String(), "nats connected"); lost != 1 || back != 2 {
		t.Errorf("lost %d times and connected %d, want 1 and 2:\n%s", lost, back, log.String())
	}
	if strings.Contains(log.String(), "buffer") {
		t.Errorf("the log has the library's word for a lost connection:\n%s", log.String())
	}
}

// Acts published while the node's connection was cut are enforced after it is
// back, although the node has heard nothing of them.
func TestActsDuringACut(t *testing.T) {
	srv := runServer(t)
	srv.provision()
	px, url := runProxy(t, srv.URL())
	deny := srv.open(subscriber.Config{Servers: url})
	for range 3 {
		px.Set(faultlink.Mode{Refuse: true})
		act := session("missed")
		srv.publish(act)
		if deny.Enforces(act) {
			t.Fatal("an act crossed the cut: the test is void")
		}
		px.Set(faultlink.Mode{})
		srv.enforced(deny, act)
	}
	srv.eventually("fresh again", isLive(deny))
}

// A connection that stays open and lets nothing through is noticed by pings
// and replaced; what was published meanwhile is enforced.
func TestActsDuringAFreeze(t *testing.T) {
	srv := runServer(t)
	srv.provision()
	px, url := runProxy(t, srv.URL())
	deny := srv.open(subscriber.Config{Servers: url})
	px.Strand()
	act := session("missed")
	srv.publish(act)
	begin := time.Now()
	srv.enforced(deny, act)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("frozen connection replaced after %v, want about 3 s", took)
	}
	srv.eventually("fresh again", isLive(deny))
}

// A server that refuses the node's credential for a while, as one that was set
// up wrong does, is tried again until it accepts it.
func TestRefusedCredentialIsTriedAgain(t *testing.T) {
	srv := runServer(t)
	srv.provision()
	px, url := runProxy(t, srv.URL())
	deny := srv.open(subscriber.Config{Servers: url, MaxStaleness: shortest})
	strict, err := nserver.NewServer(&nserver.Options{
		Host: "127.0.0.1", Port: nserver.RANDOM_PORT, Username: "someone", Password: "else", NoLog: true, NoSigs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	strict.Start()
	defer strict.WaitForShutdown()
	defer strict.Shutdown()
	if !strict.ReadyForConnections(limit) {
		t.Fatal("server with authentication is not ready")
	}
	good := px.Aim(strict.Addr().String())
	px.Reset()
	srv.eventually("staleness", isStale(deny)) // 3 s of refusals, some six attempts
	act := session("missed")
	srv.publish(act)
	px.Aim(good)
	srv.enforced(deny, act)
	srv.eventually("fresh again", isLive(deny))
}

// A stream whose ticks stop makes the node stale although everything else
// works; when they come again it is live.
func TestTicksStop(t *testing.T) {
	srv := runServer(t)
	srv.provision()
	deny := srv.open(subscriber.Config{MaxStaleness: shortest})
	s, err := srv.js.Stream(t.Context(), srv.names.Events())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), jetstream.WithPurgeSubject(srv.names.Schedule())); err != nil {
		t.Fatal(err)
	}
	act := session("a")
	srv.publish(act)
	srv.enforced(deny, act)
	srv.eventually("staleness", isStale(deny))
	srv.provision()
	srv.eventually("fresh again", isLive(deny))
}
