package cognitotest

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Config configures an emulator. The zero value is a working one: a free
// loopback port, the machine's clock, no quotas, no failures.
type Config struct {
	// Addr is where [Start] listens, as for [net.Listen] with "tcp". Empty
	// means "127.0.0.1:0", a free port. [New] ignores it.
	Addr string

	// URL is the base under which clients reach the emulator, without a
	// trailing slash. Empty means the listener's own address with [Start];
	// with [New] it is then taken from each request, and pools with
	// [IssuerLocal] are refused because their issuer would be unknown.
	URL string

	// Region is the AWS Region of pools that name none. Empty means
	// "eu-west-1".
	Region string

	// Clock is Cognito's clock. Nil means [time.Now]. It is called from many
	// goroutines. [Server.Advance] adds to whatever it returns.
	Clock func() time.Time

	// DateSkew is added to the Date header of every response. With TokenSkew
	// of the same size it makes a Cognito whose clock differs from the
	// caller's; alone it makes a Cognito that contradicts itself.
	DateSkew time.Duration

	// TokenSkew is added to the clock wherever tokens are concerned: iat,
	// auth_time, exp, sign-out times, and the check of expiry.
	TokenSkew time.Duration
}

// Server is one emulated Cognito endpoint with any number of user pools.
type Server struct {
	config  Config       // immutable
	url     string       // immutable; empty if unknown
	handler http.Handler // immutable

	clock    clock
	counters counters
	faults   faults
	quotas   quotas

	mu            sync.Mutex // guards the fields below and all state of pools
	pools         map[string]*Pool
	clients       map[string]*client
	refreshTokens map[tokenHash]*refreshToken
	codes         map[string]*authCode
	cookies       map[string]*browserSession

	http      *http.Server   // nil without Start
	running   sync.WaitGroup // the accept loop and one per connection
	done      chan struct{}  // closed by Close; ends injected latency
	closeOnce sync.Once
}

// New returns an emulator that does not listen: serve [Server.Handler] from
// a listener of your own. Close it all the same.
func New(config Config) (*Server, error) {
	if config.Region == "" {
		config.Region = "eu-west-1"
	}
	if config.Clock == nil {
		config.Clock = time.Now
	}
	s := &Server{
		config:        config,
		url:           config.URL,
		clock:         clock{base: config.Clock},
		pools:         map[string]*Pool{},
		clients:       map[string]*client{},
		refreshTokens: map[tokenHash]*refreshToken{},
		codes:         map[string]*authCode{},
		cookies:       map[string]*browserSession{},
		done:          make(chan struct{}),
	}
	s.handler = s.routes()
	return s, nil
}

// Start returns an emulator that listens on config.Addr until Close.
func Start(config Config) (*Server, error) {
	if config.Addr == "" {
		config.Addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", config.Addr)
	if err != nil {
		return nil, fmt.Errorf("cognitotest: %w", err)
	}
	if config.URL == "" {
		config.URL = "http://" + listener.Addr().String()
	}
	s, err := New(config)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s.http = &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 10 * time.Second,
		ConnState:         s.track,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	s.running.Go(func() { _ = s.http.Serve(listener) })
	return s, nil
}

// track counts connections so that Close can wait for their goroutines.
func (s *Server) track(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.running.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.running.Done()
	}
}

// URL returns the base URL of the emulator: the endpoint for an AWS SDK
// (BaseEndpoint) and the prefix of the OAuth paths. It is empty with [New]
// and no Config.URL.
func (s *Server) URL() string { return s.url }

// Handler returns the emulator's HTTP surface.
func (s *Server) Handler() http.Handler { return s.handler }

// Close stops listening, cuts open connections, ends injected latency and
// returns when every goroutine has stopped. It is idempotent. Signing keys
// go back to the process: don't mint with pools of a closed server.
func (s *Server) Close() {
	s.closeOnce.Do(func() {
		close(s.done)
		if s.http != nil {
			_ = s.http.Close()
		}
		s.running.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, p := range s.pools {
			p.releaseKeys()
		}
	})
}

// baseURL is the emulator's URL as the sender of r knows it.
func (s *Server) baseURL(r *http.Request) string {
	if s.url != "" {
		return s.url
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
