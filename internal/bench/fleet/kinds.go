package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// kind is one way of delivery. open connects n nodes that tell got what they
// receive; closeAll is never nil.
type kind struct {
	name string
	open func(ctx context.Context, url string, n int, got *receiver) (send sender, closeAll func(), err error)
}

var kinds = []kind{{"base", openBase}, {"act", openNodes}, {"ordered", openOrdered}}

const pool = "eu-west-1_Bench0001"

// act returns a revocation of a session, of the size that they have.
func act(expires time.Time) revocation.Act {
	id := revocation.NewActID()
	return revocation.Act{
		ID: id, State: revocation.StateOpen, ExpiresAt: expires.Unix(),
		Target: revocation.Target{Kind: revocation.KindSession, Pool: pool, ID: id.String()[:8] + "-0000-4000-8000-" + id.String()[20:]},
	}
}

func payload(acts ...revocation.Act) []byte {
	return revocation.Message{SentAt: time.Now(), Acts: acts}.Encode()
}

// idOf names the act in a payload.
func idOf(data []byte) string {
	m, err := revocation.Decode(data)
	if err != nil || len(m.Acts) == 0 {
		return ""
	}
	return m.Acts[0].ID.String()
}

// inParallel calls f for 0 to n-1, 32 at a time, and returns the first error.
func inParallel(n int, f func(i int) error) error {
	var wg sync.WaitGroup
	errs := make(chan error, n)
	slots := make(chan struct{}, 32)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := f(i); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// connections makes n connections. The caller closes them, also after an error.
func connections(url string, n int) ([]*nats.Conn, func(), error) {
	conns := make([]*nats.Conn, n)
	closeAll := func() {
		for _, nc := range conns {
			if nc != nil {
				nc.Close()
			}
		}
	}
	err := inParallel(n, func(i int) (err error) {
		conns[i], err = nats.Connect(url, nats.Timeout(30*time.Second))
		return err
	})
	return conns, closeAll, err
}

func openBase(_ context.Context, url string, n int, got *receiver) (sender, func(), error) {
	conns, closeAll, err := connections(url, n+1)
	if err != nil {
		return nil, closeAll, err
	}
	err = inParallel(n, func(i int) error {
		if _, err := conns[i].Subscribe("bench.base", func(m *nats.Msg) { got.received(i, idOf(m.Data)) }); err != nil {
			return err
		}
		return conns[i].Flush()
	})
	nc := conns[n]
	return func() (string, func() error) {
		a := act(time.Now().Add(time.Hour))
		data := payload(a)
		return a.ID.String(), func() error { return nc.Publish("bench.base", data) }
	}, closeAll, err
}

func openNodes(ctx context.Context, url string, n int, got *receiver) (sender, func(), error) {
	nc, err := nats.Connect(url)
	if err != nil {
		return nil, func() {}, err
	}
	bus, err := provision(ctx, nc)
	if err != nil {
		return nil, nc.Close, err
	}
	subs := make([]*subscriber.Subscriber, n)
	closeAll := func() {
		inParallel(n, func(i int) error {
			if subs[i] == nil {
				return nil
			}
			return subs[i].Close()
		})
		nc.Close()
	}
	err = inParallel(n, func(i int) (err error) {
		subs[i], err = subscriber.Open(ctx, subscriber.Config{Servers: url, Service: "bench", Node: strconv.Itoa(i)})
		if err == nil {
			subs[i].Watch(func(a revocation.Act) { got.received(i, a.ID.String()) })
		}
		return err
	})
	return func() (string, func() error) {
		a := act(time.Now().Add(time.Hour))
		data := payload(a)
		return a.ID.String(), func() error {
			if err := bus.Fast(ctx, data); err != nil {
				return err
			}
			if _, err := bus.AppendAct(ctx, data, time.Hour); err != nil {
				return err
			}
			// What was measured is that Check refuses.
			for _, s := range []*subscriber.Subscriber{subs[0], subs[n-1]} {
				if err := s.AwaitEnforced(ctx, a); err != nil {
					return err
				}
			}
			return nil
		}
	}, closeAll, err
}

func provision(ctx context.Context, nc *nats.Conn) (*publisher.NATSBus, error) {
	if _, err := natsdev.Provision(ctx, nc); err != nil {
		return nil, err
	}
	return publisher.NewNATSBus(nc, "")
}

func openOrdered(ctx context.Context, url string, n int, got *receiver) (sender, func(), error) {
	conns, closeAll, err := connections(url, n+1)
	if err != nil {
		return nil, closeAll, err
	}
	js, err := jetstream.New(conns[n])
	if err != nil {
		return nil, closeAll, err
	}
	// The default limit is a thousand consumers a stream.
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{
		Name: "BENCH", Subjects: []string{"bench.ordered"}, Storage: jetstream.FileStorage, MaxConsumers: 2*n + 10,
	}); err != nil {
		return nil, closeAll, err
	}
	err = inParallel(n, func(i int) error {
		js, err := jetstream.New(conns[i])
		if err != nil {
			return err
		}
		cons, err := js.OrderedConsumer(ctx, "BENCH", jetstream.OrderedConsumerConfig{})
		if err != nil {
			return fmt.Errorf("consumer %d: %w", i, err)
		}
		_, err = cons.Consume(func(m jetstream.Msg) { got.received(i, idOf(m.Data())) })
		return err
	})
	return func() (string, func() error) {
		a := act(time.Now().Add(time.Hour))
		data := payload(a)
		return a.ID.String(), func() error {
			_, err := js.Publish(ctx, "bench.ordered", data)
			return err
		}
	}, closeAll, err
}
