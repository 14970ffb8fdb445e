package publisher_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// dayWorld is a pool whose access tokens live for a day and refresh tokens for
// thirty, with a node that was there from the start and one that starts
// whenever it is asked.
func dayWorld(t *testing.T) (*world, *process) {
	t.Helper()
	w := newWorld()
	w.noBeats = true
	w.nodes = newNodes()
	w.validity = publisher.Validity{Token: day, Refresh: 30 * day}
	w.pool = &poolModel{world: w, validity: w.validity}
	return w, w.start(t)
}

// wantRefused checks what both nodes say of a token now.
func (w *world) wantRefused(t *testing.T, what string, tok revocation.Token, want bool) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, list := range w.nodes.denylists() {
		if _, _, refused := list.Find(&tok, time.Now().Unix()); refused != want {
			t.Errorf("%s at %v: the %s node refuses it: %v, want %v", what, time.Now().UTC(), name, refused, want)
		}
	}
}

// mint lets a session refresh its tokens and returns the access token.
func (w *world) mint(s *session) (revocation.Token, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.pool.minted)
	w.pool.mint(s)
	if len(w.pool.minted) == before {
		return revocation.Token{}, false
	}
	return w.pool.minted[before].Token, true
}

// What is revoked must not come back a day later, when its first entry could
// have expired and its refresh token still lives: the promise that home-made
// denylists break.
func TestRefreshedADayLater(t *testing.T) {
	for _, test := range []struct {
		name    string
		request func(*session) publisher.Request
		cognito *publisher.CognitoError // what Cognito answers throughout
	}{
		{"session without its refresh token", func(s *session) publisher.Request {
			return publisher.Request{Target: revocation.Target{Kind: revocation.KindSession, Pool: poolID, ID: s.id}}
		}, nil},
		{"user whose sign-out is stuck", func(s *session) publisher.Request {
			return publisher.Request{Target: revocation.Target{Kind: revocation.KindUser, Pool: poolID, ID: s.user}}
		}, &publisher.CognitoError{Op: "AdminUserGlobalSignOut", Code: "TooManyRequestsException", Retry: true}},
		{"user whose sign-out is refused", func(s *session) publisher.Request {
			return publisher.Request{Target: revocation.Target{Kind: revocation.KindUser, Pool: poolID, ID: s.user}}
		}, &publisher.CognitoError{Op: "AdminUserGlobalSignOut", Code: "AccessDeniedException"}},
		{"session with another's refresh token", func(s *session) publisher.Request {
			return publisher.Request{
				Target: revocation.Target{Kind: revocation.KindSession, Pool: poolID, ID: s.id},
				Grant:  &publisher.Grant{ClientID: s.client, RefreshToken: "garbage", AccessToken: s.accessToken()},
			}
		}, nil},
		{"user except another session", func(s *session) publisher.Request {
			return publisher.Request{Target: revocation.Target{Kind: revocation.KindUser, Pool: poolID, ID: s.user, ExceptSession: "session-9"}}
		}, nil},
		{"client, session basis", func(s *session) publisher.Request {
			return publisher.Request{Target: revocation.Target{Kind: revocation.KindClient, Pool: poolID, ID: s.client}, Basis: revocation.BasisSession}
		}, nil},
		{"group, session basis", func(*session) publisher.Request {
			return publisher.Request{Target: revocation.Target{Kind: revocation.KindGroup, Pool: poolID, ID: "group-1"}, Basis: revocation.BasisSession}
		}, nil},
		{"device, session basis", func(s *session) publisher.Request {
			return publisher.Request{Target: revocation.Target{Kind: revocation.KindDevice, Pool: poolID, ID: "device of " + s.user}, Basis: revocation.BasisSession}
		}, nil},
		{"pool, session basis", func(*session) publisher.Request {
			return publisher.Request{Target: revocation.Target{Kind: revocation.KindPool, Pool: poolID}, Basis: revocation.BasisSession}
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, pr := dayWorld(t)
				var s *session
				w.set(func() {
					s = w.pool.signIn("user-1", "client-1")
					if test.cognito != nil {
						w.answer[signOut] = test.cognito
					}
				})
				time.Sleep(10 * time.Minute)
				pr.revoke(t, test.request(s))
				// 25 h later, and each day for as long as the refresh token
				// lives, and until its last access token has expired.
				days := 31
				if test.cognito != nil && test.cognito.Retry {
					days = 3 // of attempts every few minutes; it goes on like that
				}
				last := revocation.Token{}
				for i := range days {
					time.Sleep(25 * time.Hour)
					tok, refreshed := w.mint(s)
					if alive := time.Since(s.began) < 30*day; refreshed != alive {
						t.Fatalf("refreshed %v after %v, want %v: the test itself is wrong", refreshed, time.Since(s.began), alive)
					}
					if refreshed {
						last = tok
					}
					if time.Now().Unix() < last.ExpiresAt+int64(revocation.MaxLeeway/time.Second) {
						w.wantRefused(t, fmt.Sprintf("the token refreshed after %d times 25 h", i+1), last, true)
					}
				}
				// Nobody else is refused, and a new sign-in passes.
				time.Sleep(10 * time.Second)
				var other, again *session
				w.set(func() { other, again = w.pool.signIn("user-2", "client-2"), w.pool.signIn("user-1", "client-1") })
				for _, s := range []*session{other, again} {
					tok, _ := w.mint(s)
					w.wantRefused(t, "a new sign-in", tok, false)
				}
				checkOrder(t, w)
			})
		})
	}
}

