package revocation_test

import (
	"fmt"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// The claims are those of a token whose signature was verified, in the map
// that the JWT library of the service delivers.
func ExampleTokenFromClaims() {
	claims := map[string]any{
		"iss":        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123",
		"token_use":  "access",
		"sub":        "7d8ca528-4931-4254-9273-ea5ee853f271",
		"origin_jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
		"iat":        1700000000.0,
	}
	tok, err := revocation.TokenFromClaims(claims)
	fmt.Println(tok.Pool, tok.OriginJTI, tok.IssuedAt, err)

	claims["iat"] = "yesterday"
	_, err = revocation.TokenFromClaims(claims)
	fmt.Println(err)
	// Output:
	// eu-west-1_AbC123 aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee 1700000000 <nil>
	// revocation: malformed claims: iat is not a whole number of seconds from 0 to 2^33
}

// Signing a user out refuses what was issued up to the cutoff, and on the
// session basis also what an old session refreshes later.
func ExampleAct_Refuses() {
	signOut := revocation.Act{
		ID:    revocation.NewActID(),
		State: revocation.StateOpen,
		Target: revocation.Target{
			Kind: revocation.KindUser, Pool: "eu-west-1_AbC123", ID: "7d8ca528-4931-4254-9273-ea5ee853f271",
		},
		Basis:     revocation.BasisSession,
		Cutoff:    1700000000,
		ExpiresAt: 1700086400,
	}
	tok := revocation.Token{Pool: "eu-west-1_AbC123", Subject: "7d8ca528-4931-4254-9273-ea5ee853f271"}

	tok.AuthTime, tok.IssuedAt = 1699990000, 1699990000
	fmt.Println("before:", signOut.Refuses(tok))
	tok.IssuedAt = 1700003600
	fmt.Println("refreshed after:", signOut.Refuses(tok))
	tok.AuthTime = 1700003600
	fmt.Println("signed in after:", signOut.Refuses(tok))
	// Output:
	// before: true
	// refreshed after: true
	// signed in after: false
}
