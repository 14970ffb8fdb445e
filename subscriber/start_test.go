package subscriber_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/faultlink"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// With NATS down a node starts on what its file holds, if it may: stale, and it
// says how old that is; what is known to be revoked is refused. Once NATS is
// back it is fresh by itself.
func TestStartWithoutNATS(t *testing.T) {
	srv := runServer(t)
	srv.provision()
	file := filepath.Join(t.TempDir(), "acts")
	kept := session("kept")
	srv.publish(kept)
	first := srv.open(subscriber.Config{LocalFile: file})
	srv.enforced(first, kept)
	srv.eventually("a tick after the act", func() bool { return first.Status().LastSequence > 3 })
	first.Close()
	srv.Stop()
	cfg := subscriber.Config{Servers: srv.URL(), Service: "orders", LocalFile: file}
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := subscriber.Open(short, cfg); err == nil {
		t.Error("Open without NATS, and without AllowStaleStart, succeeded")
	}
	cfg.AllowStaleStart = true
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	deny, err := subscriber.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer deny.Close()
	wantError(t, deny.Check(tokenOf("kept")), revocation.ErrRevoked)
	wantError(t, deny.Check(tokenOf("other")), revocation.ErrStale)
	if st := deny.Status(); st.State != subscriber.Stale || st.Reason != subscriber.ReasonNoTick ||
		!strings.Contains(st.Detail, "from a local file, as of") || st.File.AsOf.IsZero() {
		t.Errorf("status %+v, want stale and to be told how old", st)
	}
	if err := srv.Restart(); err != nil {
		t.Fatal(err)
	}
	srv.eventually("fresh", isLive(deny))
	if !deny.Enforces(kept) {
		t.Error("the act of the file is not enforced any more")
	}
}

// A file of another environment is an error that names the field; one that is
// in use too.
func TestOpenRefusesAForeignFile(t *testing.T) {
	srv := runServer(t)
	srv.provision()
	file := filepath.Join(t.TempDir(), "acts")
	first := srv.open(subscriber.Config{LocalFile: file})
	_, err := subscriber.Open(t.Context(), subscriber.Config{Servers: srv.URL(), Service: "orders", LocalFile: file})
	if err == nil || !strings.Contains(err.Error(), "Config.LocalFile") || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("second on one file: %v", err)
	}
	first.Close()
	_, err = subscriber.Open(t.Context(), subscriber.Config{Servers: srv.URL(), Service: "orders", LocalFile: file, Prefix: "staging"})
	if err == nil || !strings.Contains(err.Error(), "Config.LocalFile") || !strings.Contains(err.Error(), "REVOKED_EVENTS, not STAGING_EVENTS") {
		t.Errorf("file of another stream: %v", err)
	}
}

// Ten thousand acts while the node was away are all enforced when it is back.
func TestTenThousandActsWhileAway(t *testing.T) {
	srv := runServer(t)
	srv.provision()
	px, url := runProxy(t, srv.URL())
	deny := srv.open(subscriber.Config{Servers: url})
	px.Set(faultlink.Mode{Refuse: true})
	acts := make([]revocation.Act, 10_000)
	for i := range acts {
		acts[i] = session(fmt.Sprint(i))
	}
	srv.publishAll(acts)
	px.Set(faultlink.Mode{})
	srv.enforced(deny, acts[len(acts)-1])
	srv.eventually("fresh again", isLive(deny))
	for _, a := range acts {
		if !deny.Enforces(a) {
			t.Fatalf("act %s is not enforced by a node that is live; status %+v", a.Target.ID, deny.Status())
		}
	}
}
