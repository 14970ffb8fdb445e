package kubernetes_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// runValues are the minimum with the gate, provision and the tests, at free
// ports, for a broker and an emulator of Cognito.
func runValues(t *testing.T, b *broker, cognito *cognitotest.Server, demo cognitotest.DemoPool) values {
	t.Helper()
	free := freePorts(t, 6)
	pool := func(clients string) string {
		return fmt.Sprintf("[{id: %s, endpoint: %q, jwks_url: %q, clients: [%s]}]", demo.Pool.ID(), cognito.URL(), demo.Pool.JWKSURL(), clients)
	}
	return parse(t, fmt.Sprintf(`
config:
  public_addr: ":%d"
  admin_addr: ":%d"
  metrics_addr: ":%d"
  shutdown_delay: 2s
  nats: {url: "tls://127.0.0.1:%d"}
  pools: %s
secrets: {apiKey: {secretName: revoked-api-key}, nats: {caConfigMap: company-ca}}
provision: {enabled: true, replicas: 1}
tests: {doctor: {enabled: true}}
gate:
  enabled: true
  config:
    forward_auth: {listen: ["127.0.0.1:%d"]}
    check: {listen: ["127.0.0.1:%d"]}
    metrics_addr: ":%d"
    service: orders
    nats: {inbox_prefix: _INBOX_orders}
    pools: %s
    rules: [{path: /}]
example: {enabled: true, image: {repository: orders}}
`, free[0], free[1], free[2], b.port, pool(fmt.Sprintf("{id: %s}", demo.Client.ID)),
		free[3], free[4], free[5], pool(demo.Client.ID)))
}

