package readme

import (
	"context"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/subscriber/subscriberprom"
	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
	"github.com/seed-4e8dee1b/revoked/validator/validatorprom"
)

// ReportOnly is the first step of docs/adopt.md.
func ReportOnly(pools []validator.Pool, deny *subscriber.Subscriber) (*validator.Validator, error) {
	v, err := validator.New(validator.Config{Pools: pools, Denylist: deny, ReportOnly: true})
	return v, err
}

// OpenWithKey is the node of deploy/nats/README.md.
func OpenWithKey(ctx context.Context) (*subscriber.Subscriber, error) {
	deny, err := subscriber.Open(ctx, subscriber.Config{
		Servers: os.Getenv("NATS_URL"), CA: "/etc/revoked/ca.pem",
		NKey:    "/etc/revoked/node-orders.nk", // or Credentials: "/etc/revoked/orders-1.creds"
		Service: "orders", InboxPrefix: "_INBOX_orders",
	})
	return deny, err
}

// Metrics is the start of docs/metrics.md.
func Metrics(deny *subscriber.Subscriber, v *validator.Validator, auth *httpauth.Auth) {
	prometheus.MustRegister(subscriberprom.New(deny), validatorprom.New(v),
		validatorprom.NewRoute("orders", auth))
}
