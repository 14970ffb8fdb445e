package api

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"

	"github.com/seed-4e8dee1b/revoked/publisher"
)

// maxOnceKey bounds an Idempotency-Key, in bytes.
const maxOnceKey = 255

// onceKey is the Idempotency-Key of a request, within a batch with the number
// of the line; "" if there is none.
type onceKey string

// onceOf reads the header Idempotency-Key. It is taken as it is, without the
// quotation marks of a structured field or with them.
func onceOf(r *http.Request) (onceKey, error) {
	header := r.Header.Values("Idempotency-Key")
	if len(header) == 0 {
		return "", nil
	}
	key := header[0]
	invisible := strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' })
	if len(header) > 1 || key == "" || len(key) > maxOnceKey || invisible {
		return "", malformed("Idempotency-Key", "The header is not one key of 1 to 255 visible ASCII characters.")
	}
	return onceKey(key), nil
}

// line is the key of one line of a batch.
func (k onceKey) line(number int) onceKey {
	if k == "" {
		return ""
	}
	return k + onceKey(fmt.Sprintf(" %d", number)) // no key has a space
}

// of binds the key to its caller and the request. Only hashes are kept: a key
// may be chosen by what it is about, and a body may have a token.
func (k onceKey) of(c caller, body []byte) publisher.Once {
	if k == "" {
		return publisher.Once{}
	}
	// No caller has a NUL in its name.
	return publisher.Once{Key: sha256.Sum256([]byte(c.bucket + "\x00" + string(k))), Request: sha256.Sum256(body)}
}
