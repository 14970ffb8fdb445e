// Command fleet measures how revocations reach a fleet of nodes, beside what bare
// core NATS needs to deliver the same bytes to as many connections, and beside
// an ordered consumer per node, in the same run:
//
//   - the time from the moment a revocation is sent until a node's denylist has
//     taken it, from which on Check refuses;
//   - the server's CPU time for each message that it delivers;
//   - the server's memory for each node;
//   - the time for a mass revocation of 100,000 sessions to reach all nodes;
//   - the time for a node to be ready with 1,000,000 acts, by replay.
//
// nats-server is a process of its own, with its store on disk and sync always;
// the nodes are subscribers in this process, each with its own connection. All
// share the machine's CPUs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func main() {
	nodes := flag.String("nodes", "1,10,100,1000,5000", "numbers of nodes, separated by commas")
	mass := flag.Int("mass", 100_000, "sessions revoked at once, on 100 nodes; 0 leaves it out")
	replay := flag.Int("replay", 1_000_000, "acts to replay at the start of a node; 0 leaves it out")
	flag.Parse()
	if err := run(*nodes, *mass, *replay); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// baseLimit is three times the delay of bare core NATS on a quiet machine of two
// CPUs: with more, the machine was too busy for the run to say anything.
var baseLimit = map[int]time.Duration{
	1: 540 * time.Microsecond, 10: 960 * time.Microsecond, 100: 4200 * time.Microsecond,
	1000: 37500 * time.Microsecond, 5000: 108 * time.Millisecond,
}

func run(sizes string, mass, replay int) error {
	bin, remove, err := buildServer()
	if err != nil {
		return err
	}
	defer remove()
	fmt.Printf("%s, %d CPUs\n", runtime.Version(), runtime.NumCPU())
	fmt.Println("base: core NATS, publish to callback. act: revocation sent (fast path, then stream) to taken by the denylist.")
	fmt.Println("ordered: publish to a stream to the callback of an ordered consumer per node. cpu: the server's, per delivered message.")
	fmt.Println("memory: the server's, per node. lost: deliveries that did not come within 30 s.")
	fmt.Printf(columns, "nodes", "kind", "publishes", "p50", "p99", "max", "/base", "last p50", "/base", "cpu", "/base", "memory", "lost")
	void := false
	for size := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil || n < 1 {
			return fmt.Errorf("-nodes: %q is not a number of nodes", size)
		}
		var base result
		for _, k := range kinds {
			r, err := measure(bin, k, n)
			if err != nil {
				return fmt.Errorf("%s with %d nodes: %w", k.name, n, err)
			}
			if k.name == "base" {
				base = r
				if limit, known := baseLimit[n]; known && r.all.p(50) > limit {
					void = true
				}
			}
			r.print(n, k.name, base)
		}
	}
	if mass > 0 {
		if err := massRevocation(bin, 100, mass); err != nil {
			return fmt.Errorf("mass revocation: %w", err)
		}
	}
	if replay > 0 {
		for _, perMessage := range []int{1, 500} {
			if err := replayAtStart(bin, replay, perMessage); err != nil {
				return fmt.Errorf("replay: %w", err)
			}
		}
	}
	if void {
		return fmt.Errorf("void: bare core NATS took more than three times what it does on a quiet machine")
	}
	return nil
}

// pace says how fast to publish to n nodes, and how often.
func pace(n int) (perSecond float64, publishes int) {
	switch {
	case n <= 100:
		return 100, 1000
	case n <= 1000:
		return 10, 200
	}
	return 2, 40
}

// measure runs one kind of delivery to n nodes against a fresh server.
func measure(bin string, k kind, n int) (result, error) {
	srv, err := startServer(bin, true)
	if err != nil {
		return result{}, err
	}
	defer srv.stop()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	got := newReceiver(n)
	before, err := srv.rss()
	if err != nil {
		return result{}, err
	}
	send, closeAll, err := k.open(ctx, srv.url, n, got)
	defer closeAll()
	if err != nil {
		return result{}, err
	}
	time.Sleep(2 * time.Second) // connections settle
	after, err := srv.rss()
	if err != nil {
		return result{}, err
	}
	r := result{memory: (after - before) / int64(n)}
	perSecond, publishes := pace(n)
	tick := time.NewTicker(time.Duration(float64(time.Second) / perSecond))
	defer tick.Stop()
	cpu, delivered, err := srv.usage()
	if err != nil {
		return result{}, err
	}
	for range publishes {
		<-tick.C
		if err := got.round(&r, send); err != nil {
			return result{}, err
		}
	}
	cpuAfter, deliveredAfter, err := srv.usage()
	if err != nil {
		return result{}, err
	}
	r.cpu = (cpuAfter - cpu) / time.Duration(max(1, deliveredAfter-delivered))
	r.publishes = publishes
	return r, nil
}
