package validator

import (
	"strings"
	"testing"
)

// FuzzParseKeys reads any key document. What comes of it is fit to verify with.
func FuzzParseKeys(f *testing.F) {
	modulus := "w" + strings.Repeat("A", 340) + "Q" // 2048 bits
	for _, seed := range []string{
		`{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":"a","e":"AQAB","n":"` + modulus + `"}]}`,
		`{"keys":[{"kty":"RSA","alg":"RS256","kid":"a","e":"_____________w","n":"` + modulus + `"},{"kty":"EC"},"x",null]}`,
		`{"keys":[{"kty":"RSA","alg":"RS256","kid":"a","e":"AQAB","n":"` + modulus + `","x5c":["AA=="],"x5u":"http://x/","key_ops":["verify"]}]}`,
		`{"keys":[{"kty":"oct","alg":"RS256","kid":"a","k":"AAAA"}]}`, `{"keys":{}}`, `{}`, `[]`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := parseKeys(data)
		if (set == nil) != (err != nil) {
			t.Fatalf("keys %v beside error %v", set, err)
		}
		if err != nil {
			return
		}
		if len(set.keys) == 0 || set.ignored < 0 {
			t.Fatalf("%d keys and %d ignored without an error", len(set.keys), set.ignored)
		}
		for kid, key := range set.keys {
			if bits := key.N.BitLen(); kid == "" || bits < minRSABits || bits > maxRSABits || key.E < 3 || key.E%2 == 0 {
				t.Fatalf("key %q of %d bits with exponent %d is in use", kid, bits, key.E)
			}
			if verifyRS256("a.b", make([]byte, key.Size()), key) {
				t.Fatalf("key %q verifies zeros", kid)
			}
		}
	})
}
