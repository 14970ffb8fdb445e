// Package testbed gives a test what it takes to revoke a token for real: a NATS
// server with a provisioned stream, a Cognito emulator with a user pool, a node's
// denylist and a validator that asks it. Only tests import it.
package testbed

import (
	"context"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/validator"
)

// patience bounds every wait.
const patience = time.Minute

// Bed is all of it. Everything ends with the test.
type Bed struct {
	Broker   *natsdev.Server
	Pool     *cognitotest.Pool
	ClientID string
	User     *cognitotest.User

	Denylist  *subscriber.Subscriber
	Validator *validator.Validator

	cognito *cognitotest.Server
	bus     *publisher.NATSBus
}

// New returns a bed whose denylist is live. node says more about that; its
// servers and its service are filled in.
func New(t *testing.T, node subscriber.Config) *Bed {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b := &Bed{}
	var err error
	b.cognito, err = cognitotest.Start(cognitotest.Config{})
	must(err)
	t.Cleanup(func() { b.cognito.Close() })
	b.Pool, err = b.cognito.CreatePool(cognitotest.PoolConfig{})
	must(err)
	client, err := b.Pool.CreateClient(cognitotest.ClientConfig{})
	must(err)
	b.ClientID = client.ID
	b.User, err = b.Pool.CreateUser(cognitotest.UserConfig{Username: "jane"})
	must(err)

	b.Broker = natsdev.Run(t)
	nc, err := nats.Connect(b.Broker.URL(), nats.MaxReconnects(-1))
	must(err)
	t.Cleanup(nc.Close)
	_, err = natsdev.Provision(ctx, nc)
	must(err)
	b.bus, err = publisher.NewNATSBus(nc, "")
	must(err)

	node.Servers, node.Service = b.Broker.URL(), "testbed"
	b.Denylist, err = subscriber.Open(ctx, node)
	must(err)
	t.Cleanup(func() { b.Denylist.Close() })
	b.Validator, err = validator.New(validator.Config{
		Pools:    []validator.Pool{{ID: b.Pool.ID(), ClientIDs: []string{b.ClientID}, JWKSURL: b.Pool.JWKSURL()}},
		Denylist: b.Denylist,
	})
	must(err)
	t.Cleanup(func() { b.Validator.Close() })
	must(b.Validator.WaitForKeys(ctx))
	return b
}

// SignIn begins a session of the user and returns its access token.
func (b *Bed) SignIn(t *testing.T) string {
	t.Helper()
	tokens, err := b.Pool.SignIn(b.ClientID, b.User.Username)
	if err != nil {
		t.Fatal(err)
	}
	return tokens.AccessToken
}

// Claims verifies a token and returns what it says.
func (b *Bed) Claims(t *testing.T, accessToken string) revocation.Token {
	t.Helper()
	tok, err := b.Validator.Validate(t.Context(), accessToken)
	if err != nil {
		t.Fatal(err)
	}
	return tok.Token()
}

// RevokeSession revokes the session of a token.
func (b *Bed) RevokeSession(t *testing.T, tok revocation.Token) revocation.Act {
	t.Helper()
	return b.Revoke(t, revocation.Act{
		Target: revocation.Target{Kind: revocation.KindSession, Pool: tok.Pool, ID: tok.OriginJTI},
	})
}

// RevokeUser revokes every session that the user of a token has begun by now.
func (b *Bed) RevokeUser(t *testing.T, tok revocation.Token) revocation.Act {
	t.Helper()
	return b.Revoke(t, revocation.Act{
		Target: revocation.Target{Kind: revocation.KindUser, Pool: tok.Pool, ID: tok.Subject},
		Basis:  revocation.BasisSession, Cutoff: time.Now().Unix() + 1,
	})
}

// Revoke publishes an act as the service does, on the fast path and on the
// stream, and returns once the node enforces it. Id, state and expiry are filled
// in.
func (b *Bed) Revoke(t *testing.T, a revocation.Act) revocation.Act {
	t.Helper()
	a.ID, a.State = revocation.NewActID(), revocation.StateOpen
	a.ExpiresAt = time.Now().Add(time.Hour).Unix()
	payload := revocation.Message{SentAt: time.Now(), Acts: []revocation.Act{a}}.Encode()
	_ = b.bus.Fast(t.Context(), payload) // fails while reconnecting; the stream brings the act, too
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := b.bus.AppendAct(ctx, payload, 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := b.Denylist.AwaitEnforced(ctx, a); err != nil {
		t.Fatal(err)
	}
	return a
}

// AwaitStale returns once the node calls itself stale about a token, as it does
// after its broker was stopped.
func (b *Bed) AwaitStale(t *testing.T, tok revocation.Token) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience); !errors.Is(b.Denylist.Check(tok), revocation.ErrStale); <-again.C {
		if time.Now().After(deadline) {
			t.Fatal("the node does not become stale")
		}
	}
}

// Streams returns how many streams a test is to open: STREAMS in the
// environment, which `make bench-streams` sets, else few enough for every day.
func Streams(t *testing.T) int {
	t.Helper()
	text := os.Getenv("STREAMS")
	if text == "" {
		return 500
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 10 {
		t.Fatalf("STREAMS=%q: give a number from 10", text)
	}
	return n
}
