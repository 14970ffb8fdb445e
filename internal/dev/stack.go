package dev

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/internal/service"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// Config configures a [Stack]. Empty addresses choose free ports.
type Config struct {
	NATSPort   int
	Cognito    string        // address of the emulator
	PublicAddr string        // of the revoke service
	AdminAddr  string        // likewise
	Metrics    string        // likewise
	Probe      time.Duration // between two canaries of the prober; zero for none
	Logger     zerolog.Logger
}

// Stack is everything but the sample nodes: NATS, Cognito, the revoke service.
type Stack struct {
	dir     string
	servers []*natsdev.Server
	cognito *cognitotest.Server
	demo    cognitotest.DemoPool
	service *service.Service
	apiKey  string
}

// learnRate is far above the service's default, because the demo presents many
// refresh tokens alone to a Cognito that nobody else uses.
const learnRate = 120

// Start starts a stack and returns once the service is ready. After an error
// nothing is left.
func Start(ctx context.Context, cfg Config) (_ *Stack, err error) {
	s := &Stack{apiKey: rand.Text()}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "revoked-dev-"); err != nil {
		return nil, err
	}
	natsURL, err := s.startNATS(ctx, cfg.NATSPort)
	if err != nil {
		return nil, err
	}
	if s.cognito, err = cognitotest.Start(cognitotest.Config{Addr: cfg.Cognito}); err != nil {
		return nil, err
	}
	if s.demo, err = s.cognito.SeedDemo(); err != nil {
		return nil, err
	}
	svc := service.Default()
	svc.PublicAddr, svc.AdminAddr, svc.MetricsAddr = anyPort(cfg.PublicAddr), anyPort(cfg.AdminAddr), anyPort(cfg.Metrics)
	svc.APIKey = service.Secret(s.apiKey)
	svc.LearnRate = learnRate
	svc.InsecureEphemeralSealKey = true // the store goes when we do
	svc.ServiceID = "revoked-dev"
	svc.Probe.Interval = cfg.Probe
	svc.Logger = cfg.Logger
	svc.NATS.URL = natsURL
	svc.Pools = []service.Pool{{
		ID:       s.demo.Pool.ID(),
		Endpoint: s.cognito.URL(),
		JWKSURL:  s.demo.Pool.JWKSURL(),
		Clients: []service.Client{
			{ID: cognitotest.DemoClientID},
			{ID: cognitotest.DemoVaultClientID, Secret: cognitotest.DemoClientSecret},
		},
	}}
	if s.service, err = service.Start(ctx, svc); err != nil {
		return nil, err
	}
	return s, s.awaitReady(ctx)
}

func anyPort(addr string) string {
	if addr == "" {
		return "127.0.0.1:0"
	}
	return addr
}

// startNATS starts a server with a provisioned, empty stream.
func (s *Stack) startNATS(ctx context.Context, port int) (string, error) {
	srv, err := natsdev.Start(natsdev.Config{
		StoreDir: filepath.Join(s.dir, fmt.Sprint("jetstream-", len(s.servers))), Port: port,
	})
	if err != nil {
		return "", err
	}
	s.servers = append(s.servers, srv)
	nc, err := nats.Connect(srv.URL())
	if err != nil {
		return "", err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return "", err
	}
	names, err := stream.NewNames("")
	if err != nil {
		return "", err
	}
	_, err = stream.Provision(ctx, js, stream.Settings{Names: names})
	return srv.URL(), err
}

// emptyNATS starts one more server, of whose stream nobody knows.
func (s *Stack) emptyNATS(ctx context.Context) (string, error) { return s.startNATS(ctx, 0) }

// awaitReady waits until the service answers that it is ready.
func (s *Stack) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return poll(ctx, func() (bool, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.service.MetricsURL()+"/readyz", nil)
		if err != nil {
			return true, err
		}
		code, body, err := s.callers().do(req)
		if err == nil && code != http.StatusOK {
			err = fmt.Errorf("revoke service not ready: %s", body)
		}
		return err == nil, err
	})
}

// callers returns clients of the stack.
func (s *Stack) callers() *callers {
	return &callers{
		http:    &http.Client{Timeout: 20 * time.Second},
		cognito: s.cognito.URL(),
		public:  s.service.PublicURL(),
		admin:   s.service.AdminURL(),
		apiKey:  s.apiKey,
	}
}

// nodeConfig is what sample node i is started with.
func (s *Stack) nodeConfig(i int) NodeConfig {
	return NodeConfig{
		Name:   fmt.Sprint(i + 1),
		Listen: "127.0.0.1:0",
		NATS:   s.servers[0].URL(),
		Pool:   s.demo.Pool.ID(),
		JWKS:   s.demo.Pool.JWKSURL(),
		Client: cognitotest.DemoClientID,
	}
}

// Close stops everything and removes the store.
func (s *Stack) Close() error {
	var errs []error
	if s.service != nil {
		errs = append(errs, s.service.Close())
	}
	if s.cognito != nil {
		s.cognito.Close()
	}
	for _, srv := range s.servers {
		srv.Stop()
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}
