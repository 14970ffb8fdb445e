package cognito_test

import (
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

func TestNowFollowsCognito(t *testing.T) {
	for _, skew := range []time.Duration{0, 90 * time.Second, -90 * time.Second, 24 * time.Hour} {
		w := newWorld(t, cognitotest.Config{DateSkew: skew})
		if offset, at := w.pool.Offset(); offset != 0 || !at.IsZero() {
			t.Errorf("Offset before any call = %v, %v", offset, at)
		}
		wantOffset := func(doing string, want time.Duration) {
			t.Helper()
			offset, at := w.pool.Offset()
			if (offset-want).Abs() > time.Second || at.IsZero() {
				t.Errorf("%s: Offset = %v, %v, want about %v", doing, offset, at, want)
			}
			if off := (time.Until(w.pool.Now()) - want).Abs(); off > time.Second {
				t.Errorf("%s: Now is off by %v", doing, off)
			}
		}
		// A refusal tells the time as well.
		if err := w.pool.RevokeToken(t.Context(), "nobody", "x"); err == nil {
			t.Errorf("RevokeToken of an unknown client succeeded")
		}
		wantOffset("after a refusal", skew)
		w.srv.Advance(time.Minute)
		if _, err := w.pool.DescribeClient(t.Context(), w.public.ID); err != nil {
			t.Errorf("DescribeClient: %v", err)
		}
		wantOffset("after a step of Cognito's clock", skew+time.Minute)
	}
}

// Signatures carry the time; a local clock that is far off must not matter.
func TestSkewedCallsAreSigned(t *testing.T) {
	w := newWorld(t, cognitotest.Config{DateSkew: time.Hour}, func(c *cognito.Config) { c.MaxAttempts = 3 })
	for range 2 {
		if err := w.pool.SignOutUser(t.Context(), w.ada.Subject); err != nil {
			t.Errorf("SignOutUser: %v", err)
		}
	}
}
