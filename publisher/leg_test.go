package publisher_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

func TestRetriesSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.answer[signOut] = &publisher.CognitoError{Op: "AdminUserGlobalSignOut", Code: "TooManyRequestsException", Retry: true}
		pr := w.start(t)
		s := pr.revoke(t, userRequest())
		time.Sleep(2 * time.Hour)
		calls := w.history(signOut)
		var gaps []time.Duration
		for i, e := range calls[1:] {
			gap := e.at.Sub(calls[i].at)
			most := min(time.Second<<min(i, 20), 5*time.Minute)
			if gap < most/2 || gap >= most {
				t.Errorf("pause %d = %v, want from %v up to %v", i+1, gap, most/2, most)
			}
			gaps = append(gaps, gap)
		}
		if len(gaps) < 30 || len(gaps) > 60 {
			t.Errorf("%d attempts in two hours of pauses up to 5 min", len(gaps)+1)
		}
		slices.Sort(gaps)
		if all := len(gaps); len(slices.Compact(gaps)) < all {
			t.Errorf("two pauses are equal to the nanosecond: no jitter")
		}
		s = pr.status(t, s.Act.ID)
		if s.Cognito.Attempts != len(calls) || s.Cognito.Code != "TooManyRequestsException" {
			t.Errorf("leg = %+v after %d calls", s.Cognito, len(calls))
		}
	})
}

// A permanent failure keeps the act standing, and Cognito is asked again when
// the act is extended.
func TestPermanentFailureIsTriedAgainAtHalfLife(t *testing.T) {
	for _, offset := range []time.Duration{0, cognitoAhead, -cognitoAhead} {
		t.Run("cognito ahead by "+offset.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.noBeats = true
				w.offset = offset
				w.answer[revokeToken] = &publisher.CognitoError{
					Op: "RevokeToken", Code: "UnauthorizedException", Err: publisher.ErrClientRefused,
				}
				pr := w.start(t)
				first := pr.revoke(t, sessionRequest())
				time.Sleep(100*time.Hour + 30*time.Minute)
				s := pr.status(t, first.Act.ID)
				if s.Cognito.State != publisher.LegFailed || s.Cognito.Code != "UnauthorizedException" || s.Act.State != revocation.StateOpen {
					t.Errorf("status = %+v, want an open act and a failed leg", s)
				}
				if left := time.Unix(s.Act.ExpiresAt, 0).Sub(time.Now().Add(offset)); left < day-time.Minute {
					t.Errorf("the act ends in %v", left)
				}
				if got := time.Unix(s.Act.ExpiresAt, 0).Sub(s.Cognito.NextTry); got != openFor/2 {
					t.Errorf("next try %v before the end, want half the life of an open act", got)
				}
				// At 0, 24, 48, 72, 96 h. With a clock behind ours, half life
				// comes a few pauses late.
				if n := len(w.history(revokeToken)); n < 5 || n > 5+4*10 {
					t.Errorf("%d attempts in 100 h, want 5, or a few more at each half life", n)
				}
				if n := len(w.history(appendAct)); n != 5 {
					t.Errorf("%d copies in 100 h, want 5", n)
				}
				// Somebody mends the app client's secret.
				w.set(func() { delete(w.answer, revokeToken) })
				time.Sleep(25 * time.Hour)
				if s := pr.status(t, first.Act.ID); s.Act.State != revocation.StateConfirmed || s.Cognito.State != publisher.LegDone || s.Cognito.Code != "" {
					t.Errorf("status = %+v, want confirmed and done", s)
				}
				checkOrder(t, w)
			})
		})
	}
}

func TestUserWhoIsGoneIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.answer[signOut] = &publisher.CognitoError{Op: "ListUsers", Code: "UserNotFoundException", Err: publisher.ErrUserNotFound}
		pr := w.start(t)
		s := pr.revoke(t, userRequest())
		synctest.Wait()
		if s := pr.status(t, s.Act.ID); s.Act.State != revocation.StateConfirmed || s.Cognito.State != publisher.LegDone {
			t.Errorf("status = %+v, want confirmed and done", s)
		}
	})
}

