package revocation_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Names and numbers are in the API, in metrics and on the wire: no test may be
// changed to make a change of them pass.
func TestStableNamesAndNumbers(t *testing.T) {
	names := map[string]string{}
	for n := range uint8(9) {
		names["kind "+string('0'+rune(n))] = revocation.Kind(n).String()
	}
	for n := range uint8(5) {
		names["state "+string('0'+rune(n))] = revocation.State(n).String()
	}
	for n := range uint8(4) {
		names["basis "+string('0'+rune(n))] = revocation.Basis(n).String()
	}
	want := map[string]string{
		"kind 0": "kind(0)", "kind 1": "token", "kind 2": "session", "kind 3": "user", "kind 4": "client",
		"kind 5": "group", "kind 6": "device", "kind 7": "pool", "kind 8": "kind(8)",
		"state 0": "state(0)", "state 1": "open", "state 2": "confirmed", "state 3": "lifted", "state 4": "state(4)",
		"basis 0": "none", "basis 1": "session", "basis 2": "token", "basis 3": "basis(3)",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if revocation.MaxLeeway != 5*time.Minute {
		t.Errorf("MaxLeeway = %v; nodes of two versions must agree on 5m0s", revocation.MaxLeeway)
	}
}

func TestKindsAreAllTheValidOnes(t *testing.T) {
	var valid []revocation.Kind
	for n := range 256 {
		if k := revocation.Kind(n); k.Valid() {
			valid = append(valid, k)
		}
	}
	if diff := cmp.Diff(valid, revocation.Kinds()); diff != "" {
		t.Errorf("Kinds (-valid +listed):\n%s", diff)
	}
}

func TestParseKindReadsStableNamesOnly(t *testing.T) {
	for _, k := range revocation.Kinds() {
		if got, err := revocation.ParseKind(k.String()); err != nil || got != k {
			t.Errorf("ParseKind(%q) = %v, %v", k.String(), got, err)
		}
	}
	for _, name := range []string{"", "Token", "users", "kind(1)", "1"} {
		if got, err := revocation.ParseKind(name); err == nil || got != 0 {
			t.Errorf("ParseKind(%q) = %v, %v, want 0 and an error", name, got, err)
		} else if !strings.Contains(err.Error(), "session") {
			t.Errorf("ParseKind(%q) does not list the kinds: %v", name, err)
		}
	}
}

func TestRevokedErrorNamesTheAct(t *testing.T) {
	var err error = &revocation.RevokedError{Act: actID, Kind: revocation.KindSession}
	if !errors.Is(err, revocation.ErrRevoked) || errors.Is(err, revocation.ErrStale) {
		t.Errorf("%v must wrap ErrRevoked and no other", err)
	}
	const want = "revocation: token revoked by session act a100000000000000000000000000001a"
	if err.Error() != want {
		t.Errorf("Error = %q, want %q", err, want)
	}
}
