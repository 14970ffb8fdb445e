package validator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

func TestVerified(t *testing.T) {
	cfg := config()
	cfg.Pools[0].TokenUses = []validator.TokenUse{validator.AccessToken, validator.IDToken}
	v := open(t, cfg)
	c := claims(map[string]any{"custom": map[string]any{"list": []any{1, "x"}}, "nothing": json.RawMessage("null")})
	tok := want(t, v, mint(keyA(), "a", c), validator.ReasonOK)

	if tok.Use() != validator.AccessToken || tok.Username() != "jane" || !tok.ExpiresAt().Equal(time.Unix(c["exp"].(int64), 0)) {
		t.Errorf("Use %q, Username %q, ExpiresAt %v", tok.Use(), tok.Username(), tok.ExpiresAt())
	}
	if diff := cmp.Diff([]string{"openid", "orders/read"}, tok.Scopes()); diff != "" {
		t.Errorf("Scopes (-want +got):\n%s", diff)
	}
	if !tok.HasScope("openid") || tok.HasScope("open") || tok.HasScope("") {
		t.Error("HasScope does not agree with the scope claim")
	}
	if err := tok.RequireScopes("orders/read", "openid"); err != nil {
		t.Errorf("RequireScopes = %v", err)
	}
	err := tok.RequireScopes("openid", "orders/write")
	if got, ok := errors.AsType[*validator.ScopeError](err); !ok || !cmp.Equal(got.Scopes, []string{"openid", "orders/write"}) || !errors.Is(err, validator.ErrInsufficientScope) {
		t.Errorf("RequireScopes = %v, want a ScopeError with what was asked", err)
	}
	if tok.Unenforced() != nil {
		t.Errorf("Unenforced = %v", tok.Unenforced())
	}

	// What is handed out may be changed without changing the token.
	for range 2 {
		value, present := tok.Claim("custom")
		expect := map[string]any{"list": []any{json.Number("1"), "x"}}
		if diff := cmp.Diff(any(expect), value); diff != "" || !present {
			t.Fatalf("Claim (-want +got):\n%s", diff)
		}
		value.(map[string]any)["list"].([]any)[0] = "changed"
		value.(map[string]any)["more"] = "changed"
		tok.Scopes()[0] = "changed"
		got := tok.Token()
		if diff := cmp.Diff([]string{"staff", "night"}, got.Groups); diff != "" {
			t.Fatalf("Groups (-want +got):\n%s", diff)
		}
		got.Groups[0] = "changed"
		if tok.Scopes()[0] != "openid" {
			t.Fatalf("Scopes = %q", tok.Scopes())
		}
	}
	if value, present := tok.Claim("exp"); value != json.Number(fmt.Sprint(c["exp"])) || !present {
		t.Errorf("Claim(exp) = %v, %v", value, present)
	}
	if value, present := tok.Claim("nothing"); value != nil || !present {
		t.Errorf("Claim of null = %v, %v", value, present)
	}
	if value, present := tok.Claim("missing"); value != nil || present {
		t.Errorf("Claim of nothing = %v, %v", value, present)
	}

	id := want(t, v, mint(keyA(), "a", idClaims(nil)), validator.ReasonOK)
	if id.Use() != validator.IDToken || id.Username() != "jane-id" || len(id.Scopes()) != 0 || id.HasScope("") || id.Token().ClientID != clientID {
		t.Errorf("ID token: Use %q, Username %q, Scopes %q, client %q", id.Use(), id.Username(), id.Scopes(), id.Token().ClientID)
	}
	odd := want(t, v, mint(keyA(), "a", claims(map[string]any{"username": 7, "scope": ""})), validator.ReasonOK)
	if odd.Username() != "" || len(odd.Scopes()) != 0 {
		t.Errorf("Username %q, Scopes %q, want none", odd.Username(), odd.Scopes())
	}
}

func TestReasonOf(t *testing.T) {
	revoked := &revocation.RevokedError{Kind: revocation.KindUser}
	for _, test := range []struct {
		err  error
		want validator.Reason
	}{
		{nil, validator.ReasonOK},
		{revoked, validator.ReasonRevoked},
		{errors.Join(revocation.ErrStale, revoked), validator.ReasonRevoked},
		{fmt.Errorf("x: %w", revocation.ErrStale), validator.ReasonStale},
		{&validator.ScopeError{Scopes: []string{"x"}}, validator.ReasonMissingScope},
		{validator.ErrNoKeys, validator.ReasonNoKeys},
		{errors.New("x"), validator.ReasonOther},
		{validator.ErrInvalidToken, validator.ReasonOther},
	} {
		if got := validator.ReasonOf(test.err); got != test.want {
			t.Errorf("ReasonOf(%v) = %v, want %v", test.err, got, test.want)
		}
	}
}

// The names are labels in dashboards: they never change.
func TestReasonNames(t *testing.T) {
	expect := []string{
		"ok", "no_credentials", "invalid_request", "too_large", "malformed", "unsupported_alg", "unknown_key", "no_keys",
		"bad_signature", "bad_claims", "wrong_issuer", "wrong_use", "wrong_client", "expired", "not_yet_valid",
		"missing_scope", "revoked", "stale", "other",
	}
	var got []string
	for i, r := range validator.Reasons() {
		if int(r) != i {
			t.Errorf("Reasons()[%d] = %d", i, r)
		}
		got = append(got, r.String())
	}
	if diff := cmp.Diff(expect, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if got := validator.Reason(len(expect)).String(); got != "reason(19)" {
		t.Errorf("a reason that is none = %q", got)
	}
}

func TestErrorTexts(t *testing.T) {
	v := open(t, config())
	for token, text := range map[string]string{
		"x":                            "validator: token refused as malformed: not three parts of base64url without padding",
		mint(keyB(), "a", claims(nil)): "validator: token refused as bad_signature",
		mint(keyA(), "a", claims(map[string]any{"sub": nil})): "validator: token refused as bad_claims: revocation: malformed claims: sub is missing or empty",
	} {
		if _, err := v.Validate(t.Context(), token); err == nil || err.Error() != text {
			t.Errorf("error %q, want %q", err, text)
		}
	}
	for _, test := range []struct {
		err  validator.ScopeError
		text string
	}{
		{validator.ScopeError{Scopes: []string{"a", "b"}}, `validator: insufficient scope: needs ["a" "b"]`},
		{validator.ScopeError{}, "validator: insufficient scope: not a member of an allowed group"},
	} {
		if got := test.err.Error(); got != test.text {
			t.Errorf("error %q, want %q", got, test.text)
		}
	}
}
