package compose_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/seed-4e8dee1b/revoked/internal/safebuf"
)

// limit bounds every wait. Nothing takes nearly as long.
const limit = 60 * time.Second

// engine runs the services of a project as processes. Ports become free ones on
// loopback, and paths in a container become paths below a directory of its own;
// all else is as the file says.
type engine struct {
	t       *testing.T
	site    site
	project *types.Project
	bin     string // of the binaries

	addrs     map[string]string // on loopback, by "service:port"
	processes map[string]*process
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	s := newSite(t)
	project, err := s.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{t: t, site: s, project: project, bin: filepath.Join(s.dir, "bin"), addrs: map[string]string{}, processes: map[string]*process{}}
	if err := os.Mkdir(e.bin, 0o755); err != nil {
		t.Fatal(err)
	}
	return e
}

// addr returns where a port of a service is here.
func (e *engine) addr(service, port string) string {
	e.t.Helper()
	key := service + ":" + port
	if e.addrs[key] == "" {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			e.t.Fatal(err)
		}
		defer ln.Close()
		e.addrs[key] = ln.Addr().String()
	}
	return e.addrs[key]
}

var (
	hostPort = regexp.MustCompile(`\b([a-z0-9.-]+):(\d{4,5})\b`)
	absolute = regexp.MustCompile(`(^|[\s"'=\[,])(/[A-Za-z0-9._/-]+)`)
	onlyPort = regexp.MustCompile(`^\d{4,5}$`)
)

// outside returns a text of a service with addresses and paths as they are here.
func (e *engine) outside(s types.ServiceConfig, text string) string {
	if onlyPort.MatchString(text) {
		_, port, _ := net.SplitHostPort(e.addr(s.Name, text))
		return port
	}
	text = hostPort.ReplaceAllStringFunc(text, func(found string) string {
		host, port, _ := net.SplitHostPort(found)
		switch {
		case host == "0.0.0.0" || host == "127.0.0.1":
			return e.addr(s.Name, port)
		case e.project.Services[host].Name != "":
			return e.addr(host, port)
		}
		return found
	})
	return absolute.ReplaceAllStringFunc(text, func(found string) string {
		m := absolute.FindStringSubmatch(found)
		for _, target := range mountPoints(s) {
			if m[2] == target || strings.HasPrefix(m[2], target+"/") {
				return m[1] + e.root(s) + m[2]
			}
		}
		return found
	})
}

// root is what a container has as "/".
func (e *engine) root(s types.ServiceConfig) string {
	return filepath.Join(e.site.dir, "containers", s.Name)
}

func secretTarget(s types.ServiceSecretConfig) string {
	switch {
	case s.Target == "":
		return "/run/secrets/" + s.Source
	case !path.IsAbs(s.Target):
		return "/run/secrets/" + s.Target
	}
	return s.Target
}

func mountPoints(s types.ServiceConfig) []string {
	var all []string
	for _, secret := range s.Secrets {
		all = append(all, secretTarget(secret))
	}
	for _, config := range s.Configs {
		all = append(all, config.Target)
	}
	for _, v := range s.Volumes {
		all = append(all, v.Target)
	}
	return all
}

// mount lays out the files of a service. Configuration is copied, with addresses
// and paths as they are here; secrets and state are the files themselves.
func (e *engine) mount(s types.ServiceConfig) {
	e.t.Helper()
	check := func(err error) {
		if err != nil {
			e.t.Fatalf("mounting for %s: %v", s.Name, err)
		}
	}
	link := func(from, target string) {
		to := e.root(s) + target
		check(os.MkdirAll(filepath.Dir(to), 0o755))
		check(os.Symlink(from, to))
	}
	copied := func(from, target string) {
		text, err := os.ReadFile(from)
		check(err)
		to := e.root(s) + target
		check(os.MkdirAll(filepath.Dir(to), 0o755))
		check(os.WriteFile(to, []byte(e.outside(s, string(text))), 0o644))
	}
	for _, secret := range s.Secrets {
		link(e.project.Secrets[secret.Source].File, secretTarget(secret))
	}
	for _, config := range s.Configs {
		copied(e.project.Configs[config.Source].File, config.Target)
	}
	for _, v := range s.Volumes {
		switch {
		case v.Type == types.VolumeTypeVolume:
			check(os.MkdirAll(e.root(s)+v.Target, 0o777))
			check(os.Chmod(e.root(s)+v.Target, 0o777))
		case !v.ReadOnly:
			link(v.Source, v.Target)
		default: // a folder of configuration
			files, err := os.ReadDir(v.Source)
			check(err)
			for _, f := range files {
				if !f.IsDir() {
					copied(filepath.Join(v.Source, f.Name()), path.Join(v.Target, f.Name()))
				}
			}
		}
	}
}

