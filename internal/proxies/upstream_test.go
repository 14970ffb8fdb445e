//go:build linux

package proxies_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// upstream is the service that the proxies protect. It serves everybody, and
// remembers whom.
type upstream struct {
	addr string

	mu   sync.Mutex // guards the fields below
	hits int
	last http.Header // of the newest request
}

func startUpstream(t *testing.T) *upstream {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &upstream{addr: ln.Addr().String()}
	srv := &http.Server{Handler: u, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 1 << 20}
	go srv.Serve(ln)
	t.Cleanup(func() { srv.Close() })
	return u
}

// ServeHTTP echoes bodies, and after an upgrade bytes.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	u.hits++
	u.last = r.Header.Clone()
	u.mu.Unlock()
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		body, err := io.ReadAll(r.Body) // all of it before the answer begins
		if err == nil {
			w.Write(body)
		}
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	io.Copy(conn, rw)
}

// seen returns how many requests have arrived, and the header of the newest.
func (u *upstream) seen() (int, http.Header) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.hits, u.last
}

// call is one request to a proxy.
type call struct {
	method, path, token string
	header              http.Header
	body                []byte
	websocket           bool
}

var client = &http.Client{
	Timeout:   20 * time.Second,
	Transport: &http.Transport{DisableKeepAlives: true},
}

// do returns the status, 0 if the connection broke, and the header.
func (c call) do(t *testing.T, addr string) (int, http.Header, []byte) {
	t.Helper()
	if c.websocket {
		return c.upgrade(t, addr)
	}
	req, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+addr, bytes.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Opaque = c.path // as it is, without cleaning
	if strings.HasPrefix(c.path, "//") {
		req.URL.Opaque = "//" + addr + c.path // http://addr//path, which is the same
	}
	c.fill(req)
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, nil
	}
	return resp.StatusCode, resp.Header, body
}

func (c call) fill(req *http.Request) {
	for name, values := range c.header {
		req.Header[name] = values
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
}

// upgrade speaks just enough WebSocket: the handshake, and an echo.
func (c call) upgrade(t *testing.T, addr string) (int, http.Header, []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, nil, nil
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+c.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.fill(req)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	req.Header.Set("Sec-WebSocket-Version", "13")
	req.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	if err := req.Write(conn); err != nil {
		return 0, nil, nil
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, req)
	if err != nil {
		return 0, nil, nil
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return resp.StatusCode, resp.Header, nil
	}
	if _, err := io.WriteString(conn, "ping"); err != nil {
		t.Errorf("writing after the upgrade: %v", err)
	}
	echo := make([]byte, 4)
	if _, err := io.ReadFull(in, echo); err != nil || string(echo) != "ping" {
		t.Errorf("after the upgrade came %q, %v, want ping", echo, err)
	}
	return resp.StatusCode, resp.Header, echo
}
