package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	stdlog "log"

	"github.com/rs/zerolog"

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

// servers are the three of them.
type servers struct {
	public, admin, metrics *server

	failed  chan error // capacity 3: each of them fails at most once
	running sync.WaitGroup
}

// listen opens the three listeners and serves.
func (s *Service) listen() error {
	common := api.Common{
		Revoker: &lateRevoker{s},
		Tokens:  s.tokens,
		Audit:   auditLog{s.audit},
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
	s.servers.failed = make(chan error, 3)
	for _, l := range []struct {
		key, addr string
		handler   http.Handler
		server    **server
	}{
		{"public_addr", s.cfg.PublicAddr, publicHandler, &s.servers.public},
		{"admin_addr", s.cfg.AdminAddr, adminHandler, &s.servers.admin},
		{"metrics_addr", s.cfg.MetricsAddr, s.healthHandler(), &s.servers.metrics},
	} {
		ln, err := net.Listen("tcp", l.addr)
		if err != nil {
			return fmt.Errorf("service: %s: %w", l.key, err)
		}
		srv := newHTTPServer(l.handler, s.log)
		*l.server = &server{ln: ln, srv: srv}
		s.servers.running.Go(func() {
			if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				s.servers.failed <- fmt.Errorf("service: %s: %w", l.key, err)
			}
		})
	}
	return nil
}

// newHTTPServer bounds everything that a client could stretch.
func newHTTPServer(h http.Handler, log zerolog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second, // 64 KiB
		// From the end of the header on: longer than the longest request,
		// which api bounds to 40 s.
		WriteTimeout: time.Minute,
		IdleTimeout:  2 * time.Minute,
		// Two long tokens, and what proxies add.
		MaxHeaderBytes: 32 << 10,
		ErrorLog:       stdlog.New(errorLog{log}, "", 0),
	}
}

// errorLog takes the lines of net/http, which are about connections.
type errorLog struct{ log zerolog.Logger }

// Write implements [io.Writer].
func (e errorLog) Write(line []byte) (int, error) {
	e.log.Debug().Bytes("detail", line).Msg("http server")
	return len(line), nil
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

// closeMetrics closes the last listener and waits for all goroutines.
func (s *servers) closeMetrics() {
	if s.metrics != nil {
		s.metrics.srv.Close()
	}
	s.running.Wait()
}
