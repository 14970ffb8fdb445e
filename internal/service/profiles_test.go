package service_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/service"
)

// Profiles are served where they are configured, and nowhere else.
func TestProfiles(t *testing.T) {
	t.Parallel()
	const path = "/debug/pprof/"
	status := func(t *testing.T, base, path string) (int, []byte) {
		t.Helper()
		resp, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, body
	}
	t.Run("off by default", func(t *testing.T) {
		t.Parallel()
		b := newStoppedBench(t)
		b.start(b.config())
		if url := b.svc.DebugURL(); url != "" {
			t.Errorf("profiles are served at %s although debug_addr is not set", url)
		}
	})
	t.Run("on", func(t *testing.T) {
		t.Parallel()
		b := newStoppedBench(t)
		cfg := b.config()
		cfg.DebugAddr = "127.0.0.1:0"
		b.start(cfg)
		for _, name := range []string{"heap", "goroutine", "allocs", "profile?seconds=1", "trace?seconds=1"} {
			if code, body := status(t, b.svc.DebugURL(), path+name); code != http.StatusOK || len(body) == 0 || name == "heap" && !bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
				t.Errorf("%s: status %d and %d bytes, want a profile", name, code, len(body))
			}
		}
		if code, _ := status(t, b.svc.DebugURL(), "/metrics"); code != http.StatusNotFound {
			t.Errorf("the listener of profiles answers /metrics with %d, want 404", code)
		}
		for _, base := range []string{b.svc.PublicURL(), b.svc.AdminURL(), b.svc.MetricsURL()} {
			for _, p := range []string{path, path + "heap", path + "cmdline"} {
				if code, _ := status(t, base, p); code < 400 {
					t.Errorf("%s%s: status %d, want none of it", base, p, code)
				}
			}
		}
	})
}

func TestProfilesOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, addr string
		insecure   bool
		want       string // in the error; empty for none about it
	}{
		{"none", "", false, ""},
		{"loopback", "127.0.0.1:6060", false, ""},
		{"loopback of IPv6", "[::1]:6060", false, ""},
		{"every address", ":6060", false, "can be reached from other machines"},
		{"another", "10.0.0.1:6060", false, "can be reached from other machines"},
		{"another, said aloud", "10.0.0.1:6060", true, ""},
		{"no port", "127.0.0.1", false, "is not host:port"},
		{"said aloud for nothing", "", true, "is set without debug_addr"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := service.Default()
			cfg.DebugAddr, cfg.InsecureDebugAddr = tt.addr, tt.insecure
			text := cfg.Check().Error() // there are no pools, at least
			switch {
			case tt.want != "" && !strings.Contains(text, tt.want):
				t.Errorf("debug_addr %q: %s\nwant a problem that %q", tt.addr, text, tt.want)
			case tt.want == "" && strings.Contains(text, "debug_addr"):
				t.Errorf("debug_addr %q: %s\nwant no problem with it", tt.addr, text)
			}
		})
	}
}
