package compose_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
)

const root = "../../.."

const artifact = "deploy/compose/compose.yaml"

func TestMain(m *testing.M) {
	if os.Getenv("CHECK_DEPLOY") == "" {
		fmt.Println("skipped: make check-deploy runs them")
		return
	}
	logrus.SetLevel(logrus.ErrorLevel)
	m.Run()
}

// site is a copy of the files that compose.yaml names, with secrets of its own.
type site struct{ dir string }

func (s site) compose() string { return filepath.Join(s.dir, artifact) }

func newSite(t *testing.T) site {
	t.Helper()
	// Not t.TempDir: the containers' user must be able to get there.
	dir, err := os.MkdirTemp("", "compose") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := site{dir}
	for _, name := range []string{"compose/compose.yaml", "compose/revoked.yaml", "compose/gate.yaml", "nats/cluster.conf", "prometheus", "grafana"} {
		from, to := filepath.Join(root, "deploy", name), filepath.Join(dir, "deploy", name)
		if info, err := os.Stat(from); err != nil {
			t.Fatal(err)
		} else if info.IsDir() {
			err = os.CopyFS(to, os.DirFS(from))
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mint := exec.CommandContext(t.Context(), "make", "compose-secrets", "COMPOSE_DIR="+filepath.Dir(s.compose()))
	mint.Dir = root
	if out, err := mint.CombinedOutput(); err != nil {
		t.Fatalf("make compose-secrets: %v\n%s", err, out)
	}
	return s
}

// load reads the file as docker compose does.
func (s site) load(ctx context.Context) (*types.Project, error) {
	options, err := cli.NewProjectOptions([]string{s.compose()}, cli.WithWorkingDirectory(filepath.Dir(s.compose())), cli.WithEnvFiles(), cli.WithDotEnv)
	if err != nil {
		return nil, err
	}
	return options.LoadProject(ctx)
}

// change returns a site whose compose.yaml has to in place of from.
func (s site) change(t *testing.T, from, to string) site {
	t.Helper()
	text, err := os.ReadFile(s.compose())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		t.Fatalf("compose.yaml has no %q to replace", from)
	}
	broken := site{t.TempDir()}
	if err := os.CopyFS(broken.dir, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken.compose(), []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return broken
}

func TestLoads(t *testing.T) {
	t.Attr(artifact, "compose-go loader; finds a misspelled field, an undefined depends_on, secret and network")
	s := newSite(t)
	if _, err := s.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		"read_only: true":    "read_onli: true",
		"    provision: {c":  "    provisoin: {c",
		"    - seal-keys":    "    - seal-kays",
		"[revoked]":          "[revoke]",
		"create_host_path":   "create_host_paht",
		"condition: service": "condition: servise",
	} {
		if _, err := s.change(t, from, to).load(t.Context()); err == nil {
			t.Errorf("with %q for %q the file still loads", to, from)
		}
	}
	// Without secrets nothing starts by accident as root.
	if err := os.Remove(filepath.Join(filepath.Dir(s.compose()), ".env")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.load(t.Context()); err == nil || !strings.Contains(err.Error(), "run make compose-secrets") {
		t.Errorf("without .env the error is %v, want one that names make compose-secrets", err)
	}
}

func TestContainersAreConfined(t *testing.T) {
	t.Attr(artifact, "rules for every container; finds a writable root, a capability, an open port, :latest, a file that is not there, a log without bound, too little time to stop")
	s := newSite(t)
	project, err := s.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found := problems(project); len(found) > 0 {
		t.Fatalf("%s", strings.Join(found, "\n"))
	}
	for from, to := range map[string]string{
		"read_only: true\n":       "read_only: false\n",
		"cap_drop: [ALL]":         "cap_drop: [NET_RAW]",
		"no-new-privileges:true":  "no-new-privileges:false",
		"restart: unless-stopped": "restart: 'no'",
		"127.0.0.1:8081:8081":     "8081:8081",
		"nats:2.15-alpine":        "nats:latest",
		"./secrets/ca.pem":        "./secrets/cb.pem",
		"./state/gate":            "./state/gates",
		"user: grafana":           "user: root",
		"max-size: 20m":           "mode: non-blocking",
		"stop_grace_period: 40s":  "stop_grace_period: 30s",
		"file: ./revoked.yaml":    "file: ./revoke.yaml",
	} {
		broken, err := s.change(t, from, to).load(t.Context())
		if err == nil && len(problems(broken)) == 0 {
			t.Errorf("with %q for %q nothing is found", to, from)
		}
	}
}

// drainTimeout is how long the service waits for requests when it stops.
var drainTimeout = sync.OnceValue(func() time.Duration {
	text, err := os.ReadFile(root + "/internal/service/service.go")
	m := regexp.MustCompile(`drainTimeout = (\d+) \* time\.Second`).FindSubmatch(text)
	if err != nil || m == nil {
		panic(fmt.Sprintf("internal/service/service.go has no drainTimeout: %v", err))
	}
	seconds, _ := strconv.Atoi(string(m[1]))
	return time.Duration(seconds) * time.Second
})

// problems returns what is wrong with a project that loads.
func problems(p *types.Project) []string {
	var found []string
	add := func(text string, args ...any) { found = append(found, fmt.Sprintf(text, args...)) }
	exists := func(who, file string) {
		if _, err := os.Stat(file); err != nil {
			add("%s: %v", who, err)
		}
	}
	used := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		s := p.Services[name]
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0 || s.Privileged ||
			!slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
			add("%s: is not confined", name)
		}
		if user, _, _ := strings.Cut(s.User, ":"); user == "" || user == "0" || user == "root" {
			add("%s: runs as %q", name, s.User)
		}
		if want := map[bool]string{true: "no", false: "unless-stopped"}[name == "provision"]; s.Restart != want {
			add("%s: restart is %q, want %q", name, s.Restart, want)
		}
		if _, tag, ok := strings.Cut(s.Image, ":"); !ok || tag == "latest" {
			add("%s: the image %q has no tag of its own", name, s.Image)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				add("%s: port %d is open to other machines", name, port.Target)
			}
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind {
				exists(name, v.Source)
			}
		}
		for _, secret := range s.Secrets {
			used[secret.Source] = true
		}
		if s.Logging == nil || s.Logging.Options["max-size"] == "" || s.Logging.Options["max-file"] == "" {
			add("%s: its log grows without bound", name)
		}
		if grace := s.StopGracePeriod; slices.Equal(s.Command[:min(1, len(s.Command))], []string{"serve"}) && strings.HasPrefix(s.Image, "revoked:") &&
			(grace == nil || time.Duration(*grace) < drainTimeout()+10*time.Second) {
			add("%s: is killed while requests are under way", name)
		}
		for key, value := range s.Environment {
			if value == nil {
				add("%s: %s has no value", name, key)
			}
		}
	}
	for name, secret := range p.Secrets {
		exists("secret "+name, secret.File)
		if !used[name] {
			add("secret %s: nobody uses it", name)
		}
	}
	for name, config := range p.Configs {
		exists("config "+name, config.File)
	}
	return found
}
