package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/service"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// serviceConfig is what the process of the revoke service is told.
type serviceConfig struct {
	Servers, NKey, Dir string
}

// serviceInfo is what it prints once it is ready.
type serviceInfo struct{ URL string }

const apiKey = "faults-key-0123456789"

// runService runs the revoke service beside an emulator of Cognito. It ends
// with its standard input.
func runService(cfg serviceConfig) error {
	cognito, err := cognitotest.Start(cognitotest.Config{})
	if err != nil {
		return err
	}
	defer cognito.Close()
	demo, err := cognito.SeedDemo()
	if err != nil {
		return err
	}
	set := service.Default()
	set.PublicAddr, set.AdminAddr, set.MetricsAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	set.APIKey, set.ServiceID, set.InsecureEphemeralSealKey = apiKey, "r1", true
	set.NATS = service.NATS{URL: cfg.Servers, NKey: cfg.NKey, InboxPrefix: "_INBOX_revoked"}
	set.Pools = []service.Pool{{
		ID: demo.Pool.ID(), Endpoint: cognito.URL(), JWKSURL: demo.Pool.JWKSURL(),
		Clients: []service.Client{{ID: demo.Client.ID}},
	}}
	set.Logger = zerolog.New(os.Stderr).With().Timestamp().Logger()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	svc, err := service.Start(ctx, set)
	if err != nil {
		return err
	}
	defer svc.Close()
	if err := svc.WaitReady(ctx); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(serviceInfo{URL: svc.AdminURL()}); err != nil {
		return fmt.Errorf("telling the address: %w", err)
	}
	untilClosed(os.Stdin)
	return nil
}
