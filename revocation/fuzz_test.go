package revocation_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "wire", "*", "*.hex"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden files as seeds: %v", err)
	}
	for _, file := range files {
		f.Add(readGolden(f, file))
	}
	f.Add(raw().message(2, rawAct().num(1, 2)).num(99, 1).bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := revocation.Decode(b)
		if err != nil {
			if !errors.Is(err, revocation.ErrWire) || !reflect.DeepEqual(m, revocation.Message{}) { //nolint:govet // Unread is nil on both sides, and has the errors
				t.Fatalf("Decode = %+v, %v, want the zero message and ErrWire", m, err)
			}
			return
		}
		for _, u := range m.Unread {
			if u.Err == nil || u.ExpiresAt < 0 || u.ExpiresAt >= 1<<33 {
				t.Fatalf("unread act without error or with an absurd expiry: %+v", u)
			}
		}
		for _, a := range m.Acts {
			if err := a.Validate(); err != nil {
				t.Fatalf("Decode returned an invalid act: %v", err)
			}
		}
		m.Unread = nil
		if reflect.DeepEqual(m, revocation.Message{}) { //nolint:govet // Unread is nil on both sides, and has the errors
			return // nothing but what later versions understand
		}
		again, err := revocation.Decode(m.Encode())
		if err != nil || !reflect.DeepEqual(m, again) { //nolint:govet // Unread is nil on both sides, and has the errors
			t.Fatalf("Decode(Encode(%+v)) = %+v, %v", m, again, err)
		}
	})
}

func FuzzTokenFromClaims(f *testing.F) {
	f.Add([]byte(accessJSON))
	f.Add([]byte(idJSON))
	f.Add([]byte(`{"iss":"i","sub":"s","token_use":"id","aud":["c"],"iat":1e9,"exp":1.5,"auth_time":-1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var claims map[string]any
		if json.Unmarshal(b, &claims) != nil {
			return
		}
		tok, err := checkedToken(t, claims)
		dec := json.NewDecoder(strings.NewReader(string(b)))
		dec.UseNumber()
		if derr := dec.Decode(&claims); derr != nil {
			t.Fatalf("decoding a second time: %v", derr)
		}
		// 1e9 is a whole number as a float64 only; what both accept is equal.
		if numTok, numErr := checkedToken(t, claims); err == nil && numErr == nil && !reflect.DeepEqual(tok, numTok) {
			t.Fatalf("as float64 %+v, as json.Number %+v", tok, numTok)
		}
	})
}

// checkedToken checks what holds for every result of TokenFromClaims.
func checkedToken(t *testing.T, claims map[string]any) (revocation.Token, error) {
	t.Helper()
	tok, err := revocation.TokenFromClaims(claims, revocation.Issuer{URL: "i", Pool: "p"})
	if err != nil {
		if !errors.Is(err, revocation.ErrMalformed) || !reflect.DeepEqual(tok, revocation.Token{}) {
			t.Fatalf("TokenFromClaims = %+v, %v, want the zero token and ErrMalformed", tok, err)
		}
		return tok, err
	}
	if tok.Pool == "" || tok.Subject != claims["sub"] || tok.Subject == "" {
		t.Fatalf("token without pool or subject: %+v of %v", tok, claims)
	}
	for claim, get := range dateClaims {
		_, present := claims[claim]
		if sec := get(tok); sec < 0 || sec >= 1<<33 || present != (sec != 0) {
			t.Fatalf("%s = %v is read as %d", claim, claims[claim], sec)
		}
	}
	return tok, nil
}

func FuzzPoolFromIssuer(f *testing.F) {
	f.Add(issuer)
	f.Add("https://issuer-cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_A")
	f.Add("https://cognito-idp.eu-west-1.amazonaws.com@evil.com/eu-west-1_A")
	f.Fuzz(func(t *testing.T, iss string) {
		pool, err := revocation.PoolFromIssuer(iss)
		if err != nil {
			if !errors.Is(err, revocation.ErrMalformed) || pool != "" {
				t.Fatalf("PoolFromIssuer(%q) = %q, %v, want nothing and ErrMalformed", iss, pool, err)
			}
			return
		}
		// Build the issuers that a pool can have and look for iss among them.
		for at := range pool {
			region := pool[:at]
			suffix := ".amazonaws.com/"
			if strings.HasPrefix(region, "cn-") {
				suffix = ".amazonaws.com.cn/"
			}
			host := "cognito-idp." + region + suffix + pool
			if pool[at] == '_' && (iss == "https://"+host || iss == "https://issuer-"+host) {
				return
			}
		}
		t.Fatalf("PoolFromIssuer(%q) = %q, which is not an issuer of that pool", iss, pool)
	})
}

func FuzzParseActID(f *testing.F) {
	f.Add(actID.String())
	f.Add(strings.ToUpper(actID.String()))
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		switch id, err := revocation.ParseActID(s); {
		case err != nil && !id.IsZero():
			t.Fatalf("ParseActID(%q) = %v with error %v", s, id, err)
		case err == nil && id.String() != s:
			t.Fatalf("ParseActID(%q) = %v, a second spelling", s, id)
		}
	})
}
