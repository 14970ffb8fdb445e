package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito/awsconfig"
	"github.com/seed-4e8dee1b/revoked/publisher/tasks"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// replicaConfig is what a replica of the revoke service is started with: all of
// it but HTTP, so that nothing but the publisher's effects lies between a
// command and its outcome.
type replicaConfig struct {
	NATS, Cognito, Pool, Epoch, Name string
	// AtStart arms the effects before the publisher is made, to die at the
	// point of the first command.
	Die     *point
	AtStart bool
}

// command to a replica. Exactly one of the pointers is set, or History.
type command struct {
	Revoke  *publisher.Request
	Session *publisher.Presented
	Lift    *publisher.LiftRequest
	List    *publisher.Query
	History bool
	// Arm the effects first: count from here on.
	Arm bool
}

// reply of a replica.
type reply struct {
	Status  []publisher.Status
	History []string
	Error   string
}

// startReplica starts a replica and returns when it works.
func (s *stage) startReplica(name string, die *point, atStart bool) (*process, error) {
	p, err := start(modeReplica, replicaConfig{
		NATS: s.nats.URL(), Cognito: s.cognito.URL(), Pool: s.demo.Pool.ID(), Epoch: s.epoch,
		Name: name, Die: die, AtStart: atStart,
	})
	if err != nil {
		return nil, err
	}
	var ready reply
	err = p.receive(&ready)
	if errors.Is(err, errGone) && atStart {
		return p, nil // it was to die there
	}
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("starting a replica: %w", err)
	}
	return p, nil
}

func serveReplica(ctx context.Context, in *json.Decoder, out *json.Encoder) error {
	var cfg replicaConfig
	if err := in.Decode(&cfg); err != nil {
		return err
	}
	opening, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	nc, err := nats.Connect(cfg.NATS, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort())
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	log := zerolog.New(os.Stderr).Level(zerolog.ErrorLevel)
	view, err := subscriber.Open(opening, subscriber.Config{
		Servers: cfg.NATS, Service: "revoked", Node: cfg.Name, Observer: true, IgnoreBeats: true, Logger: log,
	})
	if err != nil {
		return err
	}
	defer view.Close()
	keys, err := tasks.ParseKeys(sealKeys)
	if err != nil {
		return err
	}
	store, err := tasks.Open(opening, tasks.Config{JetStream: js, Keys: keys, Replica: cfg.Name, Logger: log})
	if err != nil {
		return err
	}
	defer store.Close()
	bus, err := publisher.NewNATSBus(nc, "")
	if err != nil {
		return err
	}
	limiter, err := cognito.NewLimiter(cognito.Limits{UserToken: 100, UserUpdate: 100, UserList: 100, UserRead: 100, UserAuthentication: 100})
	if err != nil {
		return err
	}
	region := cfg.Pool[:len("eu-west-1")]
	pool, err := cognito.New(cognito.Config{
		PoolID: cfg.Pool, Endpoint: cfg.Cognito, AWS: awsconfig.Emulator(region), Limiter: limiter, Logger: log,
	})
	if err != nil {
		return err
	}
	on := &effects{}
	if cfg.AtStart {
		on.arm(cfg.Die)
	}
	pub, err := publisher.New(publisher.Config{
		Pools: map[string]publisher.Pool{cfg.Pool: {Cognito: watchedCognito{pool, on}}},
		Bus:   watchedBus{bus, on}, Tasks: watchedTasks{store, on}, View: watchedView{view, on},
		// The emulator is the only one who mints tokens here.
		Identify:  func(_ context.Context, token string) (revocation.Token, error) { return claims(token) },
		ServiceID: cfg.Name, Epoch: cfg.Epoch, LearnRate: 100, Logger: log,
	})
	if err != nil {
		return err
	}
	defer pub.Close()
	if err := out.Encode(reply{}); err != nil {
		return err
	}
	for {
		var c command
		if err := in.Decode(&c); err != nil {
			return err
		}
		if c.Arm {
			on.arm(cfg.Die)
		}
		if err := out.Encode(carryOut(ctx, pub, on, c)); err != nil {
			return err
		}
	}
}

func carryOut(ctx context.Context, pub *publisher.Publisher, on *effects, c command) reply {
	var r reply
	var err error
	switch {
	case c.Revoke != nil:
		r.Status = make([]publisher.Status, 1)
		r.Status[0], err = pub.Revoke(ctx, *c.Revoke)
	case c.Session != nil:
		r.Status = make([]publisher.Status, 1)
		r.Status[0], err = pub.RevokeSession(ctx, *c.Session)
	case c.Lift != nil:
		r.Status, err = pub.Lift(ctx, *c.Lift)
	case c.List != nil:
		r.Status, err = pub.List(ctx, *c.List)
	case c.History:
		r.History = on.history()
	}
	if err != nil {
		return reply{Error: err.Error()}
	}
	return r
}
