package cognito_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// While Cognito does not answer, calls of that category are held back and
// nothing is sent; other categories go on.
func TestOutageHoldsCallsBack(t *testing.T) {
	limiter := must(cognito.NewLimiter(cognito.Limits{}))
	w := newWorld(t, cognitotest.Config{}, func(c *cognito.Config) { c.Limiter = limiter })
	w.srv.Fail("RevokeToken", cognitotest.Failure{Code: "InternalErrorException"})
	revoke := func() error { return w.pool.RevokeToken(t.Context(), w.public.ID, "x.x.x.x.x") }
	for range 10 {
		wantError(t, "RevokeToken", revoke(), publisher.CognitoError{Op: "RevokeToken", Code: "InternalErrorException", Retry: true})
	}
	paused := publisher.CognitoError{Op: "RevokeToken", Code: cognito.CodePaused, Retry: true, Unsent: true}
	wantError(t, "RevokeToken in an outage", revoke(), paused)
	if n := w.srv.Calls("RevokeToken"); n != 10 {
		t.Errorf("sent %d times, want 10", n)
	}
	if err := w.pool.SignOutUser(t.Context(), w.ada.Subject); err != nil {
		t.Errorf("SignOutUser: %v", err)
	}
	for _, st := range limiter.Stats() {
		if open := st.Breaker == cognito.BreakerOpen; open != (st.Category == "user_token") {
			t.Errorf("the breaker of %s is %s", st.Category, st.Breaker)
		}
	}
}

// Refusals, whatever their number, are answers; and a throttled Cognito is
// there.
func TestRefusalsAreNoOutage(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	for _, code := range []string{"UnauthorizedException", "TooManyRequestsException"} {
		w.srv.Fail("RevokeToken", cognitotest.Failure{Code: code})
		for range 30 {
			err := w.pool.RevokeToken(t.Context(), w.public.ID, "x.x.x.x.x")
			if refused, ok := errors.AsType[*publisher.CognitoError](err); !ok || refused.Code != code {
				t.Fatalf("RevokeToken = %v, want %s", err, code)
			}
		}
		w.srv.Heal("RevokeToken")
	}
}

// No second has more calls than the limit, wherever it begins, and what is
// allowed is used.
func TestLimitHoldsInEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, limit := range []float64{2, 10, 25, 60} {
			limiter := must(cognito.NewLimiter(cognito.Limits{UserUpdate: limit}))
			var at []time.Time
			time.Sleep(time.Hour)
			for range 10 * int(limit) {
				if err := cognito.WaitForSignOut(t.Context(), limiter); err != nil {
					t.Fatal(err)
				}
				at = append(at, time.Now())
			}
			for i := range at {
				n := 0
				for _, later := range at[i:] {
					if later.Sub(at[i]) < time.Second {
						n++
					}
				}
				if float64(n) > limit {
					t.Fatalf("limit %v: %d calls within a second", limit, n)
				}
			}
			if took := at[len(at)-1].Sub(at[0]); took > 20*time.Second {
				t.Errorf("limit %v: ten seconds' calls took %v", limit, took)
			}
		}
	})
}
