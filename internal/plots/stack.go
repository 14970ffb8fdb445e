package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// stack is what runs: revoked-dev, which has NATS, Cognito, the revoke service
// and three nodes, beside it a gate and Prometheus.
type stack struct {
	dir       string
	processes []*exec.Cmd // the last one started first

	dev                     *exec.Cmd
	cognito, pool, client   string
	public, admin, metrics  string
	nodes                   []string
	apiKey, user, password  string
	gate, gateMetrics, nats string
	prometheus              string
}

const patience = time.Minute

func startStack(ctx context.Context, root string) (_ *stack, err error) {
	s := &stack{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "revoked-plots-"); err != nil {
		return nil, err
	}
	if err = s.startDev(filepath.Join(root, "bin/revoked-dev")); err != nil {
		return nil, err
	}
	if err = s.startGate(ctx, filepath.Join(root, "bin/revoked-gate")); err != nil {
		return nil, err
	}
	return s, s.startPrometheus(ctx, filepath.Join(root, "deploy/prometheus"))
}

// close ends every process and waits for it.
func (s *stack) close() {
	for _, p := range s.processes {
		_ = p.Process.Signal(syscall.SIGCONT) // it may be frozen, or have ended
		_ = p.Process.Signal(os.Interrupt)
	}
	for _, p := range s.processes {
		late := time.AfterFunc(10*time.Second, func() { _ = p.Process.Kill() })
		_ = p.Wait() // by a signal
		late.Stop()
	}
	os.RemoveAll(s.dir)
}

// start starts a process, whose messages go to a file.
func (s *stack) start(name string, cmd *exec.Cmd) error {
	log, err := os.Create(filepath.Join(s.dir, name+".log"))
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	cmd.Stderr = log
	if cmd.Stdout == nil {
		cmd.Stdout = log
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.processes = append([]*exec.Cmd{cmd}, s.processes...)
	return nil
}

// What revoked-dev says of itself when it is up.
var said = map[string]*regexp.Regexp{
	"cognito": regexp.MustCompile(`Cognito emulator +(\S+) +user pool`),
	"pool":    regexp.MustCompile(`user pool ([^,]+), client`),
	"client":  regexp.MustCompile(`, client (\S+)`),
	"public":  regexp.MustCompile(`revoke service +(\S+) `),
	"admin":   regexp.MustCompile(`(\S+) +for operators`),
	"metrics": regexp.MustCompile(`(\S+) +/livez`),
	"nats":    regexp.MustCompile(`NATS JetStream +(\S+)`),
	"user":    regexp.MustCompile(`users +(\S+) and`),
	"secret":  regexp.MustCompile(`password (\S+)`),
	"key":     regexp.MustCompile(`REVOKED_API_KEY=(\S+)`),
}

var saidNode = regexp.MustCompile(`API node \d +(\S+)`)

func (s *stack) startDev(binary string) error {
	s.dev = exec.Command(binary, "run", "--probe", "5s")
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	s.dev.Stdout = in
	err = s.start("revoked-dev", s.dev)
	in.Close()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	for lines := bufio.NewScanner(out); !strings.Contains(text.String(), "revokectl list"); {
		if !lines.Scan() {
			return fmt.Errorf("revoked-dev ended: %s", text.String())
		}
		fmt.Fprintln(&text, lines.Text())
	}
	find := func(what string) string {
		if m := said[what].FindSubmatch(text.Bytes()); m != nil {
			return string(m[1])
		}
		err = errors.Join(err, fmt.Errorf("revoked-dev does not say its %s", what))
		return ""
	}
	s.cognito, s.pool, s.client = find("cognito"), find("pool"), find("client")
	s.public, s.admin, s.metrics, s.nats = find("public"), find("admin"), find("metrics"), find("nats")
	s.user, s.password, s.apiKey = find("user"), find("secret"), find("key")
	for _, m := range saidNode.FindAllSubmatch(text.Bytes(), -1) {
		s.nodes = append(s.nodes, string(m[1]))
	}
	if err == nil && len(s.nodes) == 0 {
		err = errors.New("revoked-dev does not name its nodes")
	}
	return err
}

// freeAddr returns an address on loopback where nobody listens.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

func (s *stack) startGate(ctx context.Context, binary string) error {
	forward, err := freeAddr()
	if err != nil {
		return err
	}
	metrics, err := freeAddr()
	if err != nil {
		return err
	}
	s.gate, s.gateMetrics = "http://"+forward, "http://"+metrics
	config := filepath.Join(s.dir, "gate.yaml")
	text := fmt.Sprintf(`metrics_addr: %s
service: gate
forward_auth: {listen: ['%s']}
nats: {url: %q}
pools: [{id: %s, clients: [%s], jwks_url: "%s/%s/.well-known/jwks.json"}]
rules:
  - {path: /}
  - {path: /menu, stale_policy: fail-open}
`, metrics, forward, s.nats, s.pool, s.client, s.cognito, s.pool)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	if err := s.start("gate", exec.CommandContext(ctx, binary, "serve", "--config", config)); err != nil {
		return err
	}
	return s.await(ctx, s.gateMetrics+"/readyz")
}

// startPrometheus runs it with the configuration of deploy/prometheus, but for
// the addresses and the interval, which is shorter to show more in less time.
func (s *stack) startPrometheus(ctx context.Context, dir string) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	s.prometheus = "http://" + addr
	text, err := os.ReadFile(filepath.Join(dir, "prometheus.yml"))
	if err != nil {
		return err
	}
	hosts := func(urls ...string) string { return strings.ReplaceAll(strings.Join(urls, ", "), "http://", "") }
	for old, adapted := range map[string]string{
		"[revoked-1:9090, revoked-2:9090]": "[" + hosts(s.metrics) + "]",
		"[gate:9091]":                      "[" + hosts(s.gateMetrics) + "]",
		"[api:3000]":                       "[" + hosts(s.nodes...) + "]",
		"scrape_interval: 10s":             "scrape_interval: " + scrapeInterval.String() + "\n  scrape_timeout: 1s",
	} {
		if !bytes.Contains(text, []byte(old)) {
			return fmt.Errorf("prometheus.yml has no %s", old)
		}
		text = bytes.Replace(text, []byte(old), []byte(adapted), 1)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "prometheus.yml"), text, 0o600); err != nil {
		return err
	}
	rules, err := filepath.Glob(filepath.Join(dir, "*.rules.yml"))
	if err != nil {
		return err
	}
	for _, file := range rules {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.dir, filepath.Base(file)), text, 0o600); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "prometheus", "--config.file="+filepath.Join(s.dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(s.dir, "data"), "--web.listen-address="+addr)
	if err := s.start("prometheus", cmd); err != nil {
		return fmt.Errorf("%w (apt-get install prometheus)", err)
	}
	return s.await(ctx, s.prometheus+"/-/ready")
}

// await waits until a URL answers 200.
func (s *stack) await(ctx context.Context, url string) error {
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(resp.Status)
		}
		if time.Since(began) > patience || ctx.Err() != nil {
			return fmt.Errorf("%s is not ready: %w", url, err)
		}
	}
}
