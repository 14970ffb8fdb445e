// Command orders is an API in Go that embeds the denylist and verifies tokens
// itself. deploy/compose runs it; README.md shows the part that matters.
//
//	NATS_URL=tls://nats:4222 NATS_CREDS=orders.creds NATS_CA=ca.pem NATS_INBOX_PREFIX=_INBOX_orders \
//	POOL_ID=eu-west-1_AbC123 CLIENT_ID=1example23456789 LISTEN=0.0.0.0:3000 orders
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/subscriber/subscriberprom"
	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
	"github.com/seed-4e8dee1b/revoked/validator/validatorprom"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	log := zerolog.New(os.Stderr).Level(zerolog.InfoLevel).With().Timestamp().Logger()
	err := run(ctx, log)
	stop()
	if err != nil {
		log.Fatal().Err(err).Msg("stopped")
	}
}

func run(ctx context.Context, log zerolog.Logger) error {
	deny, err := subscriber.Open(ctx, subscriber.Config{
		Servers: os.Getenv("NATS_URL"), Credentials: os.Getenv("NATS_CREDS"), CA: os.Getenv("NATS_CA"),
		InboxPrefix: os.Getenv("NATS_INBOX_PREFIX"), Service: "orders", Logger: log,
	})
	if err != nil {
		return err
	}
	defer deny.Close()
	tokens, err := validator.New(validator.Config{
		Pools: []validator.Pool{{
			ID: os.Getenv("POOL_ID"), ClientIDs: []string{os.Getenv("CLIENT_ID")},
			// For an emulator; empty means Cognito's own address.
			JWKSURL: os.Getenv("JWKS_URL"), InsecureHTTP: os.Getenv("JWKS_INSECURE_HTTP") == "true",
		}},
		Denylist: deny,
		Logger:   log,
	})
	if err != nil {
		return err
	}
	defer tokens.Close()
	auth, err := httpauth.New(httpauth.Config{Validator: tokens, Realm: "orders"})
	if err != nil {
		return err
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(subscriberprom.New(deny), validatorprom.New(tokens), validatorprom.NewRoute("orders", auth))

	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Middleware(http.HandlerFunc(orders)))
	mux.Handle("GET /readyz", deny.ReadyHandler())
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	srv := &http.Server{Addr: os.Getenv("LISTEN"), Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	closed := make(chan error, 1) // the one result of Shutdown
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		closed <- srv.Shutdown(grace)
	})
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-closed
}

func orders(w http.ResponseWriter, r *http.Request) {
	tok, _ := httpauth.TokenFrom(r.Context())
	fmt.Fprintln(w, "orders of", tok.Token().Subject)
}
