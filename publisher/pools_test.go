package publisher_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// account is the Cognito of another account and Region, with a clock of its own.
type account struct {
	cognito
	ahead time.Duration
	name  string
}

func (a account) Now() time.Time { return time.Now().Add(a.ahead) }

func (a account) SignOutUser(ctx context.Context, sub string) error {
	return a.cognito.SignOutUser(ctx, a.name+" "+sub)
}

// Each pool has its own clock, validities and Cognito; one user id in two pools
// is two users.
func TestPoolsAreApart(t *testing.T) {
	const other = "us-east-1_Test"
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.nodes = newNodes()
		w.validity = publisher.Validity{Token: hour, Refresh: day}
		pr := w.start(t, func(cfg *publisher.Config) {
			there := account{cfg.Pools[poolID].Cognito.(cognito), time.Hour, "other"}
			cfg.Pools[other] = publisher.Pool{Cognito: there, Validity: publisher.Validity{Token: 2 * hour, Refresh: 3 * day}}
		})
		now := time.Now()
		elsewhere := func(req publisher.Request) publisher.Request {
			req.Target.Pool = other
			return req
		}
		here, there := pr.revoke(t, userRequest()).Act, pr.revoke(t, elsewhere(userRequest())).Act
		if here.Cutoff != now.Unix()+1 || there.Cutoff != now.Add(time.Hour).Unix()+1 {
			t.Errorf("cutoffs %d and %d, want each by its own pool's clock", here.Cutoff, there.Cutoff)
		}
		standing := pr.revoke(t, elsewhere(with(target(revocation.KindClient), sessionBasis))).Act
		if want := after(now.Add(time.Hour), 3*day+2*hour); standing.ExpiresAt != want {
			t.Errorf("an act of the other pool stands until %d, want %d, by its own validities", standing.ExpiresAt, want)
		}
		time.Sleep(time.Minute)
		var told []string
		for _, e := range w.history(signOut) {
			told = append(told, e.arg)
		}
		if len(told) != 2 || strings.HasPrefix(told[0], "other") == strings.HasPrefix(told[1], "other") {
			t.Errorf("told %q, want each Cognito of its own user", told)
		}
		// The lift of one leaves the other.
		pr.lift(t, here.ID)
		if w.refuses(here) || !w.refuses(there) {
			t.Errorf("refused here %v, there %v; want only there", w.refuses(here), w.refuses(there))
		}
	})
}

// Ids are opaque, whatever they look like, up to 256 bytes.
func TestIDsAreKeptByteForByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.nodes = newNodes()
		pr := w.start(t)
		for _, id := range []string{
			"0c4bb5de-3d1c-4ff7-8b4e-d2a1a3bc1f10", "0C4BB5DE-3D1C-4FF7-8B4E-D2A1A3BC1F10", "0c4bb5de3d1c4ff78b4ed2a1a3bc1f10",
			"{0c4bb5de-3d1c-4ff7-8b4e-d2a1a3bc1f10}", strings.Repeat("x", revocation.MaxIDLength), " ", "*", "Google_117", "e\u0301", "\u00e9", "a|b",
		} {
			for _, kind := range []revocation.Kind{
				revocation.KindToken, revocation.KindSession, revocation.KindUser, revocation.KindClient, revocation.KindGroup, revocation.KindDevice,
			} {
				req := target(kind)
				req.Target.ID, req.SkipCognito = id, true
				s := pr.revoke(t, req)
				if s.Act.Target.ID != id || !w.refuses(s.Act) {
					t.Errorf("%s %q: act %+v, refused %v", kind, id, s.Act, w.refuses(s.Act))
				}
			}
		}
	})
}
