package gate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"github.com/seed-4e8dee1b/revoked/internal/config"
	"github.com/seed-4e8dee1b/revoked/internal/httpserver"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/askcognito"
	"github.com/seed-4e8dee1b/revoked/validator/extauthz"
)

const (
	// answerTimeout is longer than the longest decision, which asks Cognito.
	answerTimeout = 20 * time.Second
	// maxHeaderBytes of gRPC, as of HTTP, is room for a token and for what
	// browsers and proxies send beside it.
	maxHeaderBytes = 32 << 10
	// maxCheckMessage bounds what Envoy sends: the header of a request, which
	// Envoy itself bounds to 60 KiB.
	maxCheckMessage = 256 << 10
	// drainTimeout bounds how long Close waits for decisions under way.
	drainTimeout = 5 * time.Second
)

// Gate is a running gate. Its methods are safe for concurrent use.
type Gate struct {
	cfg     Config // immutable
	log     zerolog.Logger
	sampled zerolog.Logger // for what a peer can repeat at will
	trusted []netip.Prefix
	poolIDs []string
	issuers []revocation.Issuer
	judge   *judge
	numbers *numbers

	stopping atomic.Bool
	stop     context.CancelFunc // ends opening
	opening  sync.WaitGroup
	once     sync.Once

	http    []*http.Server // of forward-auth and check
	grpc    *grpc.Server   // nil without ext_authz
	metrics *http.Server
	debug   *http.Server        // nil without debug_addr
	addrs   map[string][]string // by key of the configuration
	serving sync.WaitGroup
	failed  chan error // capacity: one per listener
}

// Start opens the listeners and returns; NATS and Cognito may be out of reach,
// and until they are not, tokens are refused as unverifiable. The error is a
// [*config.Error] if cfg is wrong, else about an address that can't be
// listened on; then nothing is left running. The caller must call
// [Gate.Close].
func Start(cfg Config) (*Gate, error) {
	if err := config.Wrong(cfg.problems()); err != nil {
		return nil, err
	}
	log := cfg.Logger.With().Str("component", "gate").Logger()
	g := &Gate{
		cfg: cfg, log: log,
		sampled: log.Sample(&zerolog.BurstSampler{Burst: 5, Period: time.Minute}),
		judge:   &judge{rules: newRules(cfg.Rules), deny: &denylist{}, glass: validator.NewBreakGlass(cfg.BreakGlassFile), log: log},
		addrs:   make(map[string][]string),
	}
	for _, network := range cfg.TrustedProxies {
		g.trusted = append(g.trusted, netip.MustParsePrefix(network)) // checked
	}
	for _, p := range cfg.Pools {
		g.poolIDs = append(g.poolIDs, p.ID)
		for _, iss := range p.Issuers {
			g.issuers = append(g.issuers, revocation.Issuer{URL: iss, Pool: p.ID})
		}
	}
	var err error
	g.judge.tokens, err = validator.New(validator.Config{Pools: cfg.pools(), Denylist: &g.judge.deny.view, Logger: cfg.Logger})
	if err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	if cfg.asksCognito() {
		if g.judge.asker, err = askcognito.New(cfg.asker()); err != nil {
			g.judge.tokens.Close()
			return nil, fmt.Errorf("gate: %w", err)
		}
	}
	g.judge.deny.declare(cfg.declared()...)
	if g.judge.glass.Always() {
		g.judge.deny.declare(validator.FailOpen.String())
		log.Warn().Msg("break-glass: every rule serves while the denylist is stale, by REVOKED_STALE_POLICY")
	}
	g.numbers = newNumbers(g)
	ctx, stop := context.WithCancel(context.Background())
	g.stop = stop
	if err := g.serve(); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	g.opening.Go(func() {
		g.judge.deny.open(ctx, subscriber.Config{
			Servers: cfg.NATS.URL, Credentials: cfg.NATS.Creds, NKey: cfg.NATS.NKey,
			CA: cfg.NATS.CA, Cert: cfg.NATS.Cert, Key: cfg.NATS.Key, InboxPrefix: cfg.NATS.InboxPrefix,
			Prefix: cfg.Prefix, Service: cfg.Service, Node: cfg.Node, MaxStaleness: cfg.MaxStaleness,
			LocalFile: cfg.LocalFile, AllowStaleStart: cfg.AllowStaleStart, Applied: cfg.Applied, Logger: cfg.Logger,
		}, log)
	})
	g.log.Info().Strs("forward_auth", g.addrs[viaForwardAuth]).Strs("ext_authz", g.addrs[viaExtAuthz]).
		Strs("check", g.addrs[viaCheck]).Strs("metrics", g.addrs["metrics"]).Strs("debug", g.addrs["debug"]).Str("version", cfg.Version).Msg("listening")
	return g, nil
}

// declared are the policies to tell the fleet of: what may be served while the
// denylist is stale. Callers of /v1/check decide for themselves.
func (c Config) declared() []string {
	policies := []string{validator.FailClosed.String()}
	if len(c.Check.Listen) > 0 {
		policies = append(policies, validator.FailOpen.String())
	}
	for _, r := range c.Rules {
		switch {
		case r.ReportOnly:
			policies = append(policies, "report-only")
		case !r.Anonymous:
			policies = append(policies, r.stale().String())
		}
	}
	return policies
}