// binary returns the program that is the entry point of a service: what the
// build line of the Dockerfile makes of its arguments, or the program of the
// same name as the image's.
func (e *engine) binary(s types.ServiceConfig) string {
	e.t.Helper()
	if s.Build == nil {
		name := path.Base(strings.Split(s.Image, ":")[0])
		if len(s.Entrypoint) > 0 {
			name = s.Entrypoint[0]
		}
		if name == "nats-server" {
			return e.build(name, nil, `go build -o /out/app github.com/nats-io/nats-server/v2`)
		}
		file, err := exec.LookPath(name)
		if err != nil {
			e.t.Fatalf("%s: %v: apt-get install %s", s.Name, err, name)
		}
		return file
	}
	text, err := os.ReadFile(filepath.Join(root, s.Build.Dockerfile))
	if err != nil {
		e.t.Fatal(err)
	}
	var env []string
	for _, m := range regexp.MustCompile(`(?m)^ARG (\w+)=(.*)$`).FindAllStringSubmatch(string(text), -1) {
		value := m[2]
		if given := s.Build.Args[m[1]]; given != nil {
			value = *given
		}
		// An ARG may use those above it.
		env = append(env, m[1]+"="+os.Expand(value, func(name string) string {
			for _, known := range slices.Backward(env) {
				if v, ok := strings.CutPrefix(known, name+"="); ok {
					return v
				}
			}
			return ""
		}))
	}
	line := regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0 go build .*)$`).FindStringSubmatch(string(text))
	if line == nil {
		e.t.Fatal("no build line in the Dockerfile")
	}
	return e.build(path.Base(s.Image), env, line[1])
}

func (e *engine) build(name string, env []string, script string) string {
	e.t.Helper()
	out := filepath.Join(e.bin, strings.ReplaceAll(name, ":", "-"))
	if _, err := os.Stat(out); err == nil {
		return out
	}
	cmd := exec.CommandContext(e.t.Context(), "sh", "-ec", strings.ReplaceAll(script, "/out/app", out))
	cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		e.t.Fatalf("building %s with %v: %v\n%s", name, env, err, text)
	}
	return out
}

// process is a container.
type process struct {
	service types.ServiceConfig
	cmd     *exec.Cmd
	out     safebuf.Buffer
	done    chan struct{} // closed when it has ended
	err     error         // how; to be read once done is closed
}

// command returns how a service is run, with other arguments than its own.
func (e *engine) command(ctx context.Context, s types.ServiceConfig, args []string, extra ...string) *exec.Cmd {
	e.t.Helper()
	var outside []string
	for _, a := range args {
		outside = append(outside, e.outside(s, a))
	}
	cmd := exec.CommandContext(ctx, e.binary(s), append(outside, extra...)...)
	cmd.Dir = "/"
	// Nothing of this machine's.
	cmd.Env = []string{"AWS_EC2_METADATA_DISABLED=true", "HOME=/nonexistent"}
	for _, key := range slices.Sorted(maps.Keys(s.Environment)) {
		cmd.Env = append(cmd.Env, key+"="+e.outside(s, *s.Environment[key]))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if uid, gid, ok := strings.Cut(s.User, ":"); ok && os.Getuid() == 0 {
		u, errU := strconv.ParseUint(uid, 10, 32)
		g, errG := strconv.ParseUint(gid, 10, 32)
		if errU != nil || errG != nil {
			e.t.Fatalf("%s: user %q", s.Name, s.User)
		}
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(u), Gid: uint32(g)}
	}
	return cmd
}

// start starts a service once those have come that it depends on.
func (e *engine) start(name string, extra ...string) {
	e.t.Helper()
	if e.processes[name] != nil {
		return
	}
	s := e.project.Services[name]
	for _, other := range slices.Sorted(maps.Keys(s.DependsOn)) {
		e.start(other)
	}
	for other, dependency := range s.DependsOn {
		e.await(other, dependency.Condition)
	}
	e.mount(s)
	e.launch(s, extra...)
}

func (e *engine) launch(s types.ServiceConfig, extra ...string) {
	e.t.Helper()
	p := &process{service: s, done: make(chan struct{})}
	p.cmd = e.command(context.WithoutCancel(e.t.Context()), s, s.Command, extra...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		e.t.Fatalf("%s: %v", s.Name, err)
	}
	go func() { // ends with the process
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	e.processes[s.Name] = p
	e.t.Cleanup(func() {
		p.stop()
		if e.t.Failed() {
			e.t.Logf("end of the output of %s:\n%s", s.Name, p.out.End())
		}
	})
}

func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
	case <-time.After(15 * time.Second):
		p.cmd.Process.Kill() // likewise
		<-p.done
	}
}

// await waits for a condition of depends_on.
func (e *engine) await(name, condition string) {
	e.t.Helper()
	p := e.processes[name]
	switch condition {
	case types.ServiceConditionStarted:
	case types.ServiceConditionHealthy:
		e.eventually(name+" is healthy", func() error {
			select {
			case <-p.done:
				e.t.Fatalf("%s has ended: %v\n%s", name, p.err, &p.out)
			default:
			}
			return e.healthy(p.service)
		})
	case types.ServiceConditionCompletedSuccessfully:
		select {
		case <-p.done:
			if p.err != nil {
				e.t.Fatalf("%s: %v\n%s", name, p.err, &p.out)
			}
		case <-time.After(limit):
			e.t.Fatalf("%s has not ended within %v\n%s", name, limit, &p.out)
		}
	default:
		e.t.Fatalf("depends_on %s: condition %q", name, condition)
	}
}

// healthy runs the health check of a service.
func (e *engine) healthy(s types.ServiceConfig) error {
	e.t.Helper()
	if s.HealthCheck == nil || len(s.HealthCheck.Test) < 3 || s.HealthCheck.Test[0] != "CMD" {
		e.t.Fatalf("%s has no health check that is a command", s.Name)
	}
	test := s.HealthCheck.Test[1:]
	ctx, cancel := context.WithTimeout(e.t.Context(), time.Duration(*s.HealthCheck.Timeout))
	defer cancel()
	switch test[0] {
	case "/app":
		out, err := e.command(ctx, s, test[1:]).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	case "wget": // of the image
		return get(ctx, e.outside(s, test[len(test)-1]))
	}
	e.t.Fatalf("%s: the image has no %s", s.Name, test[0])
	return nil
}

func get(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}

func (e *engine) eventually(what string, holds func() error) time.Duration {
	e.t.Helper()
	begin := time.Now()
	for {
		err := holds()
		if err == nil {
			return time.Since(begin)
		}
		if time.Since(begin) > limit {
			e.t.Fatalf("not within %v: %s: %v", limit, what, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
