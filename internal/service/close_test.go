package service_test

import (
	"errors"
	"net"
	"net/http"
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
