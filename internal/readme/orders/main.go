// Command orders is a minimal service that embeds subscriber and validator: the
// example of README.md, and what `make size` builds.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx := context.Background()
	// README
	deny, err := subscriber.Open(ctx, subscriber.Config{Servers: os.Getenv("NATS_URL"), Service: "orders"})
	if err != nil {
		return err
	}
	defer deny.Close()
	v, err := validator.New(validator.Config{
		Pools:    []validator.Pool{{ID: os.Getenv("POOL_ID"), ClientIDs: []string{os.Getenv("CLIENT_ID")}}},
		Denylist: deny,
	})
	if err != nil {
		return err
	}
	auth, err := httpauth.New(httpauth.Config{Validator: v})
	if err != nil {
		return err
	}
	http.Handle("GET /orders", auth.Middleware(http.HandlerFunc(orders)))
	// end
	http.Handle("GET /readyz", deny.ReadyHandler())
	return http.ListenAndServe("127.0.0.1:8080", nil)
}

func orders(w http.ResponseWriter, r *http.Request) {
	tok, _ := httpauth.TokenFrom(r.Context())
	fmt.Fprintln(w, "orders of", tok.Token().Subject)
}
