package publisher_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	hour = time.Hour
	day  = 24 * hour
	// openFor is for how long an act is kept that Cognito has to confirm.
	openFor = 48 * hour
	// cognitoAhead is Cognito's clock minus ours in these tests: expiries are
	// by Cognito's.
	cognitoAhead = 90 * time.Second
)

// after is the first whole second after t + d.
func after(t time.Time, d time.Duration) int64 { return t.Unix() + 1 + int64(d/time.Second) }

func target(kind revocation.Kind) publisher.Request {
	req := publisher.Request{Target: revocation.Target{Kind: kind, Pool: poolID, ID: "id-1"}}
	if kind == revocation.KindPool {
		req.Target.ID = ""
	}
	return req
}

// with returns req with one change.
func with(req publisher.Request, change func(*publisher.Request)) publisher.Request {
	change(&req)
	return req
}

func skip(r *publisher.Request)         { r.SkipCognito = true }
func sessionBasis(r *publisher.Request) { r.Basis = revocation.BasisSession }
func except(r *publisher.Request)       { r.Target.ExceptSession = "session-2" }
func noGrant(r *publisher.Request)      { r.Grant = nil }

// The table of section "Rules of meaning" of the design, one row per case.
func TestExpiry(t *testing.T) {
	const (
		token    = 2 * hour // longest validity of an access or ID token
		refresh  = 10 * day // of a refresh token
		never    = 0        // no confirmation follows
		standing = refresh + token
	)
	for _, test := range []struct {
		name      string
		req       publisher.Request
		state     revocation.State
		lives     time.Duration // from acceptance
		fromCut   bool          // lives is counted from the cutoff instead
		leg       publisher.LegState
		confirmed time.Duration // from the confirmation
	}{
		{"token by bare id", target(revocation.KindToken), revocation.StateConfirmed, token, false, publisher.LegNotApplicable, never},
		{"session with its refresh token", sessionRequest(), revocation.StateOpen, openFor, false, publisher.LegPending, token},
		{"session by id", with(sessionRequest(), noGrant), revocation.StateOpen, standing, false, publisher.LegNotApplicable, never},
		{"session that the caller has revoked", with(with(sessionRequest(), noGrant), skip), revocation.StateConfirmed, token, false, publisher.LegDone, never},
		{"session that the caller has revoked, with a grant", with(sessionRequest(), skip), revocation.StateConfirmed, token, false, publisher.LegDone, never},
		{"user", userRequest(), revocation.StateOpen, openFor, false, publisher.LegPending, token},
		{"user except one session", with(userRequest(), except), revocation.StateOpen, standing, false, publisher.LegNotApplicable, never},
		{"user that the caller has signed out", with(userRequest(), skip), revocation.StateConfirmed, token, false, publisher.LegDone, never},
		{"client", target(revocation.KindClient), revocation.StateConfirmed, token, true, publisher.LegNotApplicable, never},
		{"client, session basis", with(target(revocation.KindClient), sessionBasis), revocation.StateOpen, standing, false, publisher.LegNotApplicable, never},
		{"group", target(revocation.KindGroup), revocation.StateConfirmed, token, true, publisher.LegNotApplicable, never},
		{"group, session basis", with(target(revocation.KindGroup), sessionBasis), revocation.StateOpen, standing, false, publisher.LegNotApplicable, never},
		{"device", target(revocation.KindDevice), revocation.StateConfirmed, token, true, publisher.LegNotApplicable, never},
		{"device, session basis", with(target(revocation.KindDevice), sessionBasis), revocation.StateOpen, standing, false, publisher.LegNotApplicable, never},
		{"pool", target(revocation.KindPool), revocation.StateConfirmed, token, true, publisher.LegNotApplicable, never},
		{"pool, session basis", with(target(revocation.KindPool), sessionBasis), revocation.StateOpen, standing, false, publisher.LegNotApplicable, never},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.validity = publisher.Validity{Token: token, Refresh: refresh}
				w.offset = cognitoAhead
				w.delay[signOut], w.delay[revokeToken] = 10*time.Second, 10*time.Second
				pr := w.start(t)
				time.Sleep(300 * time.Millisecond) // expiries are rounded up
				now := time.Now().Add(cognitoAhead)
				s := pr.revoke(t, test.req)

				want := after(now, test.lives)
				if test.fromCut {
					want = after(time.Unix(s.Act.Cutoff, 0), test.lives)
				}
				if s.Act.State != test.state || s.Act.ExpiresAt != want || s.Cognito.State != test.leg {
					t.Errorf("accepted: %v until %d, Cognito %q; want %v until %d, %q",
						s.Act.State, s.Act.ExpiresAt, s.Cognito.State, test.state, want, test.leg)
				}
				until := want
				if test.state != revocation.StateOpen {
					until = 0
				}
				if got := s.StandingUntil(); got != until {
					t.Errorf("StandingUntil = %d, want %d", got, until)
				}
				checkCutoff(t, s, now)

				time.Sleep(time.Minute)
				final := pr.status(t, s.Act.ID)
				if test.confirmed == never {
					if final.Act != s.Act || len(w.history(cognitoCalls...)) > 0 || len(w.history(appendAct)) != 1 {
						t.Errorf("something happened afterwards: %+v, effects %v", final.Act, names(w.history()))
					}
					return
				}
				confirmed := s.Act
				confirmed.State = revocation.StateConfirmed
				confirmed.ExpiresAt = after(now.Add(10*time.Second), test.confirmed)
				if final.Act != confirmed || final.StandingUntil() != 0 {
					t.Errorf("confirmed: %+v, want %+v", final.Act, confirmed)
				}
				checkOrder(t, w)
			})
		})
	}
}

