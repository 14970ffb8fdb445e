package revocation_test

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const issuer = "https://cognito-idp.eu-west-1.amazonaws.com/" + pool

// The payloads as Cognito mints them, shortened to what is read and a few
// claims that are not.
const (
	accessJSON = `{
		"sub": "the-sub", "device_key": "the-device", "cognito:groups": ["first", "second"],
		"iss": "` + issuer + `", "client_id": "the-client", "origin_jti": "the-origin",
		"event_id": "e", "token_use": "access", "scope": "openid email",
		"auth_time": 1700000000, "exp": 1700086400, "iat": 1700000000,
		"jti": "the-jti", "username": "u", "version": 2}`
	idJSON = `{
		"sub": "the-sub", "cognito:groups": ["first", "second"], "email_verified": true,
		"iss": "` + issuer + `", "aud": "the-client", "origin_jti": "the-origin",
		"event_id": "e", "token_use": "id", "device_key": "not read from ID tokens",
		"auth_time": 1700000000, "exp": 1700086400, "iat": 1700000000,
		"jti": "the-jti", "cognito:username": "u", "email": "u@example.com"}`
)

// decodeClaims decodes as golang-jwt and encoding/json do by default: numbers
// are float64, lists []any.
func decodeClaims(t testing.TB, s string) map[string]any {
	t.Helper()
	var claims map[string]any
	if err := json.Unmarshal([]byte(s), &claims); err != nil {
		t.Fatalf("decoding test claims: %v", err)
	}
	return claims
}

// with returns a copy of claims in which one claim is v.
func with(claims map[string]any, claim string, v any) map[string]any {
	claims = maps.Clone(claims)
	claims[claim] = v
	return claims
}

// without returns a copy of claims that lacks one claim.
func without(claims map[string]any, claim string) map[string]any {
	claims = maps.Clone(claims)
	delete(claims, claim)
	return claims
}

func TestTokenFromClaimsReadsWhatEachLibraryDelivers(t *testing.T) {
	access, id := fullToken(), fullToken()
	id.DeviceKey = "" // ID tokens have none

	useNumber := func(s string) map[string]any {
		dec := json.NewDecoder(strings.NewReader(s))
		dec.UseNumber()
		var claims map[string]any
		if err := dec.Decode(&claims); err != nil {
			t.Fatal(err)
		}
		return claims
	}
	// jwx types the registered claims and leaves auth_time a float64.
	jwx := func(s string) map[string]any {
		claims := decodeClaims(t, s)
		claims["iat"] = time.Unix(1700000000, 0).UTC()
		claims["exp"] = time.Unix(1700086400, 0).In(time.FixedZone("", 7200))
		claims["aud"] = []string{"the-client"}
		return claims
	}
	// A gateway, or code that built the claims itself.
	typed := func(s string) map[string]any {
		claims := decodeClaims(t, s)
		claims["iat"], claims["auth_time"], claims["exp"] = int64(1700000000), int(1700000000), uint64(1700086400)
		claims["cognito:groups"] = []string{"first", "second"}
		return claims
	}
	narrow := func(s string) map[string]any {
		claims := decodeClaims(t, s)
		claims["iat"], claims["auth_time"], claims["exp"] = int32(1700000000), uint32(1700000000), uint(1700086400)
		return claims
	}
	for _, test := range []struct {
		name   string
		claims map[string]any
		want   revocation.Token
	}{
		{"golang-jwt access", decodeClaims(t, accessJSON), access},
		{"golang-jwt id", decodeClaims(t, idJSON), id},
		{"UseNumber access", useNumber(accessJSON), access},
		{"UseNumber id", useNumber(idJSON), id},
		{"jwx access", jwx(accessJSON), access},
		{"jwx id", jwx(idJSON), id},
		{"typed access", typed(accessJSON), access},
		{"narrow integers access", narrow(accessJSON), access},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := revocation.TokenFromClaims(test.claims)
			if err != nil {
				t.Fatalf("TokenFromClaims(%v): %v", test.claims, err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("TokenFromClaims(%v) (-want +got):\n%s", test.claims, diff)
			}
		})
	}
}

