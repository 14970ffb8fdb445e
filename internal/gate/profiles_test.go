package gate_test

import (
	"net/http"
	"testing"
)

// Profiles are served where they are configured, and nowhere else.
func TestProfiles(t *testing.T) {
	t.Parallel()
	w := world(t)
	if off := start(t, w, rulesYAML).Addrs("debug"); len(off) > 0 {
		t.Errorf("profiles are served at %v although debug_addr is not set", off)
	}
	g := start(t, w, rulesYAML+"debug_addr: 127.0.0.1:0\n")
	get := func(addr string) int {
		t.Helper()
		resp, err := http.Get("http://" + addr + "/debug/pprof/heap")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if code := get(g.Addrs("debug")[0]); code != http.StatusOK {
		t.Errorf("a profile: status %d, want 200", code)
	}
	for _, via := range []string{"forward_auth", "check", "metrics"} {
		if code := get(g.Addrs(via)[0]); code < 400 {
			t.Errorf("%s answers /debug/pprof/heap with %d, want none of it", via, code)
		}
	}
}
