// Package gatetest makes what a gate needs around it, for tests and
// measurements: a NATS server with the stream, and a Cognito emulator with a
// pool whose tokens can be minted and revoked at will.
package gatetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// The clients of the pool, and the one user that is in a group.
const (
	ClientID      = "gateclient000000000000000a"
	OtherClientID = "otherclient00000000000000b"
	Scope         = "orders/read"
)

// World is what surrounds a gate.
type World struct {
	NATS    *natsdev.Server
	Cognito *cognitotest.Server
	Pool    *cognitotest.Pool
}

// Start starts a world that keeps its stream in dir. After an error nothing is
// left running.
func Start(ctx context.Context, dir string) (_ *World, err error) {
	w := &World{}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if w.NATS, err = natsdev.Start(natsdev.Config{StoreDir: dir}); err != nil {
		return nil, err
	}
	if err = w.provision(ctx); err != nil {
		return nil, err
	}
	if w.Cognito, err = cognitotest.Start(cognitotest.Config{}); err != nil {
		return nil, err
	}
	if w.Pool, err = w.Cognito.CreatePool(cognitotest.PoolConfig{Name: "gate"}); err != nil {
		return nil, err
	}
	for _, id := range []string{ClientID, OtherClientID} {
		if _, err = w.Pool.CreateClient(cognitotest.ClientConfig{ID: id}); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Close stops everything.
func (w *World) Close() {
	if w.Cognito != nil {
		w.Cognito.Close()
	}
	if w.NATS != nil {
		w.NATS.Stop()
	}
}

// PoolYAML is the element of a gate's pools for [World.Pool].
func (w *World) PoolYAML() string {
	return fmt.Sprintf("{id: %s, clients: [%s, %s], jwks_url: %q, endpoint: %q}",
		w.Pool.ID(), ClientID, OtherClientID, w.Pool.JWKSURL(), w.Cognito.URL()+"/")
}

// Token mints a token; what o leaves out is that of a fresh access token of
// jane's, with [Scope], for [ClientID].
func (w *World) Token(o cognitotest.MintOptions) string {
	if o.ClientID == "" {
		o.ClientID = ClientID
	}
	if o.Username == "" {
		o.Username = "jane"
	}
	if o.Scope == "" && o.TokenUse != "id" {
		o.Scope = Scope
	}
	return w.Pool.Mint(o)
}

// Revoke appends acts that refuse the sessions, and returns once the stream
// has acknowledged them.
func (w *World) Revoke(ctx context.Context, sessions ...string) ([]revocation.Act, error) {
	acts := make([]revocation.Act, len(sessions))
	for i, session := range sessions {
		acts[i] = revocation.Act{
			ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: time.Now().Add(time.Hour).Unix(),
			Target: revocation.Target{Kind: revocation.KindSession, Pool: w.Pool.ID(), ID: session},
		}
	}
	nc, err := nats.Connect(w.NATS.URL())
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	names, err := stream.NewNames("")
	if err != nil {
		return nil, err
	}
	for batch := range slices.Chunk(acts, 500) {
		if _, err := js.Publish(ctx, names.Event(), revocation.Message{SentAt: time.Now(), Acts: batch}.Encode()); err != nil {
			return nil, err
		}
	}
	return acts, nil
}

func (w *World) provision(ctx context.Context) error {
	nc, err := nats.Connect(w.NATS.URL())
	if err != nil {
		return err
	}
	defer nc.Close()
	_, err = natsdev.Provision(ctx, nc)
	return err
}
