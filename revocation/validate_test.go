package revocation_test

import (
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

func TestValidateAcceptsTheLimits(t *testing.T) {
	longest := strings.Repeat("x", revocation.MaxIDLength)
	for name, edit := range map[string]func(*revocation.Act){
		"as is": func(*revocation.Act) {},
		"longest ids": func(a *revocation.Act) {
			a.Target.Pool, a.Target.ID, a.Target.ExceptSession = longest, longest, longest
		},
		"confirmed":      func(a *revocation.Act) { a.State = revocation.StateConfirmed },
		"lifted":         func(a *revocation.Act) { a.State = revocation.StateLifted },
		"first second":   func(a *revocation.Act) { a.Cutoff, a.ExpiresAt = 1, 1 },
		"last second":    func(a *revocation.Act) { a.Cutoff, a.ExpiresAt = 1<<33-1, 1<<33-1 },
		"spaces and ñ":   func(a *revocation.Act) { a.Target.ID = "a b\u00a0ñ\U0001f512" },
		"except session": func(a *revocation.Act) { a.Target.ExceptSession = "s" },
	} {
		a := actOn(revocation.KindUser)
		edit(&a)
		if err := a.Validate(); err != nil {
			t.Errorf("%s: Validate = %v, want nil", name, err)
		}
	}
	for _, kind := range revocation.Kinds() {
		if err := actOn(kind).Validate(); err != nil {
			t.Errorf("kind %s: Validate = %v, want nil", kind, err)
		}
	}
}

func TestValidateNamesTheField(t *testing.T) {
	type act = revocation.Act
	for _, test := range []struct {
		name string
		kind revocation.Kind
		edit func(*act)
		want string // part of the error
	}{
		{"no id", revocation.KindUser, func(a *act) { a.ID = revocation.ActID{} }, "act without id"},
		{"no state", revocation.KindUser, func(a *act) { a.State = 0 }, "unknown state 0"},
		{"later state", revocation.KindUser, func(a *act) { a.State = 4 }, "unknown state 4"},
		{"no expiry", revocation.KindUser, func(a *act) { a.ExpiresAt = 0 }, "expiry 0"},
		{"expiry before 1970", revocation.KindUser, func(a *act) { a.ExpiresAt = -1 }, "expiry -1"},
		{"expiry in milliseconds", revocation.KindUser, func(a *act) { a.ExpiresAt = end * 1000 }, "expiry 1700086400000"},
		{"expiry at the bound", revocation.KindUser, func(a *act) { a.ExpiresAt = 1 << 33 }, "expiry 8589934592"},
		{"no kind", revocation.KindUser, func(a *act) { a.Target.Kind = 0 }, "unknown kind 0"},
		{"later kind", revocation.KindUser, func(a *act) { a.Target.Kind = 8 }, "unknown kind 8"},
		{"no pool", revocation.KindUser, func(a *act) { a.Target.Pool = "" }, "pool is empty"},
		{"no pool, kind pool", revocation.KindPool, func(a *act) { a.Target.Pool = "" }, "pool is empty"},
		{"no target id", revocation.KindUser, func(a *act) { a.Target.ID = "" }, "id is empty"},
		{"id with kind pool", revocation.KindPool, func(a *act) { a.Target.ID = "x" }, "kind pool takes no id"},
		{"long pool", revocation.KindUser, func(a *act) { a.Target.Pool = strings.Repeat("x", 257) }, "pool is 257 bytes long"},
		{"long id", revocation.KindUser, func(a *act) { a.Target.ID = strings.Repeat("é", 129) }, "id is 258 bytes long"},
		{"NUL", revocation.KindUser, func(a *act) { a.Target.ID = "ab\x00" }, "id has a control character at byte 2"},
		{"newline", revocation.KindUser, func(a *act) { a.Target.Pool = "\n" }, "pool has a control character at byte 0"},
		{"unit separator", revocation.KindUser, func(a *act) { a.Target.ID = "\x1f" }, "id has a control character"},
		{"delete", revocation.KindUser, func(a *act) { a.Target.ID = "a\x7f" }, "id has a control character at byte 1"},
		{"C1 control", revocation.KindUser, func(a *act) { a.Target.ID = "é\u009b31m" }, "id has a control character at byte 2"},
		{"not UTF-8", revocation.KindUser, func(a *act) { a.Target.ID = "\xff" }, "id is not UTF-8"},
		{"except on a session", revocation.KindSession, func(a *act) { a.Target.ExceptSession = "s" }, "except_session goes with kind user only"},
		{"except on a pool", revocation.KindPool, func(a *act) { a.Target.ExceptSession = "s" }, "except_session goes with kind user only"},
		{"control in except", revocation.KindUser, func(a *act) { a.Target.ExceptSession = "\t" }, "except_session has a control character"},
		{"cutoff on a token", revocation.KindToken, func(a *act) { a.Cutoff = 1 }, "kind token has no cutoff"},
		{"basis on a session", revocation.KindSession, func(a *act) { a.Basis = revocation.BasisToken }, "kind session has no cutoff"},
		{"no basis", revocation.KindGroup, func(a *act) { a.Basis = revocation.BasisNone }, "unknown basis 0"},
		{"later basis", revocation.KindGroup, func(a *act) { a.Basis = 3 }, "unknown basis 3"},
		{"token basis on a user", revocation.KindUser, func(a *act) { a.Basis = revocation.BasisToken }, "session basis only"},
		{"no cutoff", revocation.KindClient, func(a *act) { a.Cutoff = 0 }, "cutoff 0"},
		{"cutoff before 1970", revocation.KindClient, func(a *act) { a.Cutoff = -5 }, "cutoff -5"},
		{"cutoff at the bound", revocation.KindPool, func(a *act) { a.Cutoff = 1 << 33 }, "cutoff 8589934592"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := actOn(test.kind)
			test.edit(&a)
			err := a.Validate()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Validate of %+v = %v, want an error with %q", a, err, test.want)
			}
		})
	}
}