// checkCutoff checks the cutoff of an act accepted at now by Cognito's clock.
func checkCutoff(t *testing.T, s publisher.Status, now time.Time) {
	t.Helper()
	cutoff, notBefore := int64(0), int64(0)
	if s.Act.Target.Kind.HasCutoff() {
		cutoff, notBefore = now.Unix()+1, now.Unix()+2
	}
	if s.Act.Cutoff != cutoff || s.NotBefore() != notBefore {
		t.Errorf("cutoff %d, not before %d; want %d, %d", s.Act.Cutoff, s.NotBefore(), cutoff, notBefore)
	}
}

func TestTokenLivesUntilItsExp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.offset = cognitoAhead
		pr := w.start(t)
		time.Sleep(300 * time.Millisecond)
		now := time.Now()
		for _, left := range []time.Duration{-revocation.MaxLeeway + 1, 0, time.Minute, 3 * day} {
			req := target(revocation.KindToken)
			req.ExpiresAt = now.Add(left).Unix() + 1
			s := pr.revoke(t, req)
			if s.Act.State != revocation.StateConfirmed || s.Act.ExpiresAt != req.ExpiresAt {
				t.Errorf("token with %v left: %v until %d, want confirmed until its exp, %d", left, s.Act.State, s.Act.ExpiresAt, req.ExpiresAt)
			}
		}
		checkOrder(t, w)
	})
}

func TestValidityDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		pr := w.start(t)
		now := time.Now()
		if s := pr.revoke(t, target(revocation.KindToken)); s.Act.ExpiresAt != after(now, day) {
			t.Errorf("a token of unknown validity is refused until %d, want 24 h", s.Act.ExpiresAt)
		}
		if s := pr.revoke(t, with(sessionRequest(), noGrant)); s.Act.ExpiresAt != after(now, 31*day) {
			t.Errorf("a session of unknown validity is refused until %d, want 31 days", s.Act.ExpiresAt)
		}
	})
}

// A message stays for as long as its act may count at any node, and no shorter
// than what is left of the messages that it hides.
func TestMessageTTL(t *testing.T) {
	for _, fraction := range []time.Duration{0, time.Nanosecond, 300 * time.Millisecond, time.Second - time.Nanosecond} {
		t.Run(fraction.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.validity.Token = hour // so that the confirmed copy ends before the open one
				pr := w.start(t)
				time.Sleep(fraction)
				s := pr.revoke(t, userRequest())
				time.Sleep(time.Second)
				copies := w.history(appendAct)
				if len(copies) != 2 || copies[1].act.ExpiresAt >= copies[0].act.ExpiresAt {
					t.Fatalf("copies %+v, want an open one and a confirmed one that ends earlier", copies)
				}
				ends := time.Unix(s.Act.ExpiresAt, 0).Add(revocation.MaxLeeway)
				for i, e := range copies {
					gone := e.at.Add(e.ttl)
					if gone.Before(ends) || !gone.Before(ends.Add(time.Second)) || e.ttl%time.Second != 0 {
						t.Errorf("copy %d, published at %v, is gone after %v at %v; want %v rounded up to the second",
							i, e.at, e.ttl, gone, ends)
					}
				}
			})
		})
	}
}

