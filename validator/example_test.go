package validator_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

// sessionDenylist stands for a subscriber: it refuses one session.
type sessionDenylist string

func (d sessionDenylist) Check(tok revocation.Token) error {
	if tok.OriginJTI == string(d) {
		return &revocation.RevokedError{Kind: revocation.KindSession}
	}
	return nil
}

func ExampleValidator_Validate() {
	v, err := validator.New(validator.Config{
		Pools:     []validator.Pool{{ID: "eu-west-1_AbC123", ClientIDs: []string{"client-1"}}},
		Denylist:  sessionDenylist("session-2"),         // a *subscriber.Subscriber
		Transport: publish(jwks(jwk(keyA(), "a", nil))), // keys without a network
	})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	for _, session := range []string{"session-1", "session-2"} {
		bearer := mint(keyA(), "a", claims(map[string]any{"origin_jti": session}))
		tok, err := v.Validate(context.Background(), bearer)
		switch {
		case err == nil:
			fmt.Println("serve", tok.Token().Subject)
		case errors.Is(err, validator.ErrInvalidToken):
			fmt.Println("401", validator.ReasonOf(err))
		case errors.Is(err, validator.ErrInsufficientScope):
			fmt.Println("403")
		default: // stale, or no keys yet
			fmt.Println("503")
		}
	}
	// Output:
	// serve user-1
	// 401 revoked
}

// A service that verifies tokens with a library of its own, such as
// golang-jwt, keeps it and asks the denylist with the claims that the library
// verified.
func Example_ownLibrary() {
	type MapClaims map[string]any // as in golang-jwt
	verified := MapClaims{
		"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123", "token_use": "access",
		"sub": "user-1", "client_id": "client-1", "jti": "jti-1", "origin_jti": "session-2",
		"iat": float64(1700000000), "auth_time": float64(1700000000), "exp": float64(1700003600),
	}
	var deny validator.Denylist = sessionDenylist("session-2")

	tok, err := revocation.TokenFromClaims(verified)
	if err == nil {
		err = deny.Check(tok)
	}
	fmt.Println(errors.Is(err, revocation.ErrRevoked))
	// Output: true
}

func ExampleValidator_WaitForKeys() {
	v, err := validator.New(validator.Config{
		Pools:     []validator.Pool{{ID: "eu-west-1_AbC123", ClientIDs: []string{"client-1"}}},
		Denylist:  sessionDenylist(""),
		Transport: publish(jwks(jwk(keyA(), "a", nil))),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	// A readiness probe calls Ready; a start that must not go on without keys
	// waits for them.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := v.WaitForKeys(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(v.Ready())
	// Output: <nil>
}
