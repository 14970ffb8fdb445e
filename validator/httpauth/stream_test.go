package httpauth_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/testbed"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/conn"
	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
)

// Server-sent events and an upgraded connection end with their token.
func TestStreamsEndWithTheirTokens(t *testing.T) {
	bed := testbed.New(t, subscriber.Config{})
	streams, err := conn.New(conn.Config{Denylist: bed.Denylist})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { streams.Close() })
	auth, err := httpauth.New(httpauth.Config{Validator: bed.Validator, Streams: streams})
	if err != nil {
		t.Fatal(err)
	}
	causes := make(chan error, 1)
	events := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "data: hello\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		causes <- context.Cause(r.Context())
	}
	upgraded := func(w http.ResponseWriter, r *http.Request) {
		socket, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer socket.Close()
		fmt.Fprint(socket, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nhello\n")
		<-r.Context().Done()
		causes <- context.Cause(r.Context())
	}
	for name, handler := range map[string]http.HandlerFunc{"events": events, "upgraded": upgraded} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(auth.Middleware(handler))
			defer srv.Close()
			token := bed.SignIn(t)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			if name == "upgraded" {
				req.Header.Set("Connection", "Upgrade")
				req.Header.Set("Upgrade", "test")
			}
			resp, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			lines := bufio.NewReader(resp.Body)
			if _, err := lines.ReadString('\n'); err != nil {
				t.Fatalf("first line: %v", err)
			}
			bed.RevokeSession(t, bed.Claims(t, token))
			if _, err := io.Copy(io.Discard, lines); err != nil {
				t.Errorf("end of the stream: %v", err)
			}
			if cause := <-causes; !errors.Is(cause, revocation.ErrRevoked) {
				t.Errorf("cause %v, want ErrRevoked", cause)
			}
		})
	}
	if open := streams.Open(); open != 0 {
		t.Errorf("%d contexts are still bound", open)
	}
}

// late is a denylist that hears of an act between the decision about a request
// and the binding of its context.
type late struct {
	*subscriber.Subscriber
	asked int
}

func (l *late) Check(tok revocation.Token) error {
	if l.asked++; l.asked == 1 {
		return nil
	}
	return &revocation.RevokedError{Act: revocation.NewActID(), Kind: revocation.KindSession}
}

func TestRevokedBeforeTheStreamBegins(t *testing.T) {
	bed := testbed.New(t, subscriber.Config{})
	deny := &late{Subscriber: bed.Denylist}
	strict, err := validator.New(validator.Config{
		Pools:    []validator.Pool{{ID: bed.Pool.ID(), ClientIDs: []string{bed.ClientID}, JWKSURL: bed.Pool.JWKSURL()}},
		Denylist: deny,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(strict.Close)
	if err := strict.WaitForKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	streams, err := conn.New(conn.Config{Denylist: deny})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { streams.Close() })
	auth, err := httpauth.New(httpauth.Config{Validator: strict, Streams: streams})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.Header.Set("Authorization", "Bearer "+bed.SignIn(t))
	auth.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the request was served")
	})).ServeHTTP(rec, req)
	if rec.Code != http.StatusUnauthorized {
		t.Errorf("status %d, want 401", rec.Code)
	}
}

// The break-glass serves what lasts, too, and does not end it for what it was
// broken for.
func TestBreakGlassServesStreams(t *testing.T) {
	bed := testbed.New(t, subscriber.Config{MaxStaleness: 3 * time.Second})
	streams, err := conn.New(conn.Config{Denylist: bed.Denylist})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { streams.Close() })
	glass := filepath.Join(t.TempDir(), "stale-policy")
	if err := os.WriteFile(glass, []byte("fail-open\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	auth, err := httpauth.New(httpauth.Config{Validator: bed.Validator, Streams: streams, BreakGlassFile: glass})
	if err != nil {
		t.Fatal(err)
	}
	token := bed.SignIn(t)
	claims := bed.Claims(t, token)
	bed.Broker.Stop()
	bed.AwaitStale(t, claims)
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.Header.Set("Authorization", "Bearer "+token)
	auth.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := context.Cause(r.Context()); err != nil {
			t.Errorf("the request has ended: %v", err)
		}
	})).ServeHTTP(rec, req)
	if rec.Code != http.StatusOK {
		t.Errorf("status %d under the break-glass, want 200", rec.Code)
	}
}
