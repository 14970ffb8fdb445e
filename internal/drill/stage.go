package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// sealKeys of every replica.
const sealKeys = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// stage is what a drill plays on: NATS, Cognito, and nodes.
type stage struct {
	dir     string
	nats    *natsdev.Server
	cognito *cognitotest.Server
	demo    cognitotest.DemoPool
	epoch   string
	nodes   []*process
}

// nodeCount is how many nodes judge.
const nodeCount = 3

// newStage has the nodes running.
func newStage(ctx context.Context) (_ *stage, err error) {
	s := &stage{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "revoked-drill-"); err != nil {
		return nil, err
	}
	if s.nats, err = natsdev.Start(natsdev.Config{StoreDir: s.dir}); err != nil {
		return nil, err
	}
	nc, err := nats.Connect(s.nats.URL())
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	// Nodes become live on the word of a revoke service, and replicas come and
	// go here.
	if s.epoch, err = natsdev.Provision(ctx, nc); err != nil {
		return nil, err
	}
	if s.cognito, err = cognitotest.Start(cognitotest.Config{}); err != nil {
		return nil, err
	}
	if s.demo, err = s.cognito.SeedDemo(); err != nil {
		return nil, err
	}
	for range nodeCount {
		node, err := s.startNode()
		if err != nil {
			return nil, err
		}
		s.nodes = append(s.nodes, node)
	}
	return s, nil
}

func (s *stage) close() error {
	var errs []error
	for _, n := range s.nodes {
		errs = append(errs, n.stop())
	}
	if s.cognito != nil {
		s.cognito.Close()
	}
	if s.nats != nil {
		s.nats.Stop()
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// signIn creates a user and signs it in.
func (s *stage) signIn(name string) (cognitotest.Tokens, error) {
	user, err := s.demo.Pool.CreateUser(cognitotest.UserConfig{Username: name})
	if err != nil {
		return cognitotest.Tokens{}, err
	}
	return s.demo.Pool.SignIn(s.demo.Client.ID, user.Username)
}

// claims reads a token of the emulator, which nobody else could have made.
func claims(token string) (revocation.Token, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return revocation.Token{}, fmt.Errorf("a token of %d parts", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return revocation.Token{}, err
	}
	var all map[string]any
	if err := json.Unmarshal(payload, &all); err != nil {
		return revocation.Token{}, err
	}
	return revocation.TokenFromClaims(all)
}
