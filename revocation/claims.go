package revocation

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Issuer maps a further issuer URL to a user pool, for emulators and proxies.
// The two issuers of a real pool are known without it.
type Issuer struct {
	URL  string // compared byte for byte with iss
	Pool string
}

// TokenFromClaims reads a [Token] from the verified claims of a Cognito access
// or ID token, as golang-jwt, jwx, a gateway or encoding/json deliver them:
// numbers may be float64, json.Number, int, int32, int64, their unsigned forms
// or time.Time; lists may be []string or []any.
//
// It must be called after the signature was verified, and every error must
// refuse the token: each wraps [ErrMalformed] and names the claim. The claims
// iss, sub and token_use are required (the Cognito Developer Guide, "Verifying
// JSON web tokens"); the others may be absent but not mistyped. No size of the
// input makes it panic, and claims is neither kept nor changed.
func TokenFromClaims(claims map[string]any, issuers ...Issuer) (Token, error) {
	r := claimReader{claims: claims}
	tok := Token{
		JTI:       r.text("jti"),
		OriginJTI: r.text("origin_jti"),
		Subject:   r.required("sub"),
		Groups:    r.list("cognito:groups"),
		IssuedAt:  r.date("iat"),
		AuthTime:  r.date("auth_time"),
		ExpiresAt: r.date("exp"),
	}
	iss := r.required("iss")
	switch use := r.required("token_use"); use {
	case "access":
		tok.ClientID = r.text("client_id")
		tok.DeviceKey = r.text("device_key")
	case "id":
		tok.ClientID = r.audience()
	default:
		r.fail("token_use", `is neither "access" nor "id"`)
	}
	if r.err != nil {
		return Token{}, r.err
	}
	pool, err := PoolFromIssuer(iss, issuers...)
	if err != nil {
		return Token{}, err
	}
	tok.Pool = pool
	return tok, nil
}

// PoolFromIssuer returns the user pool that an iss claim names: one of the two
// issuers of a real pool, https://cognito-idp.<region>.amazonaws.com/<pool>
// and https://issuer-cognito-idp.<region>.amazonaws.com/<pool>, or one of
// issuers, which win. China's Regions have the suffix .cn. An Issuer without
// URL or pool maps nothing. The error wraps [ErrMalformed].
func PoolFromIssuer(iss string, issuers ...Issuer) (string, error) {
	for _, known := range issuers {
		if iss == known.URL && iss != "" && known.Pool != "" {
			return known.Pool, nil
		}
	}
	rest, ok := strings.CutPrefix(iss, "https://")
	if !ok {
		return "", fmt.Errorf("%w: iss is not an issuer of a user pool", ErrMalformed)
	}
	host, pool, _ := strings.Cut(rest, "/")
	host = strings.TrimPrefix(host, "issuer-")
	region, ok := strings.CutPrefix(host, "cognito-idp.")
	if !ok {
		return "", fmt.Errorf("%w: iss is not an issuer of a user pool", ErrMalformed)
	}
	region, china := strings.CutSuffix(region, ".cn")
	region, ok = strings.CutSuffix(region, ".amazonaws.com")
	ok = ok && china == strings.HasPrefix(region, "cn-")
	// A pool id begins with its Region, so an issuer host of another Region
	// is no issuer of this pool.
	if !ok || region == "" || !strings.HasPrefix(pool, region+"_") || !wellFormedPool(pool) {
		return "", fmt.Errorf("%w: iss is not an issuer of a user pool", ErrMalformed)
	}
	return pool, nil
}

// wellFormedPool reports whether pool has the form of a user pool id,
// [\w-]+_[0-9a-zA-Z]+ of at most 55 characters (Cognito API Reference,
// UserPoolId).
func wellFormedPool(pool string) bool {
	cut := strings.LastIndexByte(pool, '_')
	if cut <= 0 || cut == len(pool)-1 || len(pool) > 55 {
		return false
	}
	for i := range len(pool) {
		c := pool[i]
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alnum && (i > cut || c != '-' && c != '_') {
			return false
		}
	}
	return true
}

// claimReader reads typed claims and keeps the first error.
type claimReader struct {
	claims map[string]any
	err    error
}

func (r *claimReader) fail(claim, problem string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s %s", ErrMalformed, claim, problem)
	}
}

// text returns a claim that must be a string if it is present.
func (r *claimReader) text(claim string) string {
	v, present := r.claims[claim]
	if !present {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		r.fail(claim, "is not a string")
	}
	return s
}

func (r *claimReader) required(claim string) string {
	s := r.text(claim)
	if s == "" {
		r.fail(claim, "is missing or empty")
	}
	return s
}

// audience returns the aud claim, a string or a list of one string (RFC 7519,
// section 4.1.3). Cognito's ID tokens have one audience: the app client.
func (r *claimReader) audience() string {
	if _, single := r.claims["aud"].(string); single {
		return r.text("aud")
	}
	switch list := r.list("aud"); len(list) {
	case 0:
		return ""
	case 1:
		return list[0]
	}
	r.fail("aud", "has more than one element")
	return ""
}

// list returns a claim that must be a list of strings if it is present.
func (r *claimReader) list(claim string) []string {
	v, present := r.claims[claim]
	if !present {
		return nil
	}
	switch v := v.(type) {
	case []string:
		return slices.Clone(v)
	case []any:
		list := make([]string, len(v))
		for i, elem := range v {
			s, ok := elem.(string)
			if !ok {
				r.fail(claim, "has an element that is not a string")
				return nil
			}
			list[i] = s
		}
		return list
	}
	r.fail(claim, "is not a list of strings")
	return nil
}

// date returns a NumericDate claim as whole Unix seconds, 0 if absent. A value
// outside [0, 2^33) or with a fraction is malformed: Cognito mints integers.
func (r *claimReader) date(claim string) int64 {
	v, present := r.claims[claim]
	if !present {
		return 0
	}
	sec, ok := seconds(v)
	if !ok || sec < 0 || sec >= maxSeconds {
		r.fail(claim, "is not a whole number of seconds from 0 to 2^33")
		return 0
	}
	return max(sec, 1)
}

// seconds converts what the usual libraries deliver for a NumericDate.
func seconds(v any) (int64, bool) {
	switch v := v.(type) {
	case float64:
		// Beyond 2^53 a float64 does not count in ones; far below, in range.
		return int64(v), v == math.Trunc(v) && math.Abs(v) < maxSeconds
	case json.Number:
		sec, err := v.Int64()
		return sec, err == nil
	case int64:
		return v, true
	case int:
		return int64(v), true
	case int32:
		return int64(v), true
	case uint:
		return int64(v), uint64(v) < maxSeconds
	case uint32:
		return int64(v), true
	case uint64:
		return int64(v), v < maxSeconds
	case time.Time:
		return v.Unix(), v.Nanosecond() == 0
	}
	return 0, false
}