func TestOptionalClaimsMayBeAbsent(t *testing.T) {
	claims := decodeClaims(t, `{"iss": "`+issuer+`", "sub": "the-sub", "token_use": "access"}`)
	want := revocation.Token{Pool: pool, Subject: "the-sub"}
	got, err := revocation.TokenFromClaims(claims)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("TokenFromClaims(%v): %v (-want +got):\n%s", claims, err, diff)
	}
	got, err = revocation.TokenFromClaims(with(claims, "token_use", "id"))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("TokenFromClaims of an ID token without aud: %v (-want +got):\n%s", err, diff)
	}
}

func TestRequiredClaimsMustBePresentAndNotEmpty(t *testing.T) {
	for _, claim := range []string{"iss", "sub", "token_use"} {
		for _, payload := range []string{accessJSON, idJSON} {
			claims := decodeClaims(t, payload)
			refuseClaims(t, without(claims, claim), claim)
			refuseClaims(t, with(claims, claim, ""), claim)
		}
	}
	refuseClaims(t, nil, "sub")
}

// refuseClaims checks that claims are malformed and that the error names claim.
func refuseClaims(t *testing.T, claims map[string]any, claim string) {
	t.Helper()
	tok, err := revocation.TokenFromClaims(claims)
	if !errors.Is(err, revocation.ErrMalformed) || !strings.Contains(err.Error(), claim+" ") {
		t.Errorf("TokenFromClaims with %s = %#v: error %v, want ErrMalformed that names it", claim, claims[claim], err)
	}
	if diff := cmp.Diff(revocation.Token{}, tok); diff != "" {
		t.Errorf("TokenFromClaims with %s = %#v returns a token with its error:\n%s", claim, claims[claim], diff)
	}
}

func TestMistypedClaimsAreMalformed(t *testing.T) {
	access, id := decodeClaims(t, accessJSON), decodeClaims(t, idJSON)
	notText := []any{nil, 1.0, true, []any{"the-sub"}, []string{"the-sub"}, map[string]any{}, json.Number("1"), []byte("the-sub"), time.Time{}}
	for _, claim := range []string{"iss", "sub", "token_use", "jti", "origin_jti", "client_id", "device_key"} {
		for _, v := range notText {
			refuseClaims(t, with(access, claim, v), claim)
		}
	}
	notList := []any{nil, "first", "", 1.0, true, map[string]any{"first": true}, []any{"first", 2.0}, []any{nil}, []any{[]any{"first"}}, []int{1}}
	for _, v := range notList {
		refuseClaims(t, with(access, "cognito:groups", v), "cognito:groups")
	}
	for _, v := range []any{nil, 1.0, true, map[string]any{}, []any{1.0}, []any{"the-client", "other"}, []string{"the-client", "other"}} {
		refuseClaims(t, with(id, "aud", v), "aud")
	}
	for _, use := range []string{"refresh", "Access", "id ", "access id"} {
		refuseClaims(t, with(access, "token_use", use), "token_use")
	}
}

// What one kind of token names its client by must not be read from the other.
func TestClientIsReadFromTheClaimOfTheTokenUse(t *testing.T) {
	access := with(decodeClaims(t, accessJSON), "aud", "resource-server")
	id := with(decodeClaims(t, idJSON), "client_id", "other")
	for name, claims := range map[string]map[string]any{
		"access":                access,
		"access with odd aud":   with(access, "aud", []any{"a", "b"}),
		"id":                    id,
		"id with aud in a list": with(id, "aud", []any{"the-client"}),
	} {
		tok, err := revocation.TokenFromClaims(claims)
		if err != nil || tok.ClientID != "the-client" {
			t.Errorf("%s: ClientID = %q, %v, want the-client", name, tok.ClientID, err)
		}
	}
	for _, aud := range []any{"", []any{}, []string{}} {
		if tok, err := revocation.TokenFromClaims(with(id, "aud", aud)); err != nil || tok.ClientID != "" {
			t.Errorf("aud %#v: ClientID = %q, %v, want none", aud, tok.ClientID, err)
		}
	}
}

func TestTokenFromClaimsKeepsNothingOfItsArgument(t *testing.T) {
	groups := []string{"first", "second"}
	claims := with(decodeClaims(t, accessJSON), "cognito:groups", groups)
	tok, err := revocation.TokenFromClaims(claims)
	if err != nil {
		t.Fatal(err)
	}
	groups[0] = "overwritten"
	clear(claims)
	if diff := cmp.Diff(fullToken(), tok); diff != "" {
		t.Errorf("token changed with the claims (-want +got):\n%s", diff)
	}
}
