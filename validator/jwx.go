package validator

import (
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// This file is all that the package uses of jwx: reading one JWK, and the
// RS256 primitive. Headers and claims are parsed once, by our own strict
// parser, so that no second reading of them can differ.

// RFC 7518, section 3.3, asks for 2048 bits or more. Above 8192 one
// verification costs milliseconds (crypto/tls draws the same line).
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// parseJWK returns a public RSA key that its owner publishes for RS256
// signatures (RFC 7517, section 4), and its kid. Neither alg nor kid is
// inferred: Cognito sends both.
func parseJWK(data []byte) (kid string, key *rsa.PublicKey, err error) {
	parsed, err := jwk.ParseKey(data)
	if err != nil {
		return "", nil, fmt.Errorf("reading key: %w", err)
	}
	public, ok := parsed.(jwk.RSAPublicKey)
	if !ok {
		return "", nil, errors.New("not a public RSA key")
	}
	if alg := public.Algorithm(); alg == nil || alg.String() != jwa.RS256.String() {
		return "", nil, errors.New("alg is not RS256")
	}
	if use := public.KeyUsage(); use != "" && use != string(jwk.ForSignature) {
		return "", nil, errors.New("not for signatures")
	}
	if ops := public.KeyOps(); len(ops) > 0 && !verifies(ops) {
		return "", nil, errors.New("not for verification")
	}
	if public.KeyID() == "" {
		return "", nil, errors.New("no kid")
	}
	key = new(rsa.PublicKey)
	if err := public.Raw(key); err != nil {
		return "", nil, fmt.Errorf("reading key: %w", err)
	}
	if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return "", nil, fmt.Errorf("RSA key of %d bits", bits)
	}
	if key.E < 3 || key.E%2 == 0 {
		return "", nil, fmt.Errorf("RSA exponent %d", key.E)
	}
	return public.KeyID(), key, nil
}

func verifies(ops jwk.KeyOperationList) bool {
	for _, op := range ops {
		if op == jwk.KeyOpVerify {
			return true
		}
	}
	return false
}

// verifyRS256 reports whether signature is key's over signed (RFC 7518,
// section 3.3).
func verifyRS256(signed string, signature []byte, key *rsa.PublicKey) bool {
	verifier, err := jws.NewVerifier(jwa.RS256)
	return err == nil && verifier.Verify([]byte(signed), signature, key) == nil
}
