package dev

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/subscriber/subscriberprom"
	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
	"github.com/seed-4e8dee1b/revoked/validator/validatorprom"
)

// NodeConfig configures one sample API node.
type NodeConfig struct {
	Name     string // among the replicas of the service "sample"
	Listen   string // address; port 0 chooses one
	NATS     string // URLs
	Pool     string // user pool id
	JWKS     string // URL of the pool's keys
	Client   string // app client whose tokens are accepted
	Sabotage Sabotage
}

// Sabotage makes a node wrong in one way, so that a test can see that the demo
// notices.
type Sabotage string

// The ways.
const (
	SabotageNone       Sabotage = ""
	SabotageNoDenylist Sabotage = "no-denylist" // verifies tokens, asks nobody
	SabotageAskCognito Sabotage = "ask-cognito" // a network call per request
)

// NodeStats is what a node answers under /stats.
type NodeStats struct {
	// Decisions by reason, as the validator counts them.
	Decisions map[string]uint64 `json:"decisions"`
	// Acts held in the denylist, and the stream sequence they are complete to.
	Acts     int    `json:"acts"`
	Sequence uint64 `json:"sequence"`
	State    string `json:"state"`
	// Calls counts what the node has sent since its start: messages to NATS
	// (never a ping, nor what it reports of itself every few seconds) and HTTP
	// requests to anybody.
	Calls uint64 `json:"calls"`
}

// RunNode serves a sample API until ctx ends: GET / needs a token, /readyz,
// /metrics and /stats do not. Once it is ready it writes its base URL to out, on a line of
// its own.
func RunNode(ctx context.Context, cfg NodeConfig, out io.Writer) error {
	n, err := openNode(ctx, cfg)
	if err != nil {
		return err
	}
	defer n.close()
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("node %s: %w", cfg.Name, err)
	}
	srv := &http.Server{Handler: n.handler(), ReadHeaderTimeout: 5 * time.Second}
	fmt.Fprintf(out, "http://%s\n", ln.Addr())
	stopped := context.AfterFunc(ctx, func() { srv.Close() })
	defer stopped()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("node %s: %w", cfg.Name, err)
	}
	return nil
}

// node is a running sample node.
type node struct {
	cfg    NodeConfig
	nc     *nats.Conn
	deny   *subscriber.Subscriber
	tokens *validator.Validator
	auth   *httpauth.Auth
	http   countingTransport
}

func openNode(ctx context.Context, cfg NodeConfig) (_ *node, err error) {
	n := &node{cfg: cfg}
	defer func() {
		if err != nil {
			n.close()
		}
	}()
	// The node brings its own connection because it counts what it sends; see
	// subscriber.Config.Servers for the usual way.
	n.nc, err = nats.Connect(cfg.NATS, nats.Name("sample "+cfg.Name), nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2))
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", cfg.Name, err)
	}
	n.deny, err = subscriber.Open(ctx, subscriber.Config{Conn: n.nc, Service: "sample", Node: cfg.Name})
	if err != nil {
		return nil, err
	}
	v := validator.Config{
		Pools:     []validator.Pool{{ID: cfg.Pool, ClientIDs: []string{cfg.Client}, JWKSURL: cfg.JWKS}},
		Denylist:  n.deny,
		Transport: &n.http,
	}
	if cfg.Sabotage == SabotageNoDenylist {
		v.Denylist, v.InsecureSkipDenylist = nil, true
	}
	if n.tokens, err = validator.New(v); err != nil {
		return nil, err
	}
	if err = n.tokens.WaitForKeys(ctx); err != nil {
		return nil, err
	}
	n.auth, err = httpauth.New(httpauth.Config{Validator: n.tokens, Realm: "sample"})
	return n, err
}

func (n *node) close() {
	if n.tokens != nil {
		n.tokens.Close()
	}
	if n.deny != nil {
		n.deny.Close()
	}
	if n.nc != nil {
		n.nc.Close()
	}
}

func (n *node) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", n.auth.Middleware(http.HandlerFunc(n.hello)))
	mux.Handle("GET /readyz", n.deny.ReadyHandler())
	mux.Handle("GET /metrics", n.metrics())
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(n.stats()) // the client may be gone
	})
	return mux
}

// metrics serves what a service that embeds the libraries would.
func (n *node) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(subscriberprom.New(n.deny), validatorprom.New(n.tokens), validatorprom.NewRoute("hello", n.auth),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry})
}

func (n *node) hello(w http.ResponseWriter, r *http.Request) {
	tok, _ := httpauth.TokenFrom(r.Context())
	if n.cfg.Sabotage == SabotageAskCognito {
		if resp, err := (&http.Client{Transport: &n.http}).Get(n.cfg.JWKS); err == nil {
			resp.Body.Close()
		}
	}
	fmt.Fprintf(w, "node %s: hello %s, your token ends at %s\n", n.cfg.Name,
		tok.Token().Subject, tok.ExpiresAt().UTC().Format(time.RFC3339))
}

func (n *node) stats() NodeStats {
	st := n.deny.Status()
	s := NodeStats{
		Decisions: make(map[string]uint64),
		Acts:      st.Acts,
		Sequence:  st.LastSequence,
		State:     st.State.String(),
		Calls:     n.nc.Stats().OutMsgs - st.Counters.Reports + n.http.requests.Load(),
	}
	for reason, count := range n.tokens.Stats().Decisions {
		s.Decisions[reason.String()] = count
	}
	return s
}

// countingTransport counts the requests that pass it.
type countingTransport struct{ requests atomic.Uint64 }

// RoundTrip implements http.RoundTripper.
func (t *countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.requests.Add(1)
	return http.DefaultTransport.RoundTrip(r)
}

// The subscriber is a denylist for the validator, which does not know it.
var _ validator.Denylist = (*subscriber.Subscriber)(nil)

// revokedReason is the decision that only the denylist makes.
var revokedReason = validator.ReasonOf(revocation.ErrRevoked).String()
