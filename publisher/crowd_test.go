package publisher_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Whoever revokes one target in a loop is slowed down before its acts are so
// many that nodes have trouble with them. Other targets are not concerned.
func TestCrowdGrowsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		pr := w.start(t)
		req := target(revocation.KindClient)
		for range 1000 {
			pr.revoke(t, req)
		}
		pr.revoke(t, req) // the first of its minute
		before := len(w.history(put, appendAct, fast))
		for _, once := range []publisher.Once{{}, {Key: publisher.OnceKey{1}}} {
			req.Once = once
			_, err := pr.Revoke(t.Context(), req)
			crowded, ok := errors.AsType[*publisher.CrowdedError](err)
			if !ok || crowded.RetryAfter <= 0 || crowded.RetryAfter > time.Minute {
				t.Errorf("one more at once = %v, want a CrowdedError of up to a minute", err)
			}
		}
		if after := len(w.history(put, appendAct, fast)); after != before {
			t.Error("what was refused had an effect")
		}
		pr.revoke(t, target(revocation.KindGroup))
		time.Sleep(time.Minute)
		pr.revoke(t, req)
	})
}

// A session that is excepted makes no crowd of its own: nodes find the acts by
// the user.
func TestCrowdOfAUserIsOneWhateverItSpares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pr := newWorld().start(t)
		req := publisher.Request{Target: revocation.Target{Kind: revocation.KindUser, Pool: userRequest().Target.Pool, ID: "u"}}
		for i := range 1001 {
			req.Target.ExceptSession = fmt.Sprint("session-", i)
			pr.revoke(t, req)
		}
		req.Target.ExceptSession = "another"
		if _, err := pr.Revoke(t.Context(), req); err == nil {
			t.Error("another excepted session is a crowd of its own")
		}
	})
}
