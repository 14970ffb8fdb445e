package compose_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// Everything that compose.yaml starts comes up in its order, revokes through one
// replica, and goes on when a NATS server stops.
func TestRuns(t *testing.T) {
	e := newEngine(t)
	for _, s := range e.project.Services { // compiling is no part of the times
		if s.Name != "grafana" {
			e.binary(s)
		}
	}
	begin := time.Now()
	for _, name := range []string{"cognito", "revoked-1", "revoked-2", "gate", "api"} {
		e.start(name)
	}
	for _, name := range []string{"revoked-1", "revoked-2", "gate"} {
		e.await(name, types.ServiceConditionHealthy)
	}
	e.eventually("the API is ready", func() error { return get(t.Context(), "http://"+e.addr("api", "3000")+"/readyz") })
	up := time.Since(begin)

	ada, grace := e.signIn("ada"), e.signIn("grace")
	e.await200(ada)
	e.await200(grace)

	// An app signs ada out through the first replica.
	sent := time.Now()
	e.post("http://"+e.addr("revoked-1", "8080")+"/oauth2/revoke", "application/x-www-form-urlencoded", "",
		"client_id="+cognitotest.DemoClientID+"&token="+ada.Refresh, http.StatusOK)
	answered := time.Since(sent)
	refused := e.awaitRefusal(ada, sent)
	e.await200(grace)

	// An operator signs grace out through the second while a NATS server is gone.
	key, err := os.ReadFile(filepath.Join(e.site.dir, "deploy/compose/secrets/api-key"))
	if err != nil {
		t.Fatal(err)
	}
	revoke := func(more string) (int, string) {
		return e.send("http://"+e.addr("revoked-2", "8081")+"/v1/revocations", "application/json", strings.TrimSpace(string(key)),
			fmt.Sprintf(`{"kind":"user","pool":%q,"id":%q%s}`, cognitotest.DemoPoolID, grace.Subject, more))
	}
	e.processes["nats-2"].stop()
	stopped := time.Now()
	e.eventually("a revocation without nats-2", func() error {
		if code, answer := revoke(""); code != http.StatusCreated {
			return fmt.Errorf("status %d: %s", code, answer)
		}
		return nil
	})
	degraded := e.awaitRefusal(grace, stopped)
	// Both nodes confirm it. It is not called complete: a replica this young does
	// not know yet that nobody else is in the fleet.
	if _, answer := revoke(`,"wait":"all"`); !strings.Contains(answer, `"enforced":2,"total":2`) {
		t.Errorf("the receipt is %s, want both nodes in it", answer)
	}

	targets := e.prometheus()
	t.Logf("up in %v; sign-out answered after %v, refused by gate and API after %v; with nats-2 stopped: refused %v after the stop",
		up.Round(time.Millisecond), answered.Round(time.Millisecond), refused.Round(time.Millisecond), degraded.Round(time.Millisecond))
	t.Attr(artifact, fmt.Sprintf("run as processes: up in %.1f s, a sign-out refused everywhere in %d ms, with a NATS server stopped in %d ms, %d targets scraped; finds provision with the service's credential",
		up.Seconds(), refused.Milliseconds(), degraded.Milliseconds(), targets))
	t.Attr("deploy/compose/revoked.yaml", "run by revoked; finds a misspelled key")
	t.Attr("deploy/compose/gate.yaml", "run by revoked-gate; finds a misspelled key")

	e.mistakes()
}

// mistakes shows that the run would not have been possible with them.
func (e *engine) mistakes() {
	e.t.Helper()
	provision := e.project.Services["provision"]
	file := e.root(provision) + "/run/secrets/nats.creds"
	if err := os.Remove(file); err != nil {
		e.t.Fatal(err)
	}
	if err := os.Symlink(e.project.Secrets["service"].File, file); err != nil {
		e.t.Fatal(err)
	}
	out, err := e.command(e.t.Context(), provision, []string{"provision", "--replicas", "3"}).CombinedOutput()
	if err == nil {
		e.t.Errorf("the service's credential provisions:\n%s", out)
	}
	for name, target := range map[string]string{"revoked-1": "/etc/revoked/revoked.yaml", "gate": "/etc/revoked/gate.yaml"} {
		s := e.project.Services[name]
		text, err := os.ReadFile(e.root(s) + target)
		if err != nil {
			e.t.Fatal(err)
		}
		check := []string{"config", "check", "--config", target}
		if out, err := e.command(e.t.Context(), s, check).CombinedOutput(); err != nil {
			e.t.Errorf("%s: %v\n%s", name, err, out)
		}
		if err := os.WriteFile(e.root(s)+target, bytes.Replace(text, []byte("pools:"), []byte("pool:"), 1), 0o644); err != nil {
			e.t.Fatal(err)
		}
		if out, err := e.command(e.t.Context(), s, check).CombinedOutput(); err == nil || !strings.Contains(string(out), `unknown key "pool"`) {
			e.t.Errorf("%s with a misspelled key: %v\n%s", name, err, out)
		}
	}
}

