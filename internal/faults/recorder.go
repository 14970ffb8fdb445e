package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-4e8dee1b/revoked/internal/client"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// recorderConfig is what the recorder process is told.
type recorderConfig struct {
	Servers      []string // each writer uses one of its own
	NKey         string
	Service      string // URL of the revoke service's API
	MaxStaleness time.Duration
	Nodes        []nodeAddress
}

type nodeAddress struct{ Name, Socket string }

// order is a line of JSON from the controller; each is answered with a report.
type order struct {
	Do     string // one of the orders below
	Node   string
	Socket string
	Offset time.Duration
}

const (
	doReport = "report"
	doBegin  = "begin" // a fault begins: times and counts start here
	doMark   = "mark"  // Enforced and NextAcked start here, as they do at doBegin
	doHeal   = "heal"  // it has ended: recovery counts from here
	doPause  = "pause" // no more acts
	doResume = "resume"
	doFinal  = "final" // pause, and check every act at every node
	doClock  = "clock" // set the clock of Node wrong by Offset
	doJoin   = "join"  // Node at Socket is new, and only asked by doFinal
)

// report is what the recorder knows since the last doBegin.
type report struct {
	Acts      int           // acknowledged
	NextAcked time.Duration // until the first act was acknowledged that was sent after the mark; -1: none yet
	Nodes     []nodeReport
	Err       string
}

// nodeReport is about one node.
type nodeReport struct {
	Name          string
	State, Reason string
	Checks        int64
	Positive      int64 // of tokens that an acknowledged act refuses, and the node refused
	FalseAccepts  int64
	FalseRefusals int64  // of tokens that no act refuses
	Sample        string // one of the wrong answers
	Lost          int    // acts that doFinal did not find enforced

	Fresh     bool          // as of its last answer
	Missing   int           // acts acknowledged before the as-of time, not refused as of now
	Enforced  time.Duration // until the first act was enforced that was sent after the mark; -1: none yet
	Stale     time.Duration // until the first stale answer since the beginning; -1: none yet
	Recovered time.Duration // from the end of the fault to fresh with nothing missing; -1: not yet
	Gap       time.Duration // longest time in which no newer act came into force
	Acts      int           // acknowledged up to its recovery
}

// recordedAct is one act, by its number.
type recordedAct struct {
	sent  time.Time
	acked time.Time // zero as long as it is not
}

// recorder writes acts, remembers which were acknowledged, and keeps asking
// every node for them. It knows nothing of the faults.
type recorder struct {
	cfg    recorderConfig
	paused atomic.Bool

	mu      sync.Mutex // guards the fields below
	acts    []recordedAct
	beginAt time.Time
	begin   int // acts before the beginning
	markAt  time.Time
	mark    int       // acts before it
	healAt  time.Time // zero while the fault lasts
	taken   int       // acts below it are no longer to be taken by the service

	nodes []*asker // of the goroutine that obeys
}

// runRecorder serves the controller on standard input and output.
func runRecorder(cfg recorderConfig) error {
	ctx, stop := context.WithCancel(context.Background())
	r := &recorder{cfg: cfg, beginAt: time.Now(), markAt: time.Now()}
	var done sync.WaitGroup
	defer done.Wait()
	defer stop()
	key, err := nats.NkeyOptionFromSeed(cfg.NKey)
	if err != nil {
		return err
	}
	for _, url := range cfg.Servers {
		nc, err := nats.Connect(url, key, nats.CustomInboxPrefix("_INBOX_revoked"), nats.RetryOnFailedConnect(true),
			nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond), nats.PingInterval(time.Second),
			nats.MaxPingsOutstanding(2), nats.ReconnectBufSize(-1))
		if err != nil {
			return err
		}
		defer nc.Close()
		bus, err := publisher.NewNATSBus(nc, "")
		if err != nil {
			return err
		}
		for range writersPerServer {
			done.Go(func() { r.write(ctx, bus) })
		}
	}
	api, err := client.New(client.Config{URL: cfg.Service, APIKey: apiKey})
	if err != nil {
		return err
	}
	done.Go(func() { r.order(ctx, api) })
	for _, n := range cfg.Nodes {
		a, err := newAsker(r, n)
		if err != nil {
			return err
		}
		r.nodes = append(r.nodes, a)
	}
	for _, a := range r.nodes {
		done.Go(func() { a.run(ctx) })
	}
	return r.serve(os.Stdin, os.Stdout)
}

