package acttest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/seed-4e8dee1b/revoked/internal/acttest"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"pgregory.net/rapid"
)

// Tests that use the package rely on what its doc comment promises of acts.
func TestGeneratedActsAreValidAndEqualIDsMeanCopiesOfOneAct(t *testing.T) {
	changing := cmpopts.IgnoreFields(revocation.Act{}, "State", "ExpiresAt")
	seen := make(map[revocation.ActID]revocation.Act)
	copies := 0
	rapid.Check(t, func(t *rapid.T) {
		for _, a := range acttest.History().Draw(t, "history") {
			if err := a.Validate(); err != nil {
				t.Fatalf("History drew an invalid act %+v: %v", a, err)
			}
			before, ok := seen[a.ID]
			if diff := cmp.Diff(before, a, changing); ok && diff != "" {
				t.Fatalf("two acts with one id (-first +second):\n%s", diff)
			}
			if ok && before != a {
				copies++
			}
			seen[a.ID] = a
		}
	})
	if copies == 0 && len(seen) > 100 { // less says nothing: -rapid.checks is small
		t.Error("no history had two different copies of one act")
	}
}

// A property that compares refusals proves little if refusals are rare.
func TestGeneratedHistoriesRefuseGeneratedTokens(t *testing.T) {
	verdicts, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var m acttest.Model
		for _, a := range acttest.History().Draw(t, "history") {
			m.Apply(a)
		}
		for range 10 {
			tok, now := acttest.Token().Draw(t, "tok"), acttest.Now().Draw(t, "now")
			verdicts++
			if len(m.Refuses(tok, now)) > 0 {
				refused++
			}
		}
	})
	if verdicts < 1000 {
		t.Skipf("%d cases say nothing", verdicts)
	}
	t.Logf("%d of %d tokens are refused", refused, verdicts)
	if refused*20 < verdicts || refused*20 > verdicts*19 {
		t.Errorf("%d of %d tokens are refused, want between 5%% and 95%%", refused, verdicts)
	}
}

func TestModelForgetsOnlyWhatHasEnded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m acttest.Model
		for _, a := range acttest.History().Draw(t, "history") {
			m.Apply(a)
		}
		tok, now := acttest.Token().Draw(t, "tok"), acttest.Now().Draw(t, "now")
		before := m.Refuses(tok, now)
		m.Prune(now)
		if diff := cmp.Diff(before, m.Refuses(tok, now), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("Prune(%d) changed the refusals at %d (-before +after):\n%s", now, now, diff)
		}
		for id, a := range m.Acts() {
			if a.State != revocation.StateLifted && a.Expired(now) {
				t.Fatalf("act %s, expired at %d, is kept by Prune", id, now)
			}
		}
	})
}

// The lift of an act must outlive every copy of it that may be replayed.
func TestModelKeepsLiftedActsUntilTheirLastCopyHasEnded(t *testing.T) {
	const end = acttest.Epoch + 100
	a := revocation.Act{
		ID: revocation.ActID{1}, State: revocation.StateOpen, ExpiresAt: end,
		Target: revocation.Target{Kind: revocation.KindToken, Pool: "p", ID: "a"},
	}
	lift := a
	lift.State, lift.ExpiresAt = revocation.StateLifted, acttest.Epoch
	for now, want := range map[int64]int{
		acttest.Epoch + 300: 0, // the lift alone has ended
		end + 299:           0,
		end + 300:           1, // so has the act, and what comes later is new
	} {
		var m acttest.Model
		m.Apply(a)
		m.Apply(lift)
		m.Prune(now)
		m.Apply(a)
		if got := m.Refuses(revocation.Token{Pool: "p", JTI: "a"}, end); len(got) != want {
			t.Errorf("copy after Prune(%d): refused by %v, want %d acts", now, got, want)
		}
	}
}
