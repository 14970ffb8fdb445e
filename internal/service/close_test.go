package service_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/service"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// A request that is under way when the service is told to stop is carried out.
func TestCloseFinishesRequests(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	tokens := b.signIn(b.demo.Client, b.demo.Ada)
	b.cognito.Fail("GetTokensFromRefreshToken", cognitotest.Failure{Latency: time.Second, Count: 1})
	type result struct {
		local string
		err   error
	}
	answered := make(chan result, 1)
	go func() {
		form := url.Values{"token": {tokens.RefreshToken}, "client_id": {b.demo.Client.ID}}
		resp, err := http.PostForm(b.svc.PublicURL()+"/oauth2/revoke", form)
		if err != nil {
			answered <- result{err: err}
			return
		}
		resp.Body.Close()
		answered <- result{local: resp.Header.Get("Revoked-Local")}
	}()
	waitFor(t, "the refresh", func() bool { return b.cognito.Calls("GetTokensFromRefreshToken") == 1 })

	closed := make(chan error, 1)
	go func() { closed <- b.svc.Close() }()
	b.awaitReason(t, "stopping")
	if r := <-answered; r.err != nil || r.local != "denied" {
		t.Errorf("answer = %+v, want denied", r)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := b.svc.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	b.awaitRefused(t, tokens.AccessToken)
	if _, err := net.Dial("tcp", b.svc.PublicURL()[len("http://"):]); err == nil {
		t.Error("the listener is open after Close")
	}
}

// From when /readyz is off, a client that keeps a connection is answered and
// made to open another one, which load balancers give to another replica.
func TestCloseLetsConnectionsGo(t *testing.T) {
	t.Parallel()
	b := newStoppedBench(t)
	b.provision()
	cfg := b.config()
	cfg.ShutdownDelay = 4 * time.Second // the requests below take a part of it
	b.start(cfg)
	b.awaitReady()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	// ask reports whether the connection is one that was open, and is left open.
	ask := func(base string) (reused, kept bool) {
		t.Helper()
		trace := &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }}
		req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, base+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatalf("a request to %s while /readyz is off: %v", base, err)
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		return reused, !resp.Close
	}
	bases := []string{b.svc.PublicURL(), b.svc.AdminURL()}
	for _, base := range bases {
		ask(base)
		if reused, kept := ask(base); !reused || !kept {
			t.Errorf("%s, before: the connection reused %v, kept %v", base, reused, kept)
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- b.svc.Close() }()
	b.awaitReason(t, "stopping")
	for _, base := range bases {
		if reused, kept := ask(base); !reused || kept {
			t.Errorf("%s, leaving: the connection reused %v, kept %v, want the same one and its end", base, reused, kept)
		}
		if reused, _ := ask(base); reused {
			t.Errorf("%s, leaving: the connection is reused after its end", base)
		}
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
}

// After an error nothing is left running; TestMain looks for goroutines.
func TestStartRefused(t *testing.T) {
	t.Parallel()
	b := newStoppedBench(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := b.config()
	cfg.MetricsAddr = taken.Addr().String()
	if svc, err := service.Start(t.Context(), cfg); err == nil {
		svc.Close()
		t.Error("Start on an address that is taken: no error")
	}
	cfg = b.config()
	cfg.APIKey = ""
	_, err = service.Start(t.Context(), cfg)
	if _, ok := errors.AsType[*service.ConfigError](err); !ok {
		t.Errorf("Start without a key = %v, want a ConfigError", err)
	}
}
