package main

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// perMessage is how many acts go into one message of a mass revocation: 64 KiB
// at most.
const perMessage = 500

// massRevocation revokes many sessions at once and waits for all nodes.
func massRevocation(bin string, nodes, count int) error {
	srv, err := startServer(bin, true)
	if err != nil {
		return err
	}
	defer srv.stop()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	nc, err := nats.Connect(srv.url)
	if err != nil {
		return err
	}
	defer nc.Close()
	bus, err := provision(ctx, nc)
	if err != nil {
		return err
	}
	subs := make([]*subscriber.Subscriber, nodes)
	if err := inParallel(nodes, func(i int) (err error) {
		subs[i], err = subscriber.Open(ctx, subscriber.Config{Servers: srv.url, Service: "bench", Node: fmt.Sprint(i)})
		return err
	}); err != nil {
		return err
	}
	defer inParallel(nodes, func(i int) error { return subs[i].Close() })

	began := time.Now()
	var last revocation.Act
	for sent := 0; sent < count; {
		acts := make([]revocation.Act, min(perMessage, count-sent))
		for i := range acts {
			acts[i] = act(time.Now().Add(time.Hour))
		}
		data := payload(acts...)
		if len(data) > 64<<10 {
			return fmt.Errorf("a message of %d bytes", len(data))
		}
		if _, err := bus.AppendAct(ctx, data, 2*time.Hour); err != nil {
			return err
		}
		sent += len(acts)
		last = acts[len(acts)-1]
	}
	acknowledged := time.Since(began)
	if err := inParallel(nodes, func(i int) error { return subs[i].AwaitEnforced(ctx, last) }); err != nil {
		return err
	}
	enforced := time.Since(began)
	for _, s := range subs {
		if held := s.Status().Acts; held != count {
			return fmt.Errorf("a node holds %d acts, want %d", held, count)
		}
	}
	fmt.Printf("mass revocation of %d sessions, %d nodes: all acknowledged after %v, all in force on all nodes after %v\n",
		count, nodes, acknowledged.Round(time.Millisecond), enforced.Round(time.Millisecond))
	return nil
}

// replayAtStart fills the stream and opens a node.
func replayAtStart(bin string, count, perMessage int) error {
	srv, err := startServer(bin, false)
	if err != nil {
		return err
	}
	defer srv.stop()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	nc, err := nats.Connect(srv.url)
	if err != nil {
		return err
	}
	defer nc.Close()
	if _, err := provision(ctx, nc); err != nil {
		return err
	}
	names, err := stream.NewNames("")
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(4096))
	if err != nil {
		return err
	}
	for sent := 0; sent < count; {
		acts := make([]revocation.Act, min(perMessage, count-sent))
		for i := range acts {
			acts[i] = act(time.Now().Add(time.Hour))
		}
		if _, err := js.PublishAsync(names.Event(), payload(acts...),
			jetstream.WithMsgTTL(2*time.Hour), jetstream.WithStallWait(time.Minute)); err != nil {
			return err
		}
		sent += len(acts)
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-ctx.Done():
		return ctx.Err()
	}
	began := time.Now()
	s, err := subscriber.Open(ctx, subscriber.Config{Servers: srv.url, Service: "bench", Node: "replay"})
	if err != nil {
		return err
	}
	ready := time.Since(began)
	defer s.Close()
	if held := s.Status().Acts; held != count {
		return fmt.Errorf("the node holds %d acts, want %d", held, count)
	}
	fmt.Printf("a node with %d acts, %d to a message: ready %v after Open, the wait for a tick included\n",
		count, perMessage, ready.Round(time.Millisecond))
	return nil
}
