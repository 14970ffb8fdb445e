package validator_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

// staleButFor is a denylist that is stale, and knows one revoked token.
type staleButFor struct {
	reporting
	jti string
}

func (d *staleButFor) Check(tok revocation.Token) error {
	if tok.JTI == d.jti {
		return &revocation.RevokedError{Kind: revocation.KindToken}
	}
	return fmt.Errorf("%w: no tick", revocation.ErrStale)
}

// The break-glass lets stale requests pass, and nothing else; it is looked at
// again within a second, counted and logged, and a file that does not say so
// exactly opens nothing.
func TestBreakGlassFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stale-policy")
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		deny := &staleButFor{jti: "revoked"}
		cfg := config()
		cfg.Denylist, cfg.Logger = deny, zerolog.New(zerolog.SyncWriter(&log)) // the keys are fetched by another goroutine
		v := open(t, cfg)
		if err := v.WaitForKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		route, err := validator.NewRoute(validator.RouteConfig{Validator: v, BreakGlassFile: file})
		if err != nil {
			t.Fatal(err)
		}
		decide := func(jti string) bool {
			token := mint(keyA(), "a", claims(map[string]any{"jti": jti}))
			return route.Decide(t.Context(), []string{"Bearer " + token}).Serve
		}
		for _, c := range []struct {
			content string
			serve   bool
		}{
			{"", false}, {"fail-closed", false}, {"fail-open", true}, {"fail-open\n", true}, {"FAIL-OPEN", false},
			{"fail-open and more", false}, {"fail-open", true}, {strings.Repeat(" ", 100) + "fail-open", false},
		} {
			if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if decide("fine") != c.serve || decide("revoked") {
				t.Errorf("file with %q: want a stale request served %v, and a revoked token never", c.content, c.serve)
			}
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if decide("fine") {
			t.Error("served without the file")
		}
		if got := route.Stats(); got.BrokenGlass != 3 || got.ServedStale != 0 {
			t.Errorf("%d served by the break-glass, want 3", got.BrokenGlass)
		}
		synctest.Wait()
		if !slices.Contains(deny.declared, "fail-open") || strings.Count(log.String(), "break-glass") != 4 {
			t.Errorf("declared %q, logged %s; want to be told of each change", deny.declared, &log)
		}
	})
}

func TestBreakGlassVariable(t *testing.T) {
	for _, value := range []string{"fail-open", "fail-closed", "1"} {
		t.Setenv("REVOKED_STALE_POLICY", value)
		cfg := config()
		deny := &staleButFor{}
		cfg.Denylist = deny
		v := open(t, cfg)
		if err := v.WaitForKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		route, err := validator.NewRoute(validator.RouteConfig{Validator: v})
		if err != nil {
			t.Fatal(err)
		}
		served := route.Decide(t.Context(), []string{"Bearer " + mint(keyA(), "a", claims(map[string]any{"jti": "fine"}))}).Serve
		if want := value == "fail-open"; served != want || (deny.declared[0] == "fail-open") != want {
			t.Errorf("%q: served %v, declared %q", value, served, deny.declared)
		}
	}
}
