package publisher

import (
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// openLife is how long an act is kept that Cognito has still to confirm; it is
// extended at half of it. A replica of the service that is away for so long
// has lost its task.
const openLife = 48 * time.Hour

// hasLeg reports whether a call to Cognito can end every token of the target.
// Cognito knows no way to end a session by its id alone, to spare one session,
// or to refuse a client, group, device or pool.
func hasLeg(req Request) bool {
	switch req.Target.Kind {
	case revocation.KindSession:
		return req.Grant != nil
	case revocation.KindUser:
		return req.Target.ExceptSession == ""
	}
	return false
}

// newAct fixes the act of a request accepted at now (Cognito's clock). It
// lives until no token that it covers can exist.
func newAct(req Request, v Validity, now time.Time) revocation.Act {
	a := revocation.Act{
		ID:     revocation.NewActID(),
		State:  revocation.StateOpen,
		Target: req.Target,
		Basis:  req.Basis,
	}
	if a.Target.Kind.HasCutoff() {
		// iat counts whole seconds, and a token may be minted while we speak.
		if a.Cutoff = req.Cutoff; a.Cutoff == 0 {
			a.Cutoff = now.Unix() + 1
		}
		switch {
		case a.Target.Kind == revocation.KindUser:
			a.Basis = revocation.BasisSession
		case a.Basis == revocation.BasisNone:
			a.Basis = revocation.BasisToken
		}
	}
	switch {
	case a.Target.Kind == revocation.KindToken:
		// One token: nothing that Cognito mints later is covered.
		a.State = revocation.StateConfirmed
		a.ExpiresAt = req.ExpiresAt
		if a.ExpiresAt == 0 {
			a.ExpiresAt = end(now, v.Token)
		}
	case a.Basis == revocation.BasisToken:
		a.State = revocation.StateConfirmed
		a.ExpiresAt = end(time.Unix(a.Cutoff, 0), v.Token)
	case req.SkipCognito:
		a.State = revocation.StateConfirmed
		a.ExpiresAt = end(now, v.Token)
	case hasLeg(req):
		a.ExpiresAt = end(now, openLife)
	default:
		// A session that begins until a cutoff of the caller's is covered, too.
		last := now
		if cutoff := time.Unix(req.Cutoff, 0); cutoff.After(last) {
			last = cutoff
		}
		a.ExpiresAt = standing(v, last)
	}
	a.ExpiresAt = max(a.ExpiresAt, req.KeepUntil)
	return a
}

// standing is the expiry of an act that Cognito will not confirm: a refresh
// token minted just before last lives for its full life, and the last access
// token that it buys for another.
func standing(v Validity, last time.Time) int64 { return end(last, v.Refresh+v.Token) }

// end is the first whole second after t + d.
func end(t time.Time, d time.Duration) int64 { return t.Add(d).Unix() + 1 }

// messageTTL is how long the stream must keep a copy: until the act ends, or
// any earlier copy of it does, since what a later copy hides must stay hidden
// in a replay. TTLs count whole seconds and are cut, so it is rounded up. 0
// means that it has ended.
func messageTTL(keepUntil int64, now time.Time) time.Duration {
	left := time.Unix(keepUntil, 0).Add(revocation.MaxLeeway).Sub(now)
	if left <= 0 {
		return 0
	}
	return (left + time.Second - 1).Truncate(time.Second)
}
