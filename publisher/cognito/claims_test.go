package cognito

import (
	"encoding/base64"
	"testing"
	"time"
)

func jwt(payload string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".sig"
}

func TestPeek(t *testing.T) {
	for token, want := range map[string]claims{
		jwt(`{"exp":10,"scope":"a b"}`):     {Exp: 10, Scope: "a b"},
		jwt(`{"exp":10,"sub":"x"}`):         {Exp: 10},
		jwt(`{"exp":0}`):                    {},
		jwt(`{"exp":-1}`):                   {},
		jwt(`{"exp":1.5}`):                  {},
		jwt(`{"exp":"10"}`):                 {},
		jwt(`{"exp":10,"scope":["a"]}`):     {},
		jwt(`{"exp":99999999999999999999}`): {},
		jwt(`null`):                         {},
		jwt(`{"exp":10} x`):                 {},
		"":                                  {},
		"..":                                {},
		jwt(`{"exp":10}`) + ".x":            {},
	} {
		got, ok := peek(token)
		if got != want || ok != (want.Exp != 0) {
			t.Errorf("peek(%q) = %+v, %t, want %+v", token, got, ok, want)
		}
	}
}

func TestClaimsLast(t *testing.T) {
	now := time.Unix(1000, 0)
	for exp, want := range map[int64]bool{999: false, 1002: false, 1003: true, 1 << 62: true} {
		if got := (claims{Exp: exp}).lasts(now); got != want {
			t.Errorf("token with exp %d lasts at 1000: %t, want %t", exp, got, want)
		}
	}
	if (claims{Scope: "openid.x profile"}).hasScope("openid") {
		t.Errorf("a scope is found within another")
	}
}

func FuzzPeek(f *testing.F) {
	f.Add(jwt(`{"exp":10,"scope":"a b"}`))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		if got, ok := peek(token); ok != (got != claims{}) || ok && got.Exp <= 0 {
			t.Errorf("peek(%q) = %+v, %t", token, got, ok)
		}
	})
}