// serve opens all listeners before it serves the first.
func (g *Gate) serve() error {
	type service struct {
		key, via string
		addrs    []string
		serve    func(net.Listener) error
	}
	forward, check := httpserver.New(g.forwardAuth(), answerTimeout, g.log), httpserver.New(g.checkAPI(), answerTimeout, g.log)
	g.metrics = httpserver.New(g.healthHandler(), answerTimeout, g.log)
	g.http = []*http.Server{forward, check}
	grpcServer, err := g.newGRPCServer()
	if err != nil {
		return err
	}
	g.grpc = grpcServer
	services := []service{
		{"forward_auth.listen", viaForwardAuth, g.cfg.ForwardAuth.Listen, forward.Serve},
		{"ext_authz.listen", viaExtAuthz, g.cfg.ExtAuthz.Listen, grpcServer.Serve},
		{"check.listen", viaCheck, g.cfg.Check.Listen, check.Serve},
	}
	var run []func()
	var opened []net.Listener
	fail := func(key string, err error) error {
		for _, ln := range opened {
			ln.Close()
		}
		return fmt.Errorf("gate: %s: %w", key, err)
	}
	add := func(s service, ln net.Listener) {
		opened = append(opened, ln)
		g.addrs[s.via] = append(g.addrs[s.via], ln.Addr().String())
		run = append(run, func() {
			if err := s.serve(ln); !errIsClosed(err) && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
				g.failed <- fmt.Errorf("gate: %s: %w", s.key, err)
			}
		})
	}
	for _, s := range services {
		for _, addr := range s.addrs {
			ln, err := g.listen(addr)
			if err != nil {
				return fail(s.key, err)
			}
			add(s, ln)
		}
	}
	own := []service{{"metrics_addr", "metrics", []string{g.cfg.MetricsAddr}, g.metrics.Serve}}
	if g.cfg.DebugAddr != "" {
		g.debug = httpserver.Profiles(g.log)
		own = append(own, service{"debug_addr", "debug", []string{g.cfg.DebugAddr}, g.debug.Serve})
	}
	for _, s := range own {
		ln, err := net.Listen("tcp", s.addrs[0])
		if err != nil {
			return fail(s.key, err)
		}
		add(s, ln)
	}
	g.failed = make(chan error, len(run))
	for _, f := range run {
		g.serving.Go(f)
	}
	return nil
}

func (g *Gate) newGRPCServer() (*grpc.Server, error) {
	authz, err := extauthz.New(g.extAuthz)
	if err != nil {
		return nil, err
	}
	srv := grpc.NewServer(
		grpc.MaxRecvMsgSize(maxCheckMessage),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(1000),
		grpc.ConnectionTimeout(5*time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.WaitForHandlers(true),
	)
	authz.Register(srv)
	healthpb.RegisterHealthServer(srv, health.NewServer()) // for proxies that look after their clusters
	return srv, nil
}

// Addrs returns the addresses of an interface: "forward_auth", "ext_authz",
// "check", "metrics" or "debug".
func (g *Gate) Addrs(via string) []string { return g.addrs[via] }

// Wait returns when ctx ends, with nil, or when a listener fails.
func (g *Gate) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-g.failed:
		return err
	}
}

// ready returns nil once the gate had a complete view and all keys, and until
// it stops. What happens while the view is stale is for the rules to say.
func (g *Gate) ready() error {
	if g.stopping.Load() {
		return errors.New("stopping")
	}
	if err := g.judge.deny.ready(); err != nil {
		return err
	}
	return g.judge.tokens.Ready()
}

// Close turns /readyz off, lets decisions under way finish, and returns when
// every goroutine has ended. It is idempotent.
func (g *Gate) Close() error {
	var err error
	g.once.Do(func() {
		g.stopping.Store(true)
		if len(g.addrs["metrics"]) > 0 { // else nothing has served
			time.Sleep(g.cfg.ShutdownDelay)
		}
		err = g.drain()
		g.stop()
		g.opening.Wait()
		err = errors.Join(err, g.judge.deny.close())
		g.judge.tokens.Close()
		for _, srv := range []*http.Server{g.metrics, g.debug} {
			if srv != nil {
				srv.Close()
			}
		}
		g.serving.Wait()
		g.log.Info().Msg("stopped")
	})
	return err
}

// drain closes the listeners of the interfaces.
func (g *Gate) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	var draining sync.WaitGroup
	errs := make([]error, len(g.http))
	for i, srv := range g.http {
		draining.Go(func() {
			if errs[i] = srv.Shutdown(ctx); errs[i] != nil {
				srv.Close()
			}
		})
	}
	if g.grpc != nil {
		draining.Go(func() {
			late := context.AfterFunc(ctx, g.grpc.Stop)
			defer late()
			g.grpc.GracefulStop()
		})
	}
	draining.Wait()
	return errors.Join(errs...)
}