// session is what a user has after signing in.
type session struct{ Subject, Access, Refresh string }

func (e *engine) signIn(user string) session {
	e.t.Helper()
	req, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, "http://"+e.addr("cognito", "9229")+"/", strings.NewReader(fmt.Sprintf(
		`{"AuthFlow":"USER_PASSWORD_AUTH","ClientId":%q,"AuthParameters":{"USERNAME":%q,"PASSWORD":%q}}`,
		cognitotest.DemoClientID, user, cognitotest.DemoPassword)))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService.InitiateAuth")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		AuthenticationResult struct{ AccessToken, RefreshToken string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.AuthenticationResult.AccessToken == "" {
		e.t.Fatalf("signing in %s: %s, %v", user, resp.Status, err)
	}
	subjects := map[string]string{"ada": "ada0c0de-1815-4210-8000-000000000001", "grace": "96ace000-1906-4209-8000-000000000002"}
	return session{subjects[user], answer.AuthenticationResult.AccessToken, answer.AuthenticationResult.RefreshToken}
}

// ask returns the status of the gate and of the API for a token.
func (e *engine) ask(s session) (gate, api int) {
	e.t.Helper()
	do := func(url string) int {
		req, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, url, nil)
		if err != nil {
			e.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.Access)
		req.Header.Set("X-Forwarded-Method", "GET")
		req.Header.Set("X-Forwarded-Uri", "/orders")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			e.t.Fatal(err)
		}
		defer resp.Body.Close()
		io.Copy(io.Discard, resp.Body) // only for the connection to be used again
		return resp.StatusCode
	}
	return do("http://" + e.addr("gate", "9010") + "/auth"), do("http://" + e.addr("api", "3000") + "/orders")
}

func (e *engine) await200(s session) {
	e.t.Helper()
	e.eventually("a good token is accepted", func() error {
		if gate, api := e.ask(s); gate != http.StatusOK || api != http.StatusOK {
			return fmt.Errorf("the gate answers %d, the API %d", gate, api)
		}
		return nil
	})
}

// awaitRefusal returns how long after begin both refuse.
func (e *engine) awaitRefusal(s session, begin time.Time) time.Duration {
	e.t.Helper()
	e.eventually("a revoked token is refused", func() error {
		if gate, api := e.ask(s); gate != http.StatusUnauthorized || api != http.StatusUnauthorized {
			return fmt.Errorf("the gate answers %d, the API %d", gate, api)
		}
		return nil
	})
	return time.Since(begin)
}

func (e *engine) post(url, contentType, key, body string, want int) {
	e.t.Helper()
	if code, text := e.send(url, contentType, key, body); code != want {
		e.t.Fatalf("%s: status %d, want %d\n%s", url, code, want, text)
	}
}

func (e *engine) send(url, contentType, key, body string) (int, string) {
	e.t.Helper()
	req, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// prometheus runs Prometheus on the configuration of its service and returns how
// many targets it reaches, which must be all of them.
func (e *engine) prometheus() int {
	e.t.Helper()
	if _, err := exec.LookPath("prometheus"); err != nil {
		e.t.Fatal("apt-get install prometheus")
	}
	listen := e.addr("prometheus", "9090")
	e.start("prometheus", "--web.listen-address="+listen)
	var up int
	e.eventually("Prometheus reaches every target", func() error {
		req, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, "http://"+listen+"/api/v1/targets", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		var answer struct {
			Data struct {
				ActiveTargets []struct{ ScrapeURL, Health, LastError string }
			}
		}
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			return err
		}
		up = 0
		for _, target := range answer.Data.ActiveTargets {
			if target.Health != "up" {
				return fmt.Errorf("%s is %s: %s", target.ScrapeURL, target.Health, target.LastError)
			}
			up++
		}
		if up == 0 {
			return fmt.Errorf("no target")
		}
		return nil
	})
	return up
}
