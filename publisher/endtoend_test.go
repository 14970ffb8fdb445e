package publisher_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/tasks"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber" //nolint:depguard // a test fills the interface View as cmd/revoked does
)

// Revoke returns only once a real denylist, fed by a real stream, refuses.
func TestRevokeReturnsWhenTheDenylistRefuses(t *testing.T) {
	srv := natsdev.Run(t)
	nc := connect(t, srv)
	bus, names := newBus(t, nc, "")
	_, info := provision(t, nc, names)
	deny, err := subscriber.Open(t.Context(), subscriber.Config{
		Servers: srv.URL(), Service: "revoked", Node: "node-1", IgnoreBeats: true, // this is the service
	})
	if err != nil {
		t.Fatal(err)
	}
	defer deny.Close()

	w := newWorld()
	pr := w.start(t, func(cfg *publisher.Config) {
		cfg.Bus, cfg.View, cfg.Tasks, cfg.Epoch = bus, deny, tasks.NewMemory(), info.Epoch
	})
	issued := time.Now().Unix()
	tok := revocation.Token{Pool: poolID, Subject: "sub-1", OriginJTI: "session-1", JTI: "jti-1", IssuedAt: issued, AuthTime: issued}
	if err := deny.Check(tok); err != nil {
		t.Fatalf("Check before the revocation = %v", err)
	}
	s := pr.revoke(t, userRequest())
	refused, ok := errors.AsType[*revocation.RevokedError](deny.Check(tok))
	if !ok || refused.Act != s.Act.ID {
		t.Errorf("Check when Revoke has returned = %v, want it revoked by act %s", refused, s.Act.ID)
	}
	tok.IssuedAt = s.NotBefore()
	tok.AuthTime = tok.IssuedAt
	if err := deny.Check(tok); err != nil {
		t.Errorf("Check of a sign-in at not_before = %v, want it accepted", err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if s, err := pr.AwaitCognito(ctx, s.Act.ID); err != nil || s.Cognito.State != publisher.LegDone {
		t.Errorf("AwaitCognito = %+v, %v; want it done", s, err)
	}
	// The service's beat arrives as well.
	for deny.Status().LastBeat.IsZero() {
		select {
		case <-ctx.Done():
			t.Fatalf("no beat; status %+v", deny.Status())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Lift returns only once a real denylist accepts again, and a node that starts
// afterwards has never refused.
func TestLiftReturnsWhenTheDenylistAccepts(t *testing.T) {
	srv := natsdev.Run(t)
	nc := connect(t, srv)
	bus, names := newBus(t, nc, "")
	_, info := provision(t, nc, names)
	open := func(node string) *subscriber.Subscriber {
		t.Helper()
		deny, err := subscriber.Open(t.Context(), subscriber.Config{
			Servers: srv.URL(), Service: "revoked", Node: node, IgnoreBeats: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { deny.Close() })
		return deny
	}
	deny := open("node-1")
	w := newWorld()
	pr := w.start(t, func(cfg *publisher.Config) {
		cfg.Bus, cfg.View, cfg.Tasks, cfg.Epoch = bus, deny, tasks.NewMemory(), info.Epoch
	})
	var witnesses []revocation.Token
	for _, kind := range revocation.Kinds() {
		s := pr.revoke(t, target(kind))
		tok := s.Act.Witness()
		witnesses = append(witnesses, tok)
		if err := deny.Check(tok); !errors.Is(err, revocation.ErrRevoked) {
			t.Fatalf("%s: Check = %v, want it revoked", kind, err)
		}
		lifted := pr.lift(t, s.Act.ID)
		if err := deny.Check(tok); err != nil {
			t.Errorf("%s: Check when Lift has returned = %v, want it accepted", kind, err)
		}
		if lifted.Act.State != revocation.StateLifted || lifted.Lift.At.IsZero() {
			t.Errorf("%s: Lift = %+v", kind, lifted)
		}
	}
	later := open("node-2")
	for _, tok := range witnesses {
		if err := later.Check(tok); err != nil {
			t.Errorf("Check(%+v) of a node that started later = %v, want it accepted", tok, err)
		}
	}
}
