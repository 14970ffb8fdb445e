package revocation_test

import (
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

func TestMergeTakesTheHigherStateThenTheLargerExpiry(t *testing.T) {
	const open, confirmed, lifted = revocation.StateOpen, revocation.StateConfirmed, revocation.StateLifted
	type copyOf struct {
		state revocation.State
		end   int64
	}
	for _, test := range []struct {
		name       string
		a, b, want copyOf
	}{
		{"extension", copyOf{open, 10}, copyOf{open, 20}, copyOf{open, 20}},
		{"late first copy", copyOf{open, 20}, copyOf{open, 10}, copyOf{open, 20}},
		{"confirmed with a later end", copyOf{open, 10}, copyOf{confirmed, 20}, copyOf{confirmed, 20}},
		{"confirmed with an earlier end", copyOf{open, 20}, copyOf{confirmed, 10}, copyOf{confirmed, 10}},
		{"confirmed twice", copyOf{confirmed, 10}, copyOf{confirmed, 20}, copyOf{confirmed, 20}},
		{"extension after confirmation", copyOf{confirmed, 10}, copyOf{open, 20}, copyOf{confirmed, 10}},
		{"lifted while open", copyOf{open, 20}, copyOf{lifted, 10}, copyOf{lifted, 10}},
		{"lifted while confirmed", copyOf{confirmed, 20}, copyOf{lifted, 10}, copyOf{lifted, 10}},
		{"copy after the lift", copyOf{lifted, 10}, copyOf{confirmed, 20}, copyOf{lifted, 10}},
		{"same twice", copyOf{open, 10}, copyOf{open, 10}, copyOf{open, 10}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b, want := actOn(revocation.KindUser), actOn(revocation.KindUser), actOn(revocation.KindUser)
			a.State, a.ExpiresAt = test.a.state, test.a.end
			b.State, b.ExpiresAt = test.b.state, test.b.end
			want.State, want.ExpiresAt = test.want.state, test.want.end
			if got := a.Merge(b); got != want {
				t.Errorf("a.Merge(b) = %+v, want %+v", got, want)
			}
			if got := b.Merge(a); got != want {
				t.Errorf("b.Merge(a) = %+v, want %+v", got, want)
			}
		})
	}
}

func TestActsEndAfterTheirLeeway(t *testing.T) {
	const leeway = 300 // seconds; what nodes and message TTLs are told of MaxLeeway
	for now, want := range map[int64]bool{
		0:                false,
		end - 1:          false,
		end:              false,
		end + 1:          false,
		end + leeway - 1: false,
		end + leeway:     true,
		end + leeway + 1: true,
		1<<33 + leeway:   true,
	} {
		if got := actOn(revocation.KindToken).Expired(now); got != want {
			t.Errorf("Expired %d seconds after its expiry = %t, want %t", now-end, got, want)
		}
	}
}

func TestParseActIDReadsWhatStringWrites(t *testing.T) {
	for _, id := range []revocation.ActID{{}, {0: 1}, {15: 0xff}, actID, revocation.NewActID()} {
		got, err := revocation.ParseActID(id.String())
		if err != nil || got != id {
			t.Errorf("ParseActID(%q) = %v, %v", id.String(), got, err)
		}
	}
	if got := actID.String(); got != "a100000000000000000000000000001a" {
		t.Errorf("String of %v = %q", [16]byte(actID), got)
	}
}

func TestParseActIDRefusesOtherSpellings(t *testing.T) {
	for _, s := range []string{
		"",
		strings.Repeat("0", 31),
		strings.Repeat("0", 33),
		strings.Repeat("0", 64),
		strings.Repeat("A", 32), // one id, one spelling
		strings.Repeat("g", 32),
		strings.Repeat("é", 16),
		" " + strings.Repeat("0", 31),
		"0x" + strings.Repeat("0", 30),
		"a1000000-0000-0000-0000-00000000",
	} {
		if id, err := revocation.ParseActID(s); err == nil || !id.IsZero() {
			t.Errorf("ParseActID(%q) = %v, %v, want the zero id and an error", s, id, err)
		}
	}
}

// A token pasted where an id belongs must not reach a log through the error.
func TestParseActIDErrorKeepsTheInputSecret(t *testing.T) {
	if _, err := revocation.ParseActID("eyJhbGciOi.secret.token"); strings.Contains(err.Error(), "secret") {
		t.Errorf("error repeats its input: %v", err)
	}
}

func TestNewActIDsDiffer(t *testing.T) {
	seen := make(map[revocation.ActID]bool)
	for range 1000 {
		id := revocation.NewActID()
		if id.IsZero() || seen[id] {
			t.Fatalf("NewActID returned %v after %d ids", id, len(seen))
		}
		seen[id] = true
	}
}
