package lateview_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/gate/gatetest"
	"github.com/seed-4e8dee1b/revoked/internal/lateview"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/validator"
)

// The hashes that the validator keeps with a token are the denylist's own, and
// those that it made before there was one pass nothing by.
func TestHashed(t *testing.T) {
	t.Parallel()
	w, err := gatetest.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	v := new(lateview.View)
	var hashed validator.HashedDenylist = v
	if hashed.Itself() != any(v) {
		t.Fatal("the validator would not use the hashes")
	}
	tok := revocation.Token{Pool: w.Pool.ID(), JTI: "1", OriginJTI: "gone", IssuedAt: time.Now().Unix(), ExpiresAt: time.Now().Add(time.Hour).Unix()}
	early := hashed.Prehash(&tok)
	for name, err := range map[string]error{"Check": hashed.Check(tok), "CheckHashed": hashed.CheckHashed(&tok, &early)} {
		if !errors.Is(err, revocation.ErrStale) {
			t.Errorf("%s before there is a view: %v, want ErrStale", name, err)
		}
	}
	if acts := v.Refusals(tok); acts != nil {
		t.Errorf("Refusals before there is a view: %v, want none", acts)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	sub, err := subscriber.Open(ctx, subscriber.Config{Servers: w.NATS.URL(), Service: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sub.Close() })
	v.Set(sub)
	late := hashed.Prehash(&tok)
	if late.Denylist == 0 || late.Denylist != sub.Prehash(&tok).Denylist {
		t.Error("the hashes are not those of the denylist")
	}
	if _, err := w.Revoke(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	for name, hashes := range map[string]*revocation.Hashes{"early": &early, "late": &late} {
		for !errors.Is(hashed.CheckHashed(&tok, hashes), revocation.ErrRevoked) {
			if ctx.Err() != nil {
				t.Fatalf("with %s hashes the session is not refused", name)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	if err := hashed.Check(tok); !errors.Is(err, revocation.ErrRevoked) || len(v.Refusals(tok)) != 1 {
		t.Errorf("Check: %v, Refusals: %v, want the one act", err, v.Refusals(tok))
	}
}
