package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// nodeConfig is what a node is started with.
type nodeConfig struct {
	NATS string
	Name string
}

// nodeRequest asks a node for its verdict. Exactly one field is set.
type nodeRequest struct {
	// Check asks which of these the denylist refuses now.
	Check []revocation.Token
	// Watch begins to check these all the time, until each is refused.
	Watch []revocation.Token
	// Watched asks since when those of Watch have been refused.
	Watched bool
}

// nodeAnswer has one element for each token of the request, in its order.
type nodeAnswer struct {
	Refused []bool
	// Since is in Unix nanoseconds; 0 means not yet.
	Since []int64
	Error string
}

// startNode starts a node and returns when it is live.
func (s *stage) startNode() (*process, error) {
	p, err := start(modeNode, nodeConfig{NATS: s.nats.URL(), Name: fmt.Sprint("node-", len(s.nodes)+1)})
	if err != nil {
		return nil, err
	}
	var ready nodeAnswer
	if err := p.receive(&ready); err != nil {
		p.kill()
		return nil, fmt.Errorf("starting a node: %w", err)
	}
	return p, nil
}

// refused asks one node about tokens.
func refused(node *process, tokens []revocation.Token) ([]bool, error) {
	var a nodeAnswer
	if err := node.ask(nodeRequest{Check: tokens}, &a); err != nil {
		return nil, err
	}
	if a.Error != "" {
		return nil, errors.New(a.Error)
	}
	return a.Refused, nil
}

// serveNode is a node: a denylist and nothing else.
func serveNode(ctx context.Context, in *json.Decoder, out *json.Encoder) error {
	var cfg nodeConfig
	if err := in.Decode(&cfg); err != nil {
		return err
	}
	opening, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	deny, err := subscriber.Open(opening, subscriber.Config{Servers: cfg.NATS, Service: "drill", Node: cfg.Name})
	if err != nil {
		return err
	}
	defer deny.Close()
	if err := out.Encode(nodeAnswer{}); err != nil {
		return err
	}
	w := watch{deny: deny}
	defer w.stop()
	for {
		var req nodeRequest
		if err := in.Decode(&req); err != nil {
			return err
		}
		var a nodeAnswer
		switch {
		case req.Check != nil:
			a.Refused = make([]bool, len(req.Check))
			for i, tok := range req.Check {
				err := deny.Check(tok)
				if a.Refused[i] = errors.Is(err, revocation.ErrRevoked); err != nil && !a.Refused[i] {
					a.Error = err.Error() // stale: no verdict at all
				}
			}
		case req.Watch != nil:
			w.begin(req.Watch)
		case req.Watched:
			a.Since = w.result()
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
}

// watchPeriod is how exactly a node knows since when it refuses a token.
const watchPeriod = 10 * time.Millisecond

// watch checks tokens all the time, as requests would.
type watch struct {
	deny *subscriber.Subscriber
	quit chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex // guards the field below
	since []int64
}

func (w *watch) begin(tokens []revocation.Token) {
	w.stop()
	w.since = make([]int64, len(tokens))
	quit := make(chan struct{})
	w.quit = quit
	w.done.Go(func() {
		again := time.NewTicker(watchPeriod)
		defer again.Stop()
		left := make([]int, len(tokens))
		for i := range left {
			left[i] = i
		}
		for {
			still := left[:0]
			for _, i := range left {
				if !errors.Is(w.deny.Check(tokens[i]), revocation.ErrRevoked) {
					still = append(still, i)
					continue
				}
				now := time.Now().UnixNano()
				w.mu.Lock()
				w.since[i] = now
				w.mu.Unlock()
			}
			left = still
			select {
			case <-quit:
				return
			case <-again.C:
			}
		}
	})
}

func (w *watch) result() []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]int64{}, w.since...)
}

func (w *watch) stop() {
	if w.quit != nil {
		close(w.quit)
		w.done.Wait()
		w.quit = nil
	}
}
