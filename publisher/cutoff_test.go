package publisher_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// A caller's own cutoff is taken as it is, and on the token basis the act ends
// with the last token that it covers.
func TestCallersCutoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.validity = publisher.Validity{Token: 2 * hour, Refresh: 10 * day}
		w.offset = cognitoAhead
		pr := w.start(t)
		time.Sleep(300 * time.Millisecond)
		now := time.Now().Add(cognitoAhead)
		for _, ahead := range []time.Duration{-2 * hour, -hour, 0, time.Second, 2 * time.Second} {
			for _, req := range []publisher.Request{
				target(revocation.KindClient), target(revocation.KindGroup), target(revocation.KindDevice), target(revocation.KindPool),
			} {
				req.Cutoff = now.Add(ahead).Unix()
				s := pr.revoke(t, req)
				if s.Act.Cutoff != req.Cutoff || s.NotBefore() != req.Cutoff+1 || s.Act.ExpiresAt != after(time.Unix(req.Cutoff, 0), 2*hour) {
					t.Errorf("%v with a cutoff %v ahead: %+v, want that cutoff, kept for 2 h from it", req.Target.Kind, ahead, s.Act)
				}
				// However old: a session that began then may live on.
				req.Basis = revocation.BasisSession
				last := now
				if ahead > 0 {
					last = time.Unix(req.Cutoff, 0) // until then sessions may begin that are covered
				}
				if s := pr.revoke(t, req); s.Act.Cutoff != req.Cutoff || s.Act.ExpiresAt != after(last, 10*day+2*hour) {
					t.Errorf("%v, session basis, with a cutoff %v ahead: %+v, want it to stand", req.Target.Kind, ahead, s.Act)
				}
			}
		}
		checkOrder(t, w)
	})
}

// Cognito is not told before a cutoff has passed that is ahead: a session that
// begins in between would be covered by the act and outlive it at Cognito.
func TestCognitoIsToldAfterTheCallersCutoff(t *testing.T) {
	for _, test := range []struct {
		name  string
		ahead int64 // seconds
		told  time.Duration
	}{
		{"none", 0, 0},
		{"an hour ago", -3600, 0},
		{"two seconds ahead", 2, 2700 * time.Millisecond}, // at the end of that second
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.offset = -cognitoAhead
				pr := w.start(t)
				time.Sleep(300 * time.Millisecond)
				start, req := time.Now(), userRequest()
				if test.ahead != 0 {
					req.Cutoff = start.Add(w.offset).Unix() + test.ahead
				}
				s := pr.revoke(t, req)
				time.Sleep(time.Minute)
				if told := w.history(signOut)[0].at.Sub(start); told != test.told {
					t.Errorf("Cognito told after %v, want %v", told, test.told)
				}
				if s := pr.status(t, s.Act.ID); s.Act.State != revocation.StateConfirmed {
					t.Errorf("act = %+v, want it confirmed", s.Act)
				}
			})
		})
	}
}

// The caller's longer expiry holds for every copy, and a shorter one changes
// nothing.
func TestKeepUntilIsAFloorInEveryState(t *testing.T) {
	unproven := sessionRequest()
	unproven.Grant.AccessToken = ""
	ofToken := target(revocation.KindToken)
	for name, req := range map[string]publisher.Request{
		"token": ofToken, "token by exp": with(ofToken, func(r *publisher.Request) { r.ExpiresAt = time.Date(2000, 1, 1, 5, 0, 0, 0, time.UTC).Unix() }),
		"user": userRequest(), "user except": with(userRequest(), except), "user, skip": with(userRequest(), skip),
		"session": sessionRequest(), "session by id": with(sessionRequest(), noGrant), "session, unproven": unproven,
		"client": target(revocation.KindClient), "pool, session basis": with(target(revocation.KindPool), sessionBasis),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.validity = publisher.Validity{Token: 2 * hour, Refresh: 10 * day}
				w.noBeats = true
				pr := w.start(t)
				floor := time.Now().Add(100 * day).Unix()
				short := with(req, keepFor(time.Minute))
				plain, long := pr.revoke(t, req), with(req, func(r *publisher.Request) { r.KeepUntil = floor })
				if s := pr.revoke(t, short); s.Act.ExpiresAt != plain.Act.ExpiresAt || s.Floor != short.KeepUntil {
					t.Errorf("with a shorter expiry: until %d, want %d", s.Act.ExpiresAt, plain.Act.ExpiresAt)
				}
				s := pr.revoke(t, long)
				time.Sleep(60 * day)
				for _, e := range took(w.history(appendAct)) {
					if e.act.ID == s.Act.ID && e.act.ExpiresAt != floor {
						t.Errorf("a copy is %v until %d, want until the caller's %d", e.act.State, e.act.ExpiresAt, floor)
					}
				}
				if s.Act.ExpiresAt != floor || s.Floor != floor {
					t.Errorf("accepted until %d, floor %d, want %d", s.Act.ExpiresAt, s.Floor, floor)
				}
				checkOrder(t, w)
			})
		})
	}
}
