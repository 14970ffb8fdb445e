package revocation_test

import (
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/acttest"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"pgregory.net/rapid"
)

// A node proves with a witness that it enforces an act, so the witness must be
// refused by any act in force and lie on the edge of what the act covers.
func TestWitnessIsTheLastTokenThatItsActRefuses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := acttest.Act().Draw(t, "act")
		tok := a.Witness()
		if got, want := a.Refuses(tok), a.State != revocation.StateLifted; got != want {
			t.Errorf("%s act refuses its witness %+v: %t, want %t", a.State, tok, got, want)
		}
		if !a.Target.Kind.HasCutoff() {
			return
		}
		tok.IssuedAt, tok.AuthTime = tok.IssuedAt+1, tok.AuthTime+1
		if a.Refuses(tok) {
			t.Errorf("act %+v refuses %+v, a second after its cutoff", a, tok)
		}
	})
}

// The witness names nothing but the target, so that an act on another claim
// can't answer for it. An act on the pool covers every token without times.
func TestWitnessIsRefusedByNoActOnAnotherClaim(t *testing.T) {
	for _, kind := range revocation.Kinds() {
		for _, other := range revocation.Kinds() {
			want := other == kind || other == revocation.KindPool
			if got := actOn(other).Refuses(actOn(kind).Witness()); got != want {
				t.Errorf("act of kind %s refuses the witness of kind %s: %t, want %t", other, kind, got, want)
			}
		}
	}
}
