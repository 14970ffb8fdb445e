package revocation_test

import (
	"testing"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	pool = "eu-west-1_AbC123"
	// cutoff is a second; the tables test it and both its neighbors.
	cutoff int64 = 1_700_000_000
	end    int64 = cutoff + 86400
)

var actID = revocation.ActID{0: 0xa1, 15: 0x1a}

// fullToken has a different value in every claim and was issued in the last
// second that cutoff refuses.
func fullToken() revocation.Token {
	return revocation.Token{
		Pool: pool, JTI: "the-jti", OriginJTI: "the-origin", Subject: "the-sub",
		ClientID: "the-client", DeviceKey: "the-device", Groups: []string{"first", "second"},
		IssuedAt: cutoff, AuthTime: cutoff, ExpiresAt: end,
	}
}

// actOn returns a valid open act on the value that fullToken has in the claim
// of kind, on the session basis if the kind has a cutoff.
func actOn(kind revocation.Kind) revocation.Act {
	a := revocation.Act{
		ID: actID, State: revocation.StateOpen, ExpiresAt: end,
		Target: revocation.Target{Kind: kind, Pool: pool, ID: map[revocation.Kind]string{
			revocation.KindToken: "the-jti", revocation.KindSession: "the-origin",
			revocation.KindUser: "the-sub", revocation.KindClient: "the-client",
			revocation.KindGroup: "second", revocation.KindDevice: "the-device",
		}[kind]},
	}
	if kind.HasCutoff() {
		a.Basis, a.Cutoff = revocation.BasisSession, cutoff
	}
	return a
}

func TestEachKindComparesItsOwnClaimOnly(t *testing.T) {
	// change clears or replaces one claim; the acts of that kind, and no other,
	// must stop refusing.
	change := map[revocation.Kind]func(*revocation.Token, string){
		revocation.KindToken:   func(tok *revocation.Token, v string) { tok.JTI = v },
		revocation.KindSession: func(tok *revocation.Token, v string) { tok.OriginJTI = v },
		revocation.KindUser:    func(tok *revocation.Token, v string) { tok.Subject = v },
		revocation.KindClient:  func(tok *revocation.Token, v string) { tok.ClientID = v },
		revocation.KindDevice:  func(tok *revocation.Token, v string) { tok.DeviceKey = v },
		revocation.KindGroup:   func(tok *revocation.Token, v string) { tok.Groups = []string{v} },
	}
	for _, kind := range revocation.Kinds() {
		a := actOn(kind)
		if err := a.Validate(); err != nil {
			t.Fatalf("test act of kind %s: %v", kind, err)
		}
		if !a.Refuses(fullToken()) {
			t.Errorf("act of kind %s accepts the token it names", kind)
		}
		for changed, set := range change {
			for _, value := range []string{"", "other", "THE-SUB", "the-", "the-jti2"} {
				tok := fullToken()
				set(&tok, value)
				if got, want := a.Refuses(tok), changed != kind; got != want {
					t.Errorf("act of kind %s, %s claim changed to %q: Refuses = %t, want %t",
						kind, changed, value, got, want)
				}
			}
		}
	}
}

func TestActsAreScopedByPool(t *testing.T) {
	for _, kind := range revocation.Kinds() {
		a := actOn(kind)
		for _, other := range []string{"", "eu-west-1_AbC124", "EU-WEST-1_ABC123", pool + "x"} {
			tok := fullToken()
			tok.Pool = other
			if a.Refuses(tok) {
				t.Errorf("act of kind %s in pool %s refuses a token of pool %q", kind, pool, other)
			}
		}
	}
}

// An act that no Validate has seen must not refuse all tokens that lack a claim.
func TestEmptyClaimsMatchNothing(t *testing.T) {
	for _, kind := range revocation.Kinds() {
		if kind == revocation.KindPool {
			continue // names no claim
		}
		a := actOn(kind)
		a.Target.ID = ""
		tok := revocation.Token{Pool: pool, Groups: []string{""}}
		if a.Refuses(tok) {
			t.Errorf("act of kind %s on the empty id refuses a token without the claim", kind)
		}
	}
}

func TestUnknownKindRefusesNothing(t *testing.T) {
	for _, kind := range []revocation.Kind{0, 8, 255} {
		a := actOn(revocation.KindToken)
		a.Target.Kind = kind
		if a.Refuses(fullToken()) {
			t.Errorf("act of %s refuses", kind)
		}
	}
}

func TestGroupsAreComparedElementByElement(t *testing.T) {
	a := actOn(revocation.KindGroup)
	for _, test := range []struct {
		name   string
		groups []string
		want   bool
	}{
		{"none", nil, false},
		{"empty list", []string{}, false},
		{"only", []string{"second"}, true},
		{"first of two", []string{"second", "x"}, true},
		{"last of three", []string{"x", "y", "second"}, true},
		{"part of an element", []string{"second2", "the second"}, false},
		{"joined", []string{"first,second", "first second"}, false},
		{"other case", []string{"Second"}, false},
		{"after an empty element", []string{"", "second"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			tok := fullToken()
			tok.Groups = test.groups
			if got := a.Refuses(tok); got != test.want {
				t.Errorf("Refuses(groups %q) = %t, want %t", test.groups, got, test.want)
			}
		})
	}
}

func TestExceptSessionSparesThatSessionOnly(t *testing.T) {
	for _, test := range []struct {
		name, except, origin string
		want                 bool
	}{
		{"the spared session", "mine", "mine", false},
		{"another session", "mine", "other", true},
		{"no session in the token", "mine", "", true},
		{"no exception", "", "mine", true},
		{"neither", "", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := actOn(revocation.KindUser)
			a.Target.ExceptSession = test.except
			tok := fullToken()
			tok.OriginJTI = test.origin
			if got := a.Refuses(tok); got != test.want {
				t.Errorf("except %q: Refuses(origin_jti %q) = %t, want %t", test.except, test.origin, got, test.want)
			}
		})
	}
}

func TestLiftedActsRefuseNothing(t *testing.T) {
	for _, kind := range revocation.Kinds() {
		for state, want := range map[revocation.State]bool{
			revocation.StateOpen: true, revocation.StateConfirmed: true, revocation.StateLifted: false,
		} {
			a := actOn(kind)
			a.State = state
			if got := a.Refuses(fullToken()); got != want {
				t.Errorf("%s act of kind %s: Refuses = %t, want %t", state, kind, got, want)
			}
		}
	}
}
