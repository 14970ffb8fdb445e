package validator_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
)

// BenchmarkValidate is a whole decision, with the denylist's answer for free.
func BenchmarkValidate(b *testing.B) {
	v := open(b, config())
	token := mint(keyA(), "a", claims(nil))
	if err := v.WaitForKeys(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Validate(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSignature is the part of it that no implementation can avoid.
func BenchmarkSignature(b *testing.B) {
	token := mint(keyA(), "a", claims(nil))
	cut := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[cut+1:])
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		digest := sha256.Sum256([]byte(token[:cut]))
		if err := rsa.VerifyPKCS1v15(&keyA().PublicKey, crypto.SHA256, digest[:], signature); err != nil {
			b.Fatal(err)
		}
	}
}
