package revocation_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

var dateClaims = map[string]func(revocation.Token) int64{
	"iat":       func(tok revocation.Token) int64 { return tok.IssuedAt },
	"auth_time": func(tok revocation.Token) int64 { return tok.AuthTime },
	"exp":       func(tok revocation.Token) int64 { return tok.ExpiresAt },
}

func TestDatesAtTheLimits(t *testing.T) {
	const last = 1<<33 - 1
	for claim, get := range dateClaims {
		claims := decodeClaims(t, accessJSON)
		for _, test := range []struct {
			in   any
			want int64
		}{
			// Present with the value 0 must not become absent: 1970 is before
			// every cutoff.
			{0.0, 1}, {math.Copysign(0, -1), 1}, {0, 1}, {int64(0), 1}, {uint64(0), 1},
			{json.Number("0"), 1}, {time.Unix(0, 0), 1},
			{1.0, 1}, {json.Number("1"), 1},
			{float64(last), last}, {last, last}, {int64(last), last}, {uint64(last), last}, {uint(last), last},
			{json.Number("8589934591"), last}, {time.Unix(last, 0), last},
			{int32(math.MaxInt32), math.MaxInt32}, {uint32(math.MaxUint32), math.MaxUint32},
		} {
			tok, err := revocation.TokenFromClaims(with(claims, claim, test.in))
			if got := get(tok); err != nil || got != test.want {
				t.Errorf("%s = %T(%v) is read as %d, %v, want %d", claim, test.in, test.in, got, err, test.want)
			}
		}
		tok, err := revocation.TokenFromClaims(without(claims, claim))
		if err != nil || get(tok) != 0 {
			t.Errorf("absent %s is read as %d, %v, want 0", claim, get(tok), err)
		}
	}
}

func TestAbsurdDatesAreMalformed(t *testing.T) {
	for claim := range dateClaims {
		claims := decodeClaims(t, accessJSON)
		for _, v := range []any{
			nil, "1700000000", true, []any{1.0}, map[string]any{}, time.Second, int8(1), float32(1),
			-1.0, 1.5, 1700000000.5, -0.5, math.SmallestNonzeroFloat64,
			float64(1 << 33), float64(1 << 53), float64(1 << 63), 1e300, -1e300,
			math.NaN(), math.Inf(1), math.Inf(-1),
			-1, int32(-1), int64(-1), int64(1 << 33), int64(math.MaxInt64), int64(math.MinInt64),
			1 << 33, uint(1 << 33), uint64(1 << 33), uint64(math.MaxUint64),
			json.Number("-1"), json.Number("8589934592"), json.Number("1.5"), json.Number("1e9"),
			json.Number("99999999999999999999"), json.Number(""), json.Number("0x10"), json.Number("NaN"),
			time.Time{}, time.Unix(-1, 0), time.Unix(1<<33, 0), time.Unix(1700000000, 1),
			1700000000000.0, // milliseconds
		} {
			refuseClaims(t, with(claims, claim, v), claim)
		}
	}
}
