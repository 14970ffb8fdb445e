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

// Garbage from one address, or for one app client, leaves something of the
// budget to others, and all of it together never exceeds the budget.
func TestGarbageSpendsItsShareOnly(t *testing.T) {
	const perSecond = 12
	for _, test := range []struct {
		name    string
		garbage func(i int) publisher.Presented
		most    float64 // of the budget, in the long run
		other   bool    // somebody else is served all the while
	}{
		{"from one address", func(int) publisher.Presented { return publisher.Presented{ClientID: clientID, Address: "a"} }, 1. / 4, true},
		{"for one client", func(i int) publisher.Presented {
			return publisher.Presented{ClientID: clientID, Address: fmt.Sprint(i)}
		}, 2. / 3, true},
		{"from everywhere, for everybody", func(i int) publisher.Presented {
			return publisher.Presented{ClientID: fmt.Sprint(i), Address: fmt.Sprint(i)}
		}, 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newSessionWorld()
				w.noBeats = true
				w.answer[refresh] = &publisher.CognitoError{Op: "r", Code: "NotAuthorizedException", Err: publisher.ErrInvalidGrant}
				pr := w.start(t, func(cfg *publisher.Config) { cfg.LearnRate = perSecond })
				const seconds = 60
				served, began := 0, time.Now()
				for i := range seconds * 100 {
					in := test.garbage(i)
					in.Pool, in.RefreshToken = poolID, fmt.Sprint("garbage-", i)
					if _, err := pr.RevokeSession(t.Context(), in); !errors.Is(err, publisher.ErrUnknownToken) && !errors.Is(err, publisher.ErrBusy) {
						t.Fatalf("RevokeSession of garbage = %v", err)
					}
					if i%100 == 0 { // somebody else, once a second
						_, err := pr.RevokeSession(t.Context(), publisher.Presented{
							Pool: poolID, ClientID: "another", Address: "other", RefreshToken: fmt.Sprint("other-", i),
						})
						if errors.Is(err, publisher.ErrUnknownToken) {
							served++
						}
					}
					time.Sleep(time.Second / 100)
				}
				spent := float64(len(w.history(refresh)))
				if most := perSecond*test.most*time.Since(began).Seconds() + perSecond + seconds; spent > most {
					t.Errorf("%v refreshes, want %v at most", spent, most)
				}
				if all := perSecond*time.Since(began).Seconds() + perSecond; spent > all {
					t.Errorf("%v refreshes, over the budget of %v", spent, all)
				}
				if test.other && served != seconds {
					t.Errorf("somebody else was served %d times of %d", served, seconds)
				}
			})
		})
	}
}

func TestNoLearning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSessionWorld()
		pr := w.start(t, func(cfg *publisher.Config) { cfg.NoLearning = true })
		if _, err := pr.RevokeSession(t.Context(), presented()); !errors.Is(err, publisher.ErrNoLearning) {
			t.Errorf("RevokeSession of a refresh token alone = %v, want ErrNoLearning", err)
		}
		in := presented()
		in.AccessToken, in.Session = "access-1", "session-1"
		if _, err := pr.RevokeSession(t.Context(), in); err != nil {
			t.Errorf("RevokeSession with an access token = %v", err)
		}
		if n := len(w.history(refresh)); n != 0 {
			t.Errorf("%d refreshes, want none", n)
		}
	})
}

// A call that our own limits held back is no attempt, and costs no write.
func TestHeldBackIsNoAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.answer[signOut] = &publisher.CognitoError{Op: "ListUsers", Code: "paused", Retry: true, Unsent: true}
		pr := w.start(t)
		s := pr.revoke(t, userRequest())
		synctest.Wait()
		puts := len(w.history(put))
		time.Sleep(10 * time.Minute)
		if n := len(w.history(signOut)); n < 10*60/20 || n > 10*60/10+1 {
			t.Errorf("%d calls in ten minutes, want one every 10 to 20 s", n)
		}
		if s := pr.status(t, s.Act.ID); s.Cognito.State != publisher.LegPending || s.Cognito.Attempts != 0 {
			t.Errorf("leg = %+v, want it pending without an attempt", s.Cognito)
		}
		if n := len(w.history(put)); n != puts {
			t.Errorf("%d writes while nothing was tried, want none", n-puts)
		}
		w.set(func() { delete(w.answer, signOut) })
		time.Sleep(time.Minute)
		if s := pr.status(t, s.Act.ID); s.Cognito.State != publisher.LegDone || s.Act.State != revocation.StateConfirmed {
			t.Errorf("status = %+v, want it done when Cognito is back", s)
		}
	})
}
