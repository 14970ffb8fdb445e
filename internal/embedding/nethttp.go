package embedding

import (
	"fmt"
	"net/http"

	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
)

// orders greets the user of the token that the middleware has verified.
func orders(w http.ResponseWriter, r *http.Request) {
	tok, _ := httpauth.TokenFrom(r.Context())
	fmt.Fprint(w, "orders of "+tok.Token().Subject)
}

// NetHTTP protects one route of the standard library's mux.
func NetHTTP(auth *httpauth.Auth) http.Handler {
	// docs: net/http
	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Middleware(http.HandlerFunc(orders)))
	// docs: end
	return mux
}
