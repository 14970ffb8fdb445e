package publisher_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// newSessionWorld is one in which refresh-1 belongs to session-1 and is rotated.
func newSessionWorld() *world {
	w := newWorld()
	w.fresh = publisher.Refreshed{AccessToken: "access-2", RefreshToken: "refresh-2"}
	w.names["access-2"] = revocation.Token{Pool: poolID, ClientID: clientID, OriginJTI: "session-1"}
	return w
}

func presented() publisher.Presented {
	return publisher.Presented{Pool: poolID, ClientID: clientID, RefreshToken: "refresh-1", Operator: "app"}
}

func TestSessionIsLearnedByRefreshing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSessionWorld()
		pr := w.start(t)
		s, err := pr.RevokeSession(t.Context(), presented())
		if want := (revocation.Target{Kind: revocation.KindSession, Pool: poolID, ID: "session-1"}); err != nil || s.Act.Target != want || s.Operator != "app" {
			t.Fatalf("RevokeSession = %+v, %v; want %+v", s, err, want)
		}
		synctest.Wait()
		want := "refresh fast put append await put revoke token put append put"
		if got := strings.Join(names(w.history()), " "); got != want {
			t.Errorf("effects:\n got %s\nwant %s", got, want)
		}
		// The newest refresh token is revoked, and that it was just used is
		// the proof.
		if calls := w.history(revokeToken); calls[0].arg != clientID+" refresh-2" {
			t.Errorf("RevokeToken(%q), want the newest refresh token", calls[0].arg)
		}
		if s := pr.status(t, s.Act.ID); s.Act.State != revocation.StateConfirmed {
			t.Errorf("act is %v, want confirmed", s.Act.State)
		}
	})
}

// An access token is authority for its own session and saves the refresh.
func TestPresentedAccessTokenWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSessionWorld()
		pr := w.start(t)
		in := presented()
		in.AccessToken, in.Session = "access-3", "session-3"
		s, err := pr.RevokeSession(t.Context(), in)
		if err != nil || s.Act.Target.ID != "session-3" {
			t.Fatalf("RevokeSession = %+v, %v; want session-3", s, err)
		}
		synctest.Wait()
		if n := len(w.history(refresh)); n != 0 {
			t.Errorf("%d refreshes, want none", n)
		}
		// Not learned from the refresh token: the access token must prove it.
		if asked := w.history(askToken); len(asked) != 1 || asked[0].arg != "access-3" {
			t.Errorf("proof: %+v, want access-3", asked)
		}
	})
}

func TestSessionThatCannotBeLearned(t *testing.T) {
	limited := &publisher.CognitoError{Op: "Refresh", Code: "TooManyRequestsException", Retry: true}
	for _, test := range []struct {
		name   string
		change func(*world, *publisher.Presented)
		want   error
	}{
		{"invalid grant", func(w *world, _ *publisher.Presented) {
			w.answer[refresh] = &publisher.CognitoError{Op: "Refresh", Code: "NotAuthorizedException", Err: publisher.ErrInvalidGrant}
		}, publisher.ErrUnknownToken},
		{"not a refresh token", func(w *world, _ *publisher.Presented) {
			w.answer[refresh] = &publisher.CognitoError{Op: "Refresh", Code: "malformed", Err: publisher.ErrUnsupportedToken}
		}, publisher.ErrUnknownToken},
		{"Cognito is busy", func(w *world, _ *publisher.Presented) { w.answer[refresh] = limited }, limited},
		{"fresh token of another pool", func(w *world, _ *publisher.Presented) {
			w.names["access-2"] = revocation.Token{Pool: "eu-west-1_Other", ClientID: clientID, OriginJTI: "session-1"}
		}, publisher.ErrUnknownToken},
		{"fresh token of another client", func(w *world, _ *publisher.Presented) {
			w.names["access-2"] = revocation.Token{Pool: poolID, ClientID: "client-2", OriginJTI: "session-1"}
		}, publisher.ErrUnknownToken},
		{"fresh token without a session", func(w *world, _ *publisher.Presented) {
			w.names["access-2"] = revocation.Token{Pool: poolID, ClientID: clientID}
		}, publisher.ErrNoSession},
		{"fresh token that cannot be verified", func(w *world, _ *publisher.Presented) { clear(w.names) }, errWorld},
		{"access token without a session", func(_ *world, in *publisher.Presented) { in.AccessToken = "access-3" }, publisher.ErrNoSession},
		{"unknown pool", func(_ *world, in *publisher.Presented) { in.Pool = "eu-west-1_Other" }, &publisher.RequestError{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, in := newSessionWorld(), presented()
				test.change(w, &in)
				s, err := w.start(t).RevokeSession(t.Context(), in)
				_, wrong := errors.AsType[*publisher.RequestError](err)
				if _, want := errors.AsType[*publisher.RequestError](test.want); wrong != want || !want && !errors.Is(err, test.want) || s != (publisher.Status{}) {
					t.Errorf("RevokeSession = %+v, %v; want %v", s, err, test.want)
				}
				if got := w.history(fast, put, appendAct, revokeToken); len(got) > 0 {
					t.Errorf("effects %v, want none", names(got))
				}
			})
		})
	}
}

