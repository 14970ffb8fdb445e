package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// server is a nats-server process.
type server struct {
	cmd     *exec.Cmd
	dir     string
	url     string
	monitor string
}

// buildServer builds nats-server from the version that this module names.
func buildServer() (bin string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "fleet")
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	bin = filepath.Join(dir, "nats-server")
	if out, err := exec.Command("go", "build", "-o", bin, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		remove()
		return "", nil, fmt.Errorf("building nats-server: %w\n%s", err, out)
	}
	return bin, remove, nil
}

// startServer runs a server on loopback ports of its own choice. Without
// syncAlways it writes as nats-server does by default, for filling a store fast.
func startServer(bin string, syncAlways bool) (*server, error) {
	dir, err := os.MkdirTemp("", "fleet-store")
	if err != nil {
		return nil, err
	}
	interval := ""
	if syncAlways {
		interval = "sync_interval: always"
	}
	conf, log := filepath.Join(dir, "server.conf"), filepath.Join(dir, "server.log")
	text := fmt.Sprintf("listen: \"127.0.0.1:-1\"\nhttp: \"127.0.0.1:-1\"\nports_file_dir: %q\nlog_file: %q\nmax_connections: 20000\njetstream { store_dir: %q, %s }\n",
		dir, log, dir, interval)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	s := &server{cmd: exec.Command(bin, "-c", conf), dir: dir}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if s.listening() {
			return s, nil
		}
		if time.Now().After(until) {
			said, _ := os.ReadFile(log)
			s.stop()
			return nil, fmt.Errorf("nats-server does not start; its log: %s", said)
		}
	}
}

// listening reads the addresses that the server wrote, and reports whether it is
// healthy there.
func (s *server) listening() bool {
	text, err := os.ReadFile(filepath.Join(s.dir, fmt.Sprintf("%s_%d.ports", filepath.Base(s.cmd.Path), s.cmd.Process.Pid)))
	if err != nil {
		return false
	}
	var ports struct {
		NATS       []string `json:"nats"`
		Monitoring []string `json:"monitoring"`
	}
	if json.Unmarshal(text, &ports) != nil || len(ports.NATS) == 0 || len(ports.Monitoring) == 0 {
		return false
	}
	s.url, s.monitor = ports.NATS[0], ports.Monitoring[0]
	resp, err := http.Get(s.monitor + "/healthz")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (s *server) stop() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
	os.RemoveAll(s.dir)
}

// rss returns the server's resident memory in bytes.
func (s *server) rss() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if kib, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kib), "kB")), 10, 64)
			return n * 1024, err
		}
	}
	return 0, errors.New("no VmRSS")
}

// usage returns the server's CPU time and the number of messages delivered.
func (s *server) usage() (cpu time.Duration, delivered int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	// Behind the name, which may have blanks: state is field 3, utime 14, stime 15.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	for _, f := range fields[11:13] {
		ticks, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, 0, err
		}
		cpu += time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100 on Linux
	}
	resp, err := http.Get(s.monitor + "/varz")
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, 0, err
	}
	var varz struct {
		OutMsgs int64 `json:"out_msgs"`
	}
	err = json.Unmarshal(body, &varz)
	return cpu, varz.OutMsgs, err
}
