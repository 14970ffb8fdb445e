package revocation_test

import (
	"testing"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// cutoffCases state the rule around the second of the cutoff, for both bases.
// Zero is an absent claim.
var cutoffCases = []struct {
	name          string
	iat, authTime int64
	session       bool // refused on the session basis
	token         bool // refused on the token basis
}{
	{"issued and signed in before", cutoff - 1, cutoff - 1, true, true},
	{"issued and signed in at the cutoff", cutoff, cutoff, true, true},
	{"issued at the cutoff, signed in after", cutoff, cutoff + 1, true, true},
	{"issued after, signed in before", cutoff + 1, cutoff - 1, true, false},
	{"issued after, signed in at the cutoff", cutoff + 1, cutoff, true, false},
	{"issued and signed in after", cutoff + 1, cutoff + 1, false, false},
	{"issued before, no auth_time", cutoff - 1, 0, true, true},
	{"issued at the cutoff, no auth_time", cutoff, 0, true, true},
	{"issued after, no auth_time", cutoff + 1, 0, false, false},
	{"no iat, signed in before", 0, cutoff - 1, true, true},
	{"no iat, signed in at the cutoff", 0, cutoff, true, true},
	{"no iat, signed in after", 0, cutoff + 1, false, true},
	{"neither", 0, 0, true, true},
	{"both in 1970", 1, 1, true, true},
}

func TestCutoffIsInclusive(t *testing.T) {
	for _, test := range cutoffCases {
		t.Run(test.name, func(t *testing.T) {
			tok := fullToken()
			tok.IssuedAt, tok.AuthTime = test.iat, test.authTime
			for basis, want := range map[revocation.Basis]bool{
				revocation.BasisSession: test.session, revocation.BasisToken: test.token,
			} {
				if got := revocation.Cuts(basis, cutoff, tok); got != want {
					t.Errorf("Cuts(%s, cutoff, iat %d, auth_time %d) = %t, want %t",
						basis, tok.IssuedAt, tok.AuthTime, got, want)
				}
			}
		})
	}
}

func TestKindsWithCutoffRefuseByIt(t *testing.T) {
	for _, kind := range revocation.Kinds() {
		for _, basis := range []revocation.Basis{revocation.BasisSession, revocation.BasisToken} {
			if !kind.HasCutoff() || kind == revocation.KindUser && basis == revocation.BasisToken {
				continue
			}
			a := actOn(kind)
			a.Basis = basis
			for _, test := range cutoffCases {
				want := test.session
				if basis == revocation.BasisToken {
					want = test.token
				}
				tok := fullToken()
				tok.IssuedAt, tok.AuthTime = test.iat, test.authTime
				if got := a.Refuses(tok); got != want {
					t.Errorf("kind %s, basis %s, %s: Refuses = %t, want %t", kind, basis, test.name, got, want)
				}
			}
		}
	}
}

func TestKindsWithoutCutoffRefuseWhateverTheTimes(t *testing.T) {
	for _, kind := range []revocation.Kind{revocation.KindToken, revocation.KindSession} {
		for _, test := range cutoffCases {
			tok := fullToken()
			tok.IssuedAt, tok.AuthTime = test.iat, test.authTime
			if !actOn(kind).Refuses(tok) {
				t.Errorf("kind %s accepts a token %s", kind, test.name)
			}
		}
	}
}
