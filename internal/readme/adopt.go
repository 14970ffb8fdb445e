package readme

import (
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// Refuse is what a service adds that verifies tokens with a library of its own:
// claims are those that the library has verified.
func Refuse(deny *subscriber.Subscriber, claims map[string]any) error {
	// README
	tok, err := revocation.TokenFromClaims(claims) // of any JWT library, after it verified them
	if err == nil {
		err = deny.Check(tok) // in memory: no network call
	}
	// end
	return err
}
