package httpauth_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
)

func Example() {
	v, err := validator.New(validator.Config{
		Pools:     []validator.Pool{{ID: "eu-west-1_AbC123", ClientIDs: []string{"client-1"}}},
		Denylist:  answer{nil}, // a *subscriber.Subscriber
		Transport: keys(),      // keys without a network
	})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	auth, err := httpauth.New(httpauth.Config{Validator: v})
	if err != nil {
		log.Fatal(err)
	}
	orders := auth.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tok, _ := httpauth.TokenFrom(r.Context())
		fmt.Fprintln(w, "orders of", tok.Token().Subject)
	}))

	for _, authorization := range []string{"Bearer " + mint(nil), "Bearer forged"} {
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		orders.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 orders of user-1
	// 401 {"type":"about:blank","title":"Unauthorized","status":401,"detail":"The access token is invalid, expired or revoked."}
}