// Cognito is down for four days: at no time does the act end within the life of
// a token that Cognito may mint.
func TestOpenActIsExtendedAtHalfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.noBeats = true
		w.validity.Token = 6 * hour
		w.answer[signOut] = &publisher.CognitoError{Op: "AdminUserGlobalSignOut", Code: "InternalErrorException", Retry: true}
		pr := w.start(t)
		first := pr.revoke(t, userRequest())
		for range 100 {
			time.Sleep(hour)
			s := pr.status(t, first.Act.ID)
			if left := time.Until(time.Unix(s.Act.ExpiresAt, 0)); left < day-10*time.Minute || left > openFor+time.Second {
				t.Fatalf("after %v the act ends in %v", time.Since(first.AcceptedAt), left)
			}
			if s.Act.State != revocation.StateOpen || s.Cognito.State != publisher.LegPending ||
				s.Cognito.Code != "InternalErrorException" || s.Cognito.NextTry.IsZero() {
				t.Fatalf("after %v: %+v", time.Since(first.AcceptedAt), s)
			}
		}
		// Once a day, and the copies differ in nothing but the expiry.
		if n := len(w.history(appendAct)); n != 5 {
			t.Errorf("%d copies in 100 h, want 5: an extension a day", n)
		}
		w.set(func() { delete(w.answer, signOut) })
		time.Sleep(6 * time.Minute)
		s := pr.status(t, first.Act.ID)
		if s.Act.State != revocation.StateConfirmed || s.Act.Cutoff != first.Act.Cutoff {
			t.Errorf("act at the end: %+v, want it confirmed with the cutoff %d", s.Act, first.Act.Cutoff)
		}
		if end := after(s.Cognito.DoneAt, 6*hour); s.Act.ExpiresAt != end {
			t.Errorf("confirmed until %d, want %d, the last token's end", s.Act.ExpiresAt, end)
		}
		checkOrder(t, w)
	})
}

// The extension is on the stream before Cognito is told: were the process to
// die right after that, the act would still outlast what Cognito has minted.
func TestOldActIsExtendedBeforeCognitoIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.delay[signOut] = 30 * time.Second
		first := w.start(t)
		s := first.revoke(t, userRequest())
		first.kill()
		time.Sleep(openFor - hour)
		w.start(t)
		synctest.Wait()
		copies := w.history(appendAct)
		if last := copies[len(copies)-1].act; len(copies) != 2 || last.ExpiresAt < s.Act.ExpiresAt+int64(day/time.Second) {
			t.Errorf("copies before Cognito is told: %+v, want the second to last for another two days", copies)
		}
		checkOrder(t, w)
	})
}

// A task whose act was never published, and ended meanwhile, is closed if no
// token can be left, and else taken up again.
func TestActThatEndedUnpublished(t *testing.T) {
	for _, test := range []struct {
		name string
		req  publisher.Request
		want int // copies published
	}{
		{"token", target(revocation.KindToken), 0},
		{"user", userRequest(), 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.fault = func(i int, _ string) verdict {
					if i == 1 { // the first put
						return dieAfter
					}
					return succeed
				}
				first := w.start(t)
				first.Revoke(t.Context(), test.req)
				first.kill()
				time.Sleep(3 * day)
				w.start(t)
				time.Sleep(hour)
				if got := names(w.history(appendAct)); len(got) != test.want {
					t.Errorf("%d copies were published, want %d", len(got), test.want)
				}
				if task := w.tasks()[0]; !task.Due.IsZero() || test.want > 0 && task.Act.State != revocation.StateConfirmed {
					t.Errorf("task at the end: %+v", task)
				}
				if n := len(w.history()); n > 12 {
					t.Errorf("%d effects within an hour: %v", n, names(w.history()))
				}
				checkOrder(t, w)
			})
		})
	}
}
