// Command propagation measures the time from the moment at which a revocation
// is sent to the moment at which nodes refuse its target, beside what bare core
// NATS needs to deliver the same bytes to as many connections, in the same run.
//
// One nats-server (in this process, over TCP on loopback, store on disk with
// sync always) serves both. Publishes are paced; a base publish and a
// revocation alternate, so that noise of the machine hits both.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

func main() {
	nodes := flag.String("nodes", "1,10,100", "numbers of nodes, separated by commas")
	count := flag.Int("publishes", 1000, "publishes of each kind")
	rate := flag.Float64("rate", 50, "publishes of each kind per second")
	flag.Parse()
	if err := run(*nodes, *count, *rate); err != nil {
		fmt.Fprintln(os.Stderr, "propagation:", err)
		os.Exit(1)
	}
}

func run(sizes string, count int, rate float64) error {
	fmt.Printf("%s, %d CPUs; %d publishes of each kind, %v/s each\n", runtime.Version(), runtime.NumCPU(), count, rate)
	fmt.Println("base: core NATS publish to callback. act: revocation sent (fast path, then stream) to refused by Check.")
	fmt.Println("stream: the same over the stream alone. ack: sent to acknowledged by JetStream.")
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "nodes\tbase p50\tp99\tlast p50\tact p50\tp99\tlast p50\tact/base p50\tlast/last p50\tstream p50\tp99\tstream/base p50\tack p50\t")
	for size := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil || n < 1 {
			return fmt.Errorf("-nodes: %q is not a number of nodes", size)
		}
		r, err := measure(n, count, rate)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%.2f\t%.2f\t%s\t%s\t%.2f\t%s\t\n", n,
			us(r.base.p(50)), us(r.base.p(99)), us(r.baseLast.p(50)),
			us(r.act.p(50)), us(r.act.p(99)), us(r.actLast.p(50)),
			ratio(r.act, r.base), ratio(r.actLast, r.baseLast),
			us(r.stream.p(50)), us(r.stream.p(99)), ratio(r.stream, r.base), us(r.ack.p(50)))
		out.Flush()
	}
	return nil
}

// samples are delays.
type samples []time.Duration

func (s samples) p(percent int) time.Duration {
	if len(s) == 0 {
		return 0
	}
	slices.Sort(s)
	return s[min(len(s)-1, len(s)*percent/100)]
}

func us(d time.Duration) string { return fmt.Sprintf("%d us", d.Microseconds()) }

func ratio(a, b samples) float64 { return float64(a.p(50)) / float64(b.p(50)) }

// result holds the delays of all deliveries, and those of the last node of
// each publish.
type result struct {
	base, baseLast, act, actLast, stream, ack samples
}

const pool = "eu-west-1_Bench0001"

func measure(n, count int, rate float64) (result, error) {
	dir, err := os.MkdirTemp("", "propagation")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	srv, err := natsdev.Start(natsdev.Config{StoreDir: dir})
	if err != nil {
		return result{}, err
	}
	defer srv.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	nc, err := nats.Connect(srv.URL())
	if err != nil {
		return result{}, err
	}
	defer nc.Close()
	bus, err := provision(ctx, nc)
	if err != nil {
		return result{}, err
	}
	subs, closeSubs, err := openNodes(ctx, srv.URL(), n)
	defer closeSubs()
	if err != nil {
		return result{}, err
	}
	base, err := newBase(srv.URL(), n)
	if err != nil {
		return result{}, err
	}
	defer base.close()

	var r result
	pace := time.NewTicker(time.Duration(float64(time.Second) / rate / 3))
	defer pace.Stop()
	for i := range count {
		a := act(i)
		<-pace.C
		delays, err := base.publish(nc, payload(a))
		if err != nil {
			return result{}, err
		}
		r.base, r.baseLast = append(r.base, delays...), append(r.baseLast, slices.Max(delays))
		<-pace.C
		delays, ack, err := revoke(ctx, bus, subs, act(count+2*i), true)
		if err != nil {
			return result{}, err
		}
		r.act, r.actLast, r.ack = append(r.act, delays...), append(r.actLast, slices.Max(delays)), append(r.ack, ack)
		<-pace.C
		if delays, _, err = revoke(ctx, bus, subs, act(count+2*i+1), false); err != nil {
			return result{}, err
		}
		r.stream = append(r.stream, delays...)
	}
	return r, nil
}

