package cognitotest

import (
	"crypto/rand"
	"fmt"
)

const (
	lowerAlphanumerics = "0123456789abcdefghijklmnopqrstuvwxyz"
	alphanumerics      = lowerAlphanumerics + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// newUUID returns a random UUID (RFC 9562, section 5.4): the form of sub,
// jti, origin_jti, event_id and request ids.
func newUUID() string {
	b := randomBytes(16)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// randomString returns n characters of alphabet. The slight bias of the
// remainder does not matter for names.
func randomString(n int, alphabet string) string {
	b := randomBytes(n)
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, by its contract
	return b
}
