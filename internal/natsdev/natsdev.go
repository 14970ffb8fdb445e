// Package natsdev runs nats-server with JetStream inside the process, for
// tests and for revoked-dev. It is a real server on a loopback port; only its
// place is unusual. It must not be used in production: one replica, no
// authentication.
package natsdev

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// startTimeout bounds the wait for a server that accepts connections.
const startTimeout = 20 * time.Second

// Config says where the server listens and keeps its store.
type Config struct {
	// StoreDir is JetStream's directory. Required.
	StoreDir string
	// Port on 127.0.0.1; 0 chooses a free one.
	Port int
}

// Server is a running nats-server. Its methods are not safe for concurrent use
// with each other.
type Server struct {
	cfg Config
	srv *server.Server
}

// Start runs a server and returns once it accepts connections.
func Start(cfg Config) (*Server, error) {
	if cfg.StoreDir == "" {
		return nil, fmt.Errorf("natsdev: StoreDir is empty")
	}
	s := &Server{cfg: cfg}
	if err := s.Restart(); err != nil {
		return nil, err
	}
	return s, nil
}

// Restart starts the server again on the same port and store after [Server.Stop].
func (s *Server) Restart() error {
	port := s.cfg.Port
	if port == 0 {
		port = server.RANDOM_PORT
	}
	srv, err := server.NewServer(&server.Options{
		ServerName: "natsdev",
		Host:       "127.0.0.1",
		Port:       port,
		JetStream:  true,
		StoreDir:   s.cfg.StoreDir,
		// As every deployment must: an acknowledged act is on disk.
		SyncAlways: true,
		NoSigs:     true,
		NoLog:      true,
	})
	if err != nil {
		return fmt.Errorf("natsdev: %w", err)
	}
	srv.Start()
	if !srv.ReadyForConnections(startTimeout) {
		srv.Shutdown()
		return fmt.Errorf("natsdev: server not ready after %v", startTimeout)
	}
	s.srv = srv
	if addr, ok := srv.Addr().(*net.TCPAddr); ok {
		s.cfg.Port = addr.Port
	}
	return nil
}

// URL returns the address for clients.
func (s *Server) URL() string { return "nats://127.0.0.1:" + strconv.Itoa(s.cfg.Port) }

// Stop shuts the server down and waits for it. The store stays.
func (s *Server) Stop() {
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
}

// TB is the part of testing.TB that [Run] needs; naming it here keeps package
// testing out of revoked-dev.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	TempDir() string
	Cleanup(func())
}

// Run starts a server for the length of one test.
func Run(t TB) *Server {
	t.Helper()
	s, err := Start(Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatalf("starting nats-server: %v", err)
	}
	t.Cleanup(s.Stop)
	return s
}
