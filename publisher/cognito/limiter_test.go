package cognito_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

func limited(op string) publisher.CognitoError {
	return publisher.CognitoError{Op: op, Code: cognito.CodeLimited, Retry: true, Unsent: true}
}

// A wait that does not fit is refused at once, whoever set the deadline.
func TestLimited(t *testing.T) {
	limiter := must(cognito.NewLimiter(cognito.Limits{UserToken: 0.001}))
	w := newWorld(t, cognitotest.Config{}, func(c *cognito.Config) { c.Limiter = limiter })
	revoke := func(ctx context.Context) error { return w.pool.RevokeToken(ctx, w.public.ID, "x.x.x.x.x") }
	if err := revoke(t.Context()); err != nil {
		t.Fatalf("first RevokeToken: %v", err)
	}
	wantError(t, "second RevokeToken", revoke(t.Context()), limited("RevokeToken"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	wantError(t, "RevokeToken with a minute", revoke(ctx), limited("RevokeToken"))

	// The pools of an account share quotas, categories don't.
	second := must(cognito.New(w.config(func(c *cognito.Config) { c.Limiter = limiter })))
	err := second.RevokeToken(t.Context(), w.public.ID, "x.x.x.x.x")
	wantError(t, "RevokeToken of another pool", err, limited("RevokeToken"))
	if err := second.SignOutUser(t.Context(), w.ada.Subject); err != nil {
		t.Errorf("SignOutUser: %v", err)
	}
	if got, want := w.pool.Stats(), (cognito.Stats{Attempts: 1, Refused: 2, Limited: 2}); got != want {
		t.Errorf("Stats = %+v, want %+v", got, want)
	}
	for _, got := range limiter.Stats() {
		want := cognito.CategoryStats{Category: got.Category, Waited: got.Waited, Breaker: cognito.BreakerClosed}
		if got.Category == "user_token" {
			want.Refused = 3
		}
		if got != want {
			t.Errorf("limiter's Stats = %+v, want %+v", got, want)
		}
	}
}

// Who gives up while waiting takes nothing from the quota.
func TestLimiterWaitEnds(t *testing.T) {
	limiter := must(cognito.NewLimiter(cognito.Limits{UserToken: 4}))
	w := newWorld(t, cognitotest.Config{}, func(c *cognito.Config) { c.Limiter = limiter })
	revoke := func(ctx context.Context) error { return w.pool.RevokeToken(ctx, w.public.ID, "x.x.x.x.x") }
	if err := revoke(t.Context()); err != nil {
		t.Fatalf("first RevokeToken: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantError(t, "RevokeToken without a caller", revoke(ctx),
		publisher.CognitoError{Op: "RevokeToken", Code: cognito.CodeCanceled, Retry: true})
	if err := revoke(t.Context()); err != nil {
		t.Errorf("RevokeToken after a wait: %v", err)
	}
}

// A retry of the SDK takes from the quota as well, and without one the answer
// of the first attempt stands.
func TestRetriesAreLimited(t *testing.T) {
	limiter := must(cognito.NewLimiter(cognito.Limits{UserToken: 0.001}))
	w := newWorld(t, cognitotest.Config{}, func(c *cognito.Config) { c.Limiter, c.MaxAttempts = limiter, 3 })
	w.srv.Fail("RevokeToken", cognitotest.Failure{Code: "TooManyRequestsException"})
	wantError(t, "RevokeToken", w.pool.RevokeToken(t.Context(), w.public.ID, "x"),
		publisher.CognitoError{Op: "RevokeToken", Code: "TooManyRequestsException", Retry: true})
	if calls := w.srv.Calls("RevokeToken"); calls != 1 {
		t.Errorf("sent %d times, want once", calls)
	}
}

// Cognito's own quota, exhausted by somebody else.
func TestThrottledByCognito(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	w.srv.Limit(cognitotest.UserUpdate, 1)
	if err := w.pool.SignOutUser(t.Context(), w.ada.Subject); err != nil {
		t.Fatalf("first SignOutUser: %v", err)
	}
	wantError(t, "second SignOutUser", w.pool.SignOutUser(t.Context(), w.ada.Subject),
		publisher.CognitoError{Op: "AdminUserGlobalSignOut", Code: "TooManyRequestsException", Retry: true})
}

func TestLimitsRefused(t *testing.T) {
	for field, limits := range map[string]cognito.Limits{
		"UserToken":          {UserToken: -1},
		"UserUpdate":         {UserUpdate: math.NaN()},
		"UserList":           {UserList: math.Inf(1)},
		"UserAuthentication": {UserAuthentication: 1e7},
		"UserRead":           {UserRead: math.Inf(-1)},
		"UserPoolClientRead": {UserPoolClientRead: -0.1},
	} {
		if _, err := cognito.NewLimiter(limits); err == nil || !strings.Contains(err.Error(), "Limits."+field+" ") {
			t.Errorf("NewLimiter(%+v): %v, want an error that names %s", limits, err, field)
		}
	}
}