// TestRuns does what a cluster would do with a release, in its order: the
// containers are processes, with the arguments, variables, files and ports that
// were rendered.
func TestRuns(t *testing.T) {
	nats := newBroker(t)
	cognito, err := cognitotest.Start(cognitotest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cognito.Close)
	demo, err := cognito.SeedDemo()
	if err != nil {
		t.Fatal(err)
	}
	objects := mustDecode(t, runValues(t, nats, cognito, demo))
	key := strings.Repeat("0123456789abcdef", 4)
	k := newKubelet(t, objects, secrets{
		"revoked-seal-keys":  {"seal-keys": strings.Repeat("5ea1", 16)},
		"revoked-api-key":    {"api-key": key},
		"revoked-nats":       {"service.creds": nats.read("service.creds")},
		"company-ca":         {"ca.pem": nats.read("cert.pem")},
		"revoked-nats-admin": {"admin.creds": nats.read("admin.creds"), "ca.pem": nats.read("cert.pem")},
		"revoked-node":       {"node.creds": nats.read("orders.creds"), "ca.pem": nats.read("cert.pem")},
	})
	find := func(name string) pod {
		at := slices.IndexFunc(podsOf(objects), func(p pod) bool { return p.name == name })
		if at < 0 {
			t.Fatalf("there is no %s", name)
		}
		return podsOf(objects)[at]
	}
	service, api := find("Deployment/demo-revoked"), find("Deployment/demo-revoked-example")
	serve, gate := service.spec.Containers[0], api.spec.InitContainers[0]

	// Without NATS: alive, and not ready.
	svc, side := k.start(k.container(service, serve)), k.start(k.container(api, gate))
	await(t, "the service's start-up probe", func() error { return ask(serve, serve.StartupProbe) })
	await(t, "the gate's liveness probe", func() error { return ask(gate, gate.LivenessProbe) })
	refused := func(what string, c core.Container, p *core.Probe) {
		t.Helper()
		if err := ask(c, p); err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("%s without NATS: %v, want 503", what, err)
		}
	}
	refused("the service's readiness probe", serve, serve.ReadinessProbe)
	refused("the gate's start-up probe", gate, gate.StartupProbe)
	refused("the gate's readiness probe", gate, gate.ReadinessProbe)
	if err := ask(serve, serve.LivenessProbe); err != nil {
		t.Errorf("the service's liveness probe without NATS: %v", err)
	}

	// Without streams: not ready either, until the hook has run.
	nats.start()
	await(t, "the reason why the service is not ready", func() error {
		if err := ask(serve, serve.ReadinessProbe); err == nil || !strings.Contains(err.Error(), "revoked provision") {
			return fmt.Errorf("%v, want the advice to provision", err)
		}
		return nil
	})
	test := find("Pod/demo-revoked-test-nats")
	if k.start(k.container(test, test.spec.Containers[0])).end(t, limit) == nil {
		t.Error("helm test succeeds without streams")
	}
	job := find("Job/demo-revoked-provision")
	k.start(k.container(job, job.spec.Containers[0])).wait(t, limit)
	await(t, "the service's readiness probe", func() error { return ask(serve, serve.ReadinessProbe) })
	await(t, "the gate's start-up probe", func() error { return ask(gate, gate.StartupProbe) })
	for what, p := range map[string]*core.Probe{"readiness": gate.ReadinessProbe, "liveness": gate.LivenessProbe} {
		if err := ask(gate, p); err != nil {
			t.Errorf("the gate's %s probe: %v", what, err)
		}
	}

	for _, wrong := range []struct {
		was, is string
		change  func(*core.HTTPGetAction)
	}{
		{"/readyz", "/ready", func(g *core.HTTPGetAction) { g.Path = "/ready" }},
		{"metrics", "admin", func(g *core.HTTPGetAction) { g.Port.StrVal = "admin" }},
	} {
		p := serve.ReadinessProbe.DeepCopy()
		wrong.change(p.HTTPGet)
		if err := ask(serve, p); err == nil {
			t.Errorf("a probe with %s for %s succeeds", wrong.is, wrong.was)
		}
	}

	// helm test.
	inCluster := strings.NewReplacer("http://demo-revoked-admin:", "http://127.0.0.1:")
	for _, name := range []string{"Pod/demo-revoked-test-nats", "Pod/demo-revoked-test-doctor"} {
		p := find(name)
		run := k.container(p, p.spec.Containers[0])
		for i := range run.env {
			run.env[i] = inCluster.Replace(run.env[i])
		}
		r := k.start(run)
		r.wait(t, limit)
		t.Logf("%s:\n%s", name, r.out)
	}

	// What all this is for: a sign-out at the public listener is refused at the gate.
	tokens, err := demo.Pool.SignIn(demo.Client.ID, demo.Ada.Username)
	if err != nil {
		t.Fatal(err)
	}
	passes := func(want int) error {
		req, err := http.NewRequest(http.MethodGet, "http://"+listenAddr(t, k, api, "forward_auth")+"/auth", nil)
		if err != nil {
			return err
		}
		req.Header.Set("X-Forwarded-Method", "GET")
		req.Header.Set("X-Forwarded-Uri", "/orders/1")
		req.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		return status(req, want)
	}
	await(t, "the gate passes a good token on", func() error { return passes(http.StatusOK) })
	form := url.Values{"token": {tokens.RefreshToken}, "client_id": {demo.Client.ID}, "access_token": {tokens.AccessToken}}
	revoke, err := http.NewRequest(http.MethodPost, local(serve, "public")+"/oauth2/revoke", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	revoke.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := status(revoke, http.StatusOK); err != nil {
		t.Error(err)
	}
	await(t, "the gate refuses it", func() error { return passes(http.StatusUnauthorized) })
	for address, want := range map[string]int{"/v1/revocations": http.StatusUnauthorized, "/openapi.yaml": http.StatusOK} {
		req, err := http.NewRequest(http.MethodGet, local(serve, "admin")+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := status(req, want); err != nil {
			t.Error(err)
		}
	}
	for p, volume := range map[*pod]string{&service: "data", &api: "revoked-gate-data"} {
		if files, err := os.ReadDir(k.volume(*p, volume)); err != nil || len(files) == 0 {
			t.Errorf("%s keeps nothing in the volume %s: %v", p.name, volume, err)
		}
	}
	t.Logf("resident memory: the service %s, the gate %s", resident(svc), resident(side))

	// The end: not ready at once, alive meanwhile, gone within the grace period.
	if err := svc.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, "the readiness probe turns off", func() error {
		if err := ask(serve, serve.ReadinessProbe); err == nil || !strings.Contains(err.Error(), "stopping") {
			return fmt.Errorf("%v, want that it is stopping", err)
		}
		return nil
	})
	if err := ask(serve, serve.LivenessProbe); err != nil {
		t.Errorf("the liveness probe of a service that stops: %v", err)
	}
	svc.wait(t, time.Duration(*service.spec.TerminationGracePeriodSeconds)*time.Second)
	side.stop(t, time.Duration(*api.spec.TerminationGracePeriodSeconds)*time.Second)

	finds(t, "deploy/kubernetes/revoked/templates/workload.yaml", "run with nats-server and an emulator", "a probe of /ready", "a probe of the port admin")
	finds(t, "deploy/kubernetes/revoked/templates/provision.yaml", "run", "a service that is ready without it")
	finds(t, "deploy/kubernetes/revoked/templates/tests.yaml", "run", "NATS without streams")
	finds(t, "deploy/kubernetes/revoked/templates/gate.yaml", "run with nats-server and an emulator", "a gate without NATS that is ready")
}

// local returns the base URL of a container's port on this machine.
func local(c core.Container, port string) string {
	for _, p := range c.Ports {
		if p.Name == port {
			return fmt.Sprintf("http://127.0.0.1:%d", p.ContainerPort)
		}
	}
	return "http://" + port + ".invalid"
}

// ask does what the kubelet does for a probe.
func ask(c core.Container, p *core.Probe) error {
	timeout := time.Duration(max(p.TimeoutSeconds, 1)) * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, local(c, p.HTTPGet.Port.StrVal)+p.HTTPGet.Path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode < 200 || resp.StatusCode >= 400 {
		return fmt.Errorf("GET %s: %s: %s", req.URL, resp.Status, body)
	}
	return nil
}

func status(req *http.Request, want int) error {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != want {
		body, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("%s %s: %s %s, want %d", req.Method, req.URL, resp.Status, body, want)
	}
	return nil
}

// await repeats until try succeeds.
func await(t *testing.T, what string, try func() error) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	var err error
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); <-again.C {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

// resident is how much memory a process has.
func resident(r *running) string {
	text, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(r.cmd.Process.Pid), "status"))
	if err != nil {
		return "unknown"
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

// listenAddr is the first address of an interface of the gate.
func listenAddr(t *testing.T, k *kubelet, p pod, key string) string {
	t.Helper()
	var cfg map[string]any
	if err := unmarshal(configFiles(p, k.objects)["gate.yaml"], &cfg); err != nil {
		t.Fatal(err)
	}
	return cfg[key].(map[string]any)["listen"].([]any)[0].(string)
}
