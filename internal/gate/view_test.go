package gate

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/gate/gatetest"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/validator"
)

// The hashes that the validator keeps with a token are the denylist's own, and
// those that it made before there was one pass nothing by.
func TestLateViewIsHashed(t *testing.T) {
	t.Parallel()
	w, err := gatetest.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	l := &lateView{}
	var hashed validator.HashedDenylist = l
	if hashed.Itself() != any(l) {
		t.Fatal("the validator would not use the hashes")
	}
	tok := revocation.Token{Pool: w.Pool.ID(), JTI: "1", OriginJTI: "gone", IssuedAt: time.Now().Unix(), ExpiresAt: time.Now().Add(time.Hour).Unix()}
	early := hashed.Prehash(&tok)
	if err := hashed.CheckHashed(&tok, &early); !errors.Is(err, revocation.ErrStale) {
		t.Errorf("before the first view: %v, want ErrStale", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	l.open(ctx, subscriber.Config{Servers: w.NATS.URL(), Service: "gate"}, zerolog.Nop())
	t.Cleanup(func() { l.close() })
	late := hashed.Prehash(&tok)
	if late.Denylist == 0 || late.Denylist != l.view.Load().Prehash(&tok).Denylist {
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
}
