package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/httpserver"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
)

// server is one listener with its HTTP server.
type server struct {
	ln  net.Listener
	srv *http.Server
}

func (s *server) url() string {
	if s == nil {
		return ""
	}
	return "http://" + s.ln.Addr().String()
}

// servers are all of them; debug is nil unless it is configured.
type servers struct {
	public, admin, metrics, debug *server

	failed  chan error // capacity 4: each of them fails at most once
	running sync.WaitGroup
}

// answerTimeout is longer than the longest request, which api bounds to 40 s.
const answerTimeout = time.Minute

// listen opens the listeners and serves.
func (s *Service) listen() error {
	common := api.Common{
		Revoker: &lateRevoker{s},
		Tokens:  s.tokens,
		Audit:   auditLog{s.audit},
		Tracer:  s.cfg.Tracer,
		Logger:  s.cfg.Logger,
	}
	public := api.PublicConfig{Common: common, CORSOrigins: s.cfg.CORSOrigins, CognitoWait: s.cfg.CognitoWait, TrustedProxies: s.cfg.TrustedProxies}
	public.Served = s.numbers.served("public")
	admin := api.AdminConfig{
		Common: common, Keys: s.cfg.keys(), Grants: s.cfg.grants(),
		InsecureNoAuth: s.cfg.InsecureNoAuth, RateLimit: s.cfg.RateLimit,
		Examiner: s.tokens, Denylist: &s.deny, Fleet: countedFleet{lateFleet{s}}, Doctor: doctor{s},
		Feed: lateFeed{s}, Stopping: s.draining,
	}
	admin.Served = s.numbers.served("admin")
	admin.Batched = s.numbers.batched
	for _, p := range s.cfg.Pools {
		admin.Pools = append(admin.Pools, p.ID)
		for _, c := range p.Clients {
			public.Clients = append(public.Clients, api.Client{ID: c.ID, Pool: p.ID, Secret: string(c.Secret)})
		}
	}
	publicHandler, err := api.NewPublic(public)
	if err != nil {
		return err
	}
	adminHandler, err := api.NewAdmin(admin)
	if err != nil {
		return err
	}
	s.servers.failed = make(chan error, 4)
	serve := func(h http.Handler) *http.Server { return httpserver.New(h, answerTimeout, s.log) }
	for _, l := range []struct {
		key, addr string
		srv       *http.Server
		server    **server
	}{
		{"public_addr", s.cfg.PublicAddr, serve(s.leaving(publicHandler)), &s.servers.public},
		{"admin_addr", s.cfg.AdminAddr, serve(s.leaving(adminHandler)), &s.servers.admin},
		{"metrics_addr", s.cfg.MetricsAddr, serve(s.healthHandler()), &s.servers.metrics},
		{"debug_addr", s.cfg.DebugAddr, httpserver.Profiles(s.log), &s.servers.debug},
	} {
		if l.addr == "" {
			continue // checked: only debug_addr may be left out
		}
		ln, err := net.Listen("tcp", l.addr)
		if err != nil {
			return fmt.Errorf("service: %s: %w", l.key, err)
		}
		*l.server = &server{ln: ln, srv: l.srv}
		s.servers.running.Go(func() {
			if err := l.srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				s.servers.failed <- fmt.Errorf("service: %s: %w", l.key, err)
			}
		})
	}
	return nil
}

// leaving ends connections that are kept alive, each with the next answer on
// it, from when the service is told to stop. A client that keeps one open would
// stay with this replica after load balancers have left it, until the close of
// the listener meets its next request.
func (s *Service) leaving(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// drain closes the listeners for apps and operators, and waits for requests up
// to a limit. Probes are still answered.
func (s *servers) drain(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var draining sync.WaitGroup
	errs := make([]error, 2)
	for i, srv := range []*server{s.public, s.admin} {
		if srv == nil {
			continue
		}
		draining.Go(func() {
			if errs[i] = srv.srv.Shutdown(ctx); errs[i] != nil {
				srv.srv.Close()
			}
		})
	}
	draining.Wait()
	return errors.Join(errs...)
}

// close closes the last listeners, those that tell how Close gets on, and waits
// for all goroutines.
func (s *servers) close() {
	for _, srv := range []*server{s.metrics, s.debug} {
		if srv != nil {
			srv.srv.Close()
		}
	}
	s.running.Wait()
}
