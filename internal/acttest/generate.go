package acttest

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"pgregory.net/rapid"
)

// Epoch is the Unix second around which all generated times lie.
const Epoch int64 = 1_700_000_000

// lastSecond is the largest time that an act may carry.
const lastSecond int64 = 1<<33 - 1

// leeway is how long after its expiry an act still refuses, in seconds.
const leeway = int64(revocation.MaxLeeway / time.Second)

// The alphabets. Pool "eu-west-1_A" with id "Ba" and pool "eu-west-1_AB" with
// id "a" are equal if an index joins the two without a length. The three
// spellings of one UUID are three ids.
var (
	pools = []string{"eu-west-1_A", "eu-west-1_AB"}
	ids   = []string{
		"a", "a", "Ba", // "a" twice: more collisions
		"0c4bb5de-3d1c-4ff7-8b4e-d2a1a3bc1f10",
		"0C4BB5DE-3D1C-4FF7-8B4E-D2A1A3BC1F10",
		"0c4bb5de3d1c4ff78b4ed2a1a3bc1f10",
	}
	cutoffs  = []int64{Epoch, Epoch, Epoch + 1, Epoch + 2, lastSecond}
	expiries = []int64{1, Epoch + 10, Epoch + 10, Epoch + 11, Epoch + 20, lastSecond}
	instants = []int64{
		0, // absent
		1, Epoch - 1, Epoch, Epoch + 1, Epoch + 2, Epoch + 3, lastSecond,
	}
)

// Token draws the claims of a verified token. Any claim but the pool may be
// absent.
func Token() *rapid.Generator[revocation.Token] {
	return rapid.Custom(func(t *rapid.T) revocation.Token {
		claim := rapid.SampledFrom(append([]string{""}, ids...))
		instant := rapid.SampledFrom(instants)
		return revocation.Token{
			Pool:      rapid.SampledFrom(pools).Draw(t, "pool"),
			JTI:       claim.Draw(t, "jti"),
			OriginJTI: claim.Draw(t, "origin_jti"),
			Subject:   claim.Draw(t, "sub"),
			ClientID:  claim.Draw(t, "client_id"),
			DeviceKey: claim.Draw(t, "device_key"),
			Groups:    rapid.SliceOfN(claim, 0, 3).Draw(t, "groups"),
			IssuedAt:  instant.Draw(t, "iat"),
			AuthTime:  instant.Draw(t, "auth_time"),
			ExpiresAt: instant.Draw(t, "exp"),
		}
	})
}

// Now draws an instant while most acts are alive, or one at, or a second
// beside, the end of an act or its leeway.
func Now() *rapid.Generator[int64] {
	return rapid.Custom(func(t *rapid.T) int64 {
		end := rapid.SampledFrom(append([]int64{Epoch, Epoch, Epoch}, expiries...)).Draw(t, "end")
		after := rapid.SampledFrom([]int64{0, leeway}).Draw(t, "leeway")
		return end + after + rapid.Int64Range(-1, 1).Draw(t, "beside")
	})
}

// Target draws a valid target.
func Target() *rapid.Generator[revocation.Target] {
	return rapid.Custom(func(t *rapid.T) revocation.Target {
		target := revocation.Target{
			Kind: rapid.SampledFrom(revocation.Kinds()).Draw(t, "kind"),
			Pool: rapid.SampledFrom(pools).Draw(t, "pool"),
		}
		if target.Kind != revocation.KindPool {
			target.ID = rapid.SampledFrom(ids).Draw(t, "id")
		}
		if target.Kind == revocation.KindUser {
			target.ExceptSession = rapid.SampledFrom([]string{"", "a", "Ba"}).Draw(t, "except_session")
		}
		return target
	})
}

// Act draws one valid copy of an act.
func Act() *rapid.Generator[revocation.Act] {
	return rapid.Custom(func(t *rapid.T) revocation.Act {
		a := actOn(t, Target().Draw(t, "target"))
		a.State = rapid.SampledFrom([]revocation.State{
			revocation.StateOpen, revocation.StateConfirmed, revocation.StateLifted,
		}).Draw(t, "state")
		a.ExpiresAt = expiry(t)
		return a
	})
}

// actOn draws what never changes in an act on target. The id is a function of
// the rest and of one bit, so that equal ids mean equal acts.
func actOn(t *rapid.T, target revocation.Target) revocation.Act {
	a := revocation.Act{Target: target}
	if target.Kind.HasCutoff() {
		a.Basis = revocation.BasisSession
		if target.Kind != revocation.KindUser && rapid.Bool().Draw(t, "token basis") {
			a.Basis = revocation.BasisToken
		}
		a.Cutoff = rapid.SampledFrom(cutoffs).Draw(t, "cutoff")
	}
	other := rapid.Bool().Draw(t, "other act")
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v %t", a, other))
	copy(a.ID[:], sum[:])
	return a
}

func expiry(t *rapid.T) int64 {
	return rapid.SampledFrom(expiries).Draw(t, "expiry")
}