func (r *recorder) serve(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	enc := json.NewEncoder(out)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		err := r.obey(o)
		rep := r.report()
		if err != nil {
			rep.Err = err.Error()
		}
		if err := enc.Encode(rep); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (r *recorder) obey(o order) error {
	switch o.Do {
	case doReport:
	case doBegin:
		r.mu.Lock()
		r.beginAt, r.begin, r.healAt = time.Now(), len(r.acts), time.Time{}
		r.markAt, r.mark = r.beginAt, r.begin
		r.mu.Unlock()
		for _, a := range r.nodes {
			a.restart()
		}
	case doMark:
		r.mu.Lock()
		r.markAt, r.mark = time.Now(), len(r.acts)
		r.mu.Unlock()
		for _, a := range r.nodes {
			a.unmark()
		}
	case doHeal:
		r.mu.Lock()
		r.healAt = time.Now()
		r.mu.Unlock()
	case doPause:
		r.paused.Store(true)
	case doResume:
		r.paused.Store(false)
	case doFinal:
		r.paused.Store(true)
		for _, a := range r.nodes {
			a.final()
			// What is under way arrives, even at a node that is looking for a
			// server.
			for end := time.Now().Add(lostAfter); a.report().Lost > 0 && time.Now().Before(end); time.Sleep(askPause) {
				a.final()
			}
		}
	case doJoin:
		return r.join(o)
	case doClock:
		for _, a := range r.nodes {
			if a.name == o.Node {
				return a.setClock(o.Offset)
			}
		}
		return fmt.Errorf("no node %q", o.Node)
	default:
		return fmt.Errorf("unknown order %q", o.Do)
	}
	return nil
}

// join begins to ask one more node, from which no recovery is expected.
func (r *recorder) join(o order) error {
	a, err := newAsker(r, nodeAddress{o.Node, o.Socket})
	if err != nil {
		return err
	}
	a.settled = true
	r.nodes = append(r.nodes, a)
	return nil
}

func (r *recorder) report() report {
	r.mu.Lock()
	rep := report{NextAcked: -1}
	for i, a := range r.acts[r.begin:] {
		if a.acked.IsZero() {
			continue
		}
		rep.Acts++
		if d := a.acked.Sub(r.markAt); r.begin+i >= r.mark && (rep.NextAcked < 0 || d < rep.NextAcked) {
			rep.NextAcked = d
		}
	}
	r.mu.Unlock()
	for _, a := range r.nodes {
		rep.Nodes = append(rep.Nodes, a.report())
	}
	return rep
}

const (
	writersPerServer = 2
	// writePause makes some 20 acts a second of each writer.
	writePause = 50 * time.Millisecond
	actLife    = time.Hour
	// lostAfter is how long an acknowledged act may take to be enforced at a
	// node once the network is whole.
	lostAfter = 15 * time.Second
)

// next is the number of a new act for a writer. Those of the service it leaves
// out.
func (r *recorder) next() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for viaService(len(r.acts)) {
		r.acts = append(r.acts, recordedAct{})
	}
	r.acts = append(r.acts, recordedAct{sent: time.Now()})
	return len(r.acts) - 1
}

// take is the number of an act that the writers have left for the service; -1
// if there is none.
func (r *recorder) take() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ; r.taken < len(r.acts); r.taken++ {
		if viaService(r.taken) && r.acts[r.taken].sent.IsZero() {
			r.acts[r.taken].sent = time.Now()
			return r.taken
		}
	}
	return -1
}

func (r *recorder) acked(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acts[n].acked = time.Now()
}

// write publishes acts as the revoke service does, but for the task: on the
// fast path at once, then into the stream until that is acknowledged. Acts don't
// wait for each other, as requests to the service don't.
func (r *recorder) write(ctx context.Context, bus *publisher.NATSBus) {
	var sending sync.WaitGroup
	defer sending.Wait()
	for ; ctx.Err() == nil; time.Sleep(writePause) {
		if r.paused.Load() {
			continue
		}
		n := r.next()
		act := revocation.Act{
			ID: revocation.NewActID(), State: revocation.StateOpen,
			ExpiresAt: time.Now().Add(actLife).Unix(), Target: targetOf(n),
		}
		payload := revocation.Message{SentAt: time.Now(), Acts: []revocation.Act{act}}.Encode()
		fastErr := bus.Fast(ctx, payload)
		sending.Go(func() {
			attempt, cancel := context.WithTimeout(ctx, 15*time.Second)
			defer cancel()
			_, err := bus.AppendAct(attempt, payload, actLife+revocation.MaxLeeway)
			if err == nil { // the stream brings it even if the fast path has failed
				r.acked(n)
			} else if fastErr != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, "act not sent:", err)
			}
		})
	}
}

// order lets the revoke service revoke users, one after the other.
func (r *recorder) order(ctx context.Context, api *client.Client) {
	for ; ctx.Err() == nil; time.Sleep(writePause) {
		n := -1
		if !r.paused.Load() {
			n = r.take()
		}
		if n < 0 {
			continue
		}
		attempt, cancel := context.WithTimeout(ctx, 20*time.Second)
		_, err := api.Revoke(attempt, client.Request{Kind: "user", Pool: pool, ID: targetOf(n).ID})
		cancel()
		if err == nil {
			r.acked(n)
		}
	}
}
