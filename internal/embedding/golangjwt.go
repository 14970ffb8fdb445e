package embedding

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

// GolangJWT keeps the JWT library and asks the denylist after it. parser and
// keys are those that the service has.
func GolangJWT(parser *jwt.Parser, keys jwt.Keyfunc, deny validator.Denylist, issuers ...revocation.Issuer) http.Handler {
	// docs: golang-jwt
	verify := func(bearer string) (revocation.Token, error) {
		claims := jwt.MapClaims{}
		if _, err := parser.ParseWithClaims(bearer, claims, keys); err != nil {
			return revocation.Token{}, err
		}
		tok, err := revocation.TokenFromClaims(claims, issuers...) // issuers: for emulators only
		if err != nil {
			return revocation.Token{}, err
		}
		return tok, deny.Check(tok)
	}
	// docs: end
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tok, err := verify(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "orders of "+tok.Subject)
	})
}