func TestBudgetForLearning(t *testing.T) {
	for _, test := range []struct {
		rate         float64
		burst, after int // at once; within the second after
	}{{0, 6, 1}, {2, 2, 0}, {0.5, 1, 0}} { // one address has a quarter
		synctest.Test(t, func(t *testing.T) {
			w := newSessionWorld()
			pr := w.start(t, func(cfg *publisher.Config) { cfg.LearnRate = test.rate })
			// spend presents tokens until it is refused.
			spend := func() int {
				for n := range 100 {
					effects := len(w.history(fast, refresh))
					_, err := pr.RevokeSession(t.Context(), presented())
					if err == nil {
						continue
					}
					if !errors.Is(err, publisher.ErrBusy) || len(w.history(fast, refresh)) != effects {
						t.Errorf("RevokeSession over budget = %v, want ErrBusy and nothing done", err)
					}
					return n
				}
				return 100
			}
			if got := spend(); got != test.burst {
				t.Errorf("rate %v: %d sessions learned at once, want %d", test.rate, got, test.burst)
			}
			time.Sleep(time.Second)
			if got := spend(); got != test.after {
				t.Errorf("rate %v: %d sessions learned a second later, want %d", test.rate, got, test.after)
			}
			in := presented()
			in.AccessToken, in.Session = "access-3", "session-3"
			if _, err := pr.RevokeSession(t.Context(), in); err != nil {
				t.Errorf("RevokeSession with an access token = %v, want no budget for it", err)
			}
		})
	}
}

// The refresh token that was presented is used up by learning, so that a
// repeated request must not need it again.
func TestRepeatedRequestKnowsTheSession(t *testing.T) {
	for _, failing := range []string{"identify", put, appendAct} {
		t.Run(failing, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newSessionWorld()
				down, tok := true, w.names["access-2"]
				if failing == "identify" {
					clear(w.names)
				}
				w.fault = func(_ int, name string) verdict {
					if down && name == failing {
						return refuse
					}
					return succeed
				}
				pr := w.start(t)
				if s, err := pr.RevokeSession(t.Context(), presented()); err == nil {
					t.Errorf("RevokeSession during the outage = %+v, want an error", s)
				}
				w.set(func() {
					down, w.names["access-2"] = false, tok
					// Rotated: Cognito knows the old one no more.
					w.answer[refresh] = &publisher.CognitoError{Op: "Refresh", Code: "RefreshTokenReuseException", Err: publisher.ErrInvalidGrant}
				})
				other := presented()
				other.ClientID = "client-2"
				if _, err := pr.RevokeSession(t.Context(), other); !errors.Is(err, publisher.ErrUnknownToken) {
					t.Errorf("RevokeSession by another client = %v, want ErrUnknownToken", err)
				}
				time.Sleep(9 * time.Minute)
				s, err := pr.RevokeSession(t.Context(), presented())
				if err != nil || s.Act.Target.ID != "session-1" {
					t.Fatalf("repeated RevokeSession = %+v, %v; want session-1 revoked", s, err)
				}
				time.Sleep(time.Minute)
				if s := pr.status(t, s.Act.ID); s.Act.State != revocation.StateConfirmed {
					t.Errorf("act is %v, want confirmed", s.Act.State)
				}
				// Once that is done there is nothing left to repeat.
				if _, err := pr.RevokeSession(t.Context(), presented()); !errors.Is(err, publisher.ErrUnknownToken) {
					t.Errorf("RevokeSession after success = %v, want ErrUnknownToken", err)
				}
			})
		})
	}
}

func TestLearnedSessionIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSessionWorld()
		w.fault = func(_ int, name string) verdict {
			if name == put {
				return refuse
			}
			return succeed
		}
		pr := w.start(t)
		for range 2 {
			if _, err := pr.RevokeSession(t.Context(), presented()); !errors.Is(err, publisher.ErrNotDurable) {
				t.Errorf("RevokeSession = %v, want ErrNotDurable", err)
			}
			time.Sleep(10 * time.Minute)
		}
		if n := len(w.history(refresh)); n != 2 {
			t.Errorf("%d refreshes, want a new one after ten minutes", n)
		}
	})
}

// A client that rotates has a new refresh token as soon as Cognito has seen the
// old one, so that the caller's leaving must not stop what follows.
func TestCallerWhoGoesAwayDoesNotStopLearning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSessionWorld()
		w.delay[refresh] = 2 * time.Second
		pr := w.start(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s, err := pr.RevokeSession(ctx, presented())
		if err != nil || s.Act.Target.ID != "session-1" {
			t.Errorf("RevokeSession = %+v, %v; want session-1 revoked", s, err)
		}
		synctest.Wait()
		w.delay[refresh] = hour
		start := time.Now()
		if _, err := pr.RevokeSession(t.Context(), presented()); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 15*time.Second {
			t.Errorf("RevokeSession = %v after %v, want an end after 15 s", err, time.Since(start))
		}
	})
}

func TestAwaitCognito(t *testing.T) {
	t.Run("first attempt", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.delay[signOut] = 5 * time.Second
			w.answer[signOut] = &publisher.CognitoError{Op: "AdminUserGlobalSignOut", Code: "timeout", Retry: true}
			pr := w.start(t)
			s := pr.revoke(t, userRequest())
			start := time.Now()
			got, err := pr.AwaitCognito(t.Context(), s.Act.ID)
			if took := time.Since(start); err != nil || took != 5*time.Second || got.Cognito.State != publisher.LegPending || got.Cognito.Code != "timeout" {
				t.Errorf("AwaitCognito = %+v, %v after %v; want the failure after 5 s", got, err, took)
			}
		})
	})
	t.Run("ctx ends first", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.delay[signOut] = 5 * time.Second
			pr := w.start(t)
			s := pr.revoke(t, userRequest())
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			got, err := pr.AwaitCognito(ctx, s.Act.ID)
			if err != nil || time.Since(start) != time.Second || got.Cognito.State != publisher.LegPending || got.Cognito.Attempts != 0 {
				t.Errorf("AwaitCognito = %+v, %v; want it pending after 1 s", got, err)
			}
		})
	})
	t.Run("nothing to await", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			pr := newWorld().start(t)
			s := pr.revoke(t, target(revocation.KindClient))
			got, err := pr.AwaitCognito(t.Context(), s.Act.ID)
			if err != nil || got.Cognito.State != publisher.LegNotApplicable {
				t.Errorf("AwaitCognito = %+v, %v", got, err)
			}
			if _, err := pr.AwaitCognito(t.Context(), revocation.NewActID()); !errors.Is(err, publisher.ErrNotFound) {
				t.Errorf("AwaitCognito of an unknown act = %v, want ErrNotFound", err)
			}
		})
	})
}