// A confirmed act is gone exactly when the last token that Cognito can have
// minted before it confirmed has expired everywhere.
func TestConfirmedActIsGoneAfterADay(t *testing.T) {
	const gone = day + revocation.MaxLeeway
	for _, test := range []struct {
		name    string
		request func(*session) publisher.Request
		told    time.Duration // after acceptance
	}{
		{"user", func(s *session) publisher.Request {
			return publisher.Request{Target: revocation.Target{Kind: revocation.KindUser, Pool: poolID, ID: s.user}}
		}, 0},
		{"user, Cognito told after 30 hours", func(s *session) publisher.Request {
			return publisher.Request{Target: revocation.Target{Kind: revocation.KindUser, Pool: poolID, ID: s.user}}
		}, 30 * hour},
		{"session with its refresh token", func(s *session) publisher.Request {
			return publisher.Request{
				Target: revocation.Target{Kind: revocation.KindSession, Pool: poolID, ID: s.id},
				Grant:  &publisher.Grant{ClientID: s.client, RefreshToken: s.refreshToken(), AccessToken: s.accessToken()},
			}
		}, 0},
		{"user whom the caller has signed out", func(s *session) publisher.Request {
			return publisher.Request{Target: revocation.Target{Kind: revocation.KindUser, Pool: poolID, ID: s.user}, SkipCognito: true}
		}, 0},
		{"group", func(*session) publisher.Request {
			return publisher.Request{Target: revocation.Target{Kind: revocation.KindGroup, Pool: poolID, ID: "group-1"}}
		}, time.Second}, // the end counts from the cutoff
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, pr := dayWorld(t)
				var s *session
				w.set(func() {
					s = w.pool.signIn("user-1", "client-1")
					if test.told > time.Minute {
						w.answer[signOut] = &publisher.CognitoError{Op: "ListUsers", Code: "unreachable", Retry: true}
					}
				})
				time.Sleep(10 * time.Minute)
				tok, _ := w.mint(s)
				accepted := time.Now()
				first := pr.revoke(t, test.request(s))
				if test.told > time.Minute {
					time.Sleep(test.told)
					w.set(func() { clear(w.answer) })
				}
				time.Sleep(10 * time.Minute)
				status := pr.status(t, first.Act.ID)
				if status.Act.State != revocation.StateConfirmed {
					t.Fatalf("act = %+v, want it confirmed", status.Act)
				}
				confirmed := accepted.Add(test.told)
				if !status.Cognito.DoneAt.IsZero() {
					confirmed = status.Cognito.DoneAt
				}
				// Ends are rounded up to the second after.
				end := confirmed.Truncate(time.Second).Add(time.Second + gone)
				time.Sleep(time.Until(end) - time.Nanosecond)
				w.wantRefused(t, "the last moment", tok, true)
				time.Sleep(time.Nanosecond)
				w.wantRefused(t, "the moment after", tok, false)
				w.mu.Lock()
				defer w.mu.Unlock()
				if n := w.nodes.denylists()["old"].Len(); n != 0 {
					t.Errorf("the node still holds %d acts", n)
				}
			})
		})
	}
}