// Cognito's success for a refresh token proves nothing by itself.
func TestProofOfSession(t *testing.T) {
	const (
		token   = 2 * hour
		refresh = 10 * day
	)
	confirmed := publisher.Leg{State: publisher.LegDone}
	unproven := publisher.Leg{State: publisher.LegFailed, Code: publisher.CodeUnproven}
	pending := publisher.Leg{State: publisher.LegPending, Code: "TooManyRequestsException"}
	for _, test := range []struct {
		name  string
		grant publisher.Grant
		ask   error
		alive bool // Cognito accepts the access token
		want  publisher.Leg
		asked int // 0, or at least that often
	}{
		{"fresh grant", publisher.Grant{Fresh: true, AccessToken: "access-1"}, nil, true, confirmed, 0},
		{"access token refused", publisher.Grant{AccessToken: "access-1"}, nil, false, confirmed, 1},
		{"access token accepted", publisher.Grant{AccessToken: "access-1"}, nil, true, unproven, 1},
		{"no access token", publisher.Grant{}, nil, false, unproven, 0},
		{"Cognito cannot say now", publisher.Grant{AccessToken: "access-1"},
			&publisher.CognitoError{Op: "GetUser", Code: "TooManyRequestsException", Retry: true}, false, pending, 2},
		{"Cognito will never say", publisher.Grant{AccessToken: "access-1"},
			&publisher.CognitoError{Op: "GetUser", Code: "expired"}, false, unproven, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.noBeats = true
				w.validity = publisher.Validity{Token: token, Refresh: refresh}
				w.revoked = !test.alive
				if test.ask != nil {
					w.answer[askToken] = test.ask
				}
				pr := w.start(t)
				req := sessionRequest()
				test.grant.ClientID, test.grant.RefreshToken = req.Grant.ClientID, req.Grant.RefreshToken
				req.Grant = &test.grant
				accepted := time.Now()
				s := pr.revoke(t, req)
				time.Sleep(time.Minute)

				got := pr.status(t, s.Act.ID)
				if got.Cognito.State != test.want.State || got.Cognito.Code != test.want.Code {
					t.Errorf("leg = %+v, want %+v", got.Cognito, test.want)
				}
				asked := w.history(askToken)
				if len(asked) < test.asked || test.asked == 0 && len(asked) > 0 || len(asked) > 0 && asked[0].arg != "access-1" {
					t.Errorf("Cognito was asked %d times: %+v", len(asked), asked)
				}
				if calls := w.history(revokeToken); calls[0].arg != clientID+" refresh-1" {
					t.Errorf("RevokeToken(%q), want the grant's client and token", calls[0].arg)
				}
				task := w.tasks()[0]
				switch test.want.State {
				case publisher.LegFailed:
					if got.StandingUntil() != after(accepted, refresh+token) || got.Act.State != revocation.StateOpen {
						t.Errorf("act = %+v, want it to stand until %d", got.Act, after(accepted, refresh+token))
					}
					// Nothing more is to be had from Cognito.
					time.Sleep(3 * day)
					if n := len(w.history(revokeToken)); n != 1 || !task.Due.IsZero() {
						t.Errorf("%d calls, due %v; want one call and nothing due", n, task.Due)
					}
					fallthrough
				case publisher.LegDone:
					if task.Grant != (publisher.Grant{}) {
						t.Errorf("the grant is kept: %+v", task.Grant)
					}
				default:
					if task.Grant != test.grant {
						t.Errorf("the grant is lost: %+v", task.Grant)
					}
				}
				checkOrder(t, w)
			})
		})
	}
}

// A pool that is no longer configured keeps its tasks.
func TestTaskOfUnknownPoolWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.delay[signOut] = 10 * time.Second
		first := w.start(t)
		s := first.revoke(t, userRequest())
		first.kill()
		second := w.start(t, func(cfg *publisher.Config) {
			cfg.Pools = map[string]publisher.Pool{"eu-west-1_Other": cfg.Pools[poolID]}
		})
		before := len(w.history())
		time.Sleep(time.Hour)
		second.Close()
		if got := w.history()[before:]; len(got) > 0 {
			t.Errorf("effects without the pool: %v", names(got))
		}
		third := w.start(t)
		time.Sleep(2 * time.Minute)
		if got := third.status(t, s.Act.ID); got.Act.State != revocation.StateConfirmed {
			t.Errorf("act is %v, want confirmed", got.Act.State)
		}
	})
}