func provision(ctx context.Context, nc *nats.Conn) (*publisher.NATSBus, error) {
	if _, err := natsdev.Provision(ctx, nc); err != nil {
		return nil, err
	}
	return publisher.NewNATSBus(nc, "")
}

// openNodes opens n subscribers, each with a connection of its own.
func openNodes(ctx context.Context, url string, n int) ([]*subscriber.Subscriber, func(), error) {
	subs := make([]*subscriber.Subscriber, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range subs {
		wg.Go(func() {
			subs[i], errs[i] = subscriber.Open(ctx, subscriber.Config{Servers: url, Service: "bench", Node: strconv.Itoa(i)})
		})
	}
	wg.Wait()
	closeAll := func() {
		for _, s := range subs {
			if s != nil {
				s.Close()
			}
		}
	}
	for _, err := range errs {
		if err != nil {
			return nil, closeAll, err
		}
	}
	return subs, closeAll, nil
}

func act(i int) revocation.Act {
	return revocation.Act{
		ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: time.Now().Unix() + 3600,
		Target: revocation.Target{Kind: revocation.KindSession, Pool: pool, ID: fmt.Sprintf("a1b2c3d4-0000-4000-8000-%012d", i)},
	}
}

func payload(a revocation.Act) []byte {
	return revocation.Message{SentAt: time.Now(), Acts: []revocation.Act{a}}.Encode()
}

// revoke sends one act as the publisher does and returns, for each node, the
// time until its Check refused the target by that act, and the time until
// JetStream had acknowledged it.
func revoke(ctx context.Context, bus *publisher.NATSBus, subs []*subscriber.Subscriber, a revocation.Act, fast bool) ([]time.Duration, time.Duration, error) {
	delays := make([]time.Duration, len(subs))
	errs := make([]error, len(subs))
	var wg sync.WaitGroup
	var waiting sync.WaitGroup
	waiting.Add(len(subs))
	var sent atomic.Int64
	began := time.Now()
	for i, s := range subs {
		wg.Go(func() {
			waiting.Done()
			errs[i] = s.AwaitEnforced(ctx, a)
			delays[i] = time.Since(began) - time.Duration(sent.Load())
		})
	}
	waiting.Wait()
	runtime.Gosched() // let them wait for the change
	sent.Store(int64(time.Since(began)))
	body := payload(a)
	if fast {
		if err := bus.Fast(ctx, body); err != nil {
			return nil, 0, err
		}
	}
	if _, err := bus.AppendAct(ctx, body, time.Hour); err != nil {
		return nil, 0, err
	}
	ack := time.Since(began) - time.Duration(sent.Load())
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, 0, err
		}
	}
	return delays, ack, nil
}

// base is n connections with a core subscription each.
type base struct {
	conns []*nats.Conn
	got   chan time.Time
}

func newBase(url string, n int) (*base, error) {
	b := &base{got: make(chan time.Time, n)}
	for range n {
		nc, err := nats.Connect(url)
		if err != nil {
			b.close()
			return nil, err
		}
		b.conns = append(b.conns, nc)
		if _, err := nc.Subscribe("bench.base", func(*nats.Msg) { b.got <- time.Now() }); err != nil {
			return nil, err
		}
		if err := nc.Flush(); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *base) publish(nc *nats.Conn, body []byte) ([]time.Duration, error) {
	sent := time.Now()
	if err := nc.Publish("bench.base", body); err != nil {
		return nil, err
	}
	delays := make([]time.Duration, len(b.conns))
	for i := range delays {
		select {
		case at := <-b.got:
			delays[i] = at.Sub(sent)
		case <-time.After(10 * time.Second):
			return nil, fmt.Errorf("%d of %d base deliveries", i, len(delays))
		}
	}
	return delays, nil
}

func (b *base) close() {
	for _, nc := range b.conns {
		nc.Close()
	}
}
