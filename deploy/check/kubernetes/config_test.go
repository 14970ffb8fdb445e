package kubernetes_test

import (
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/seed-4e8dee1b/revoked/internal/gate"
	"github.com/seed-4e8dee1b/revoked/internal/service"
)

// natsPorts are those in the URLs that a pod connects to: in its environment,
// or in the configuration that it mounts.
func natsPorts(p pod, objects []runtime.Object) []int32 {
	var urls []string
	for _, c := range p.containers() {
		for _, e := range c.Env {
			if e.Name == "NATS_URL" {
				urls = append(urls, strings.Split(e.Value, ",")...)
			}
		}
	}
	for _, text := range configFiles(p, objects) {
		var cfg struct{ NATS struct{ URL string } }
		if yaml.Unmarshal([]byte(text), &cfg) == nil && cfg.NATS.URL != "" {
			urls = append(urls, strings.Split(cfg.NATS.URL, ",")...)
		}
	}
	var numbers []int32
	for _, raw := range urls {
		port := 4222
		if u, err := url.Parse(strings.TrimSpace(raw)); err == nil && u.Port() != "" {
			port, _ = strconv.Atoi(u.Port())
		}
		numbers = append(numbers, int32(port))
	}
	return numbers
}

// configFiles are the YAML files in the ConfigMaps that a pod mounts.
func configFiles(p pod, objects []runtime.Object) map[string]string {
	files := map[string]string{}
	for _, v := range p.spec.Volumes {
		if v.ConfigMap == nil {
			continue
		}
		for _, obj := range objects {
			if cm, ok := obj.(*core.ConfigMap); ok && cm.Name == v.ConfigMap.Name {
				for name, text := range cm.Data {
					if strings.HasSuffix(name, ".yaml") {
						files[name] = text
					}
				}
			}
		}
	}
	return files
}

// The configuration that is mounted is one that the binary takes, with the
// variables of its container, in every set of values.
func TestConfigurationsLoad(t *testing.T) {
	for name, v := range valueSets(t) {
		objects := mustDecode(t, v)
		for _, p := range podsOf(objects) {
			if !p.workload {
				continue
			}
			box := newKubelet(t, objects, secretsOf(p))
			for _, c := range p.containers() {
				if len(c.Args) == 0 || c.Args[0] != "serve" {
					continue
				}
				run := box.container(p, c)
				if err := loadConfig(run); err != nil {
					t.Errorf("with the values %s, %s: %v", name, p.name, err)
				}
				text, err := os.ReadFile(run.args[2])
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(run.args[2], append(text, "log_levels: debug\n"...), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := loadConfig(run); err == nil || !strings.Contains(err.Error(), `unknown key "log_levels"`) {
					t.Errorf("%s: a configuration with an unknown key is taken: %v", p.name, err)
				}
			}
		}
	}
	finds(t, "deploy/kubernetes/revoked/templates/configmap.yaml", "the loader of revoked", "log_levels")
	finds(t, "deploy/kubernetes/revoked/templates/gate.yaml", "the loader of revoked-gate", "log_levels")
}

// loadConfig is "config check" of the binary that run starts.
func loadConfig(run process) error {
	env := map[string]string{}
	for _, e := range run.env {
		key, value, _ := strings.Cut(e, "=")
		env[key] = value
	}
	var err error
	if strings.Contains(run.args[2], "gate") {
		_, err = gate.Load(run.args[2], env)
	} else {
		_, err = service.Load(run.args[2], env, nil)
	}
	return err
}

// The chart takes every key that the binary has, and those alone.
func TestSchemaMirrorsTheConfiguration(t *testing.T) {
	s := schema(t)
	for _, of := range []struct {
		path string
		typ  any
		// without are keys that are for the chart to set, or secret.
		without []string
	}{
		// Profiles stay on loopback, where kubectl port-forward gets them.
		{"config", service.Config{}, []string{"api_key", "api_key_file", "seal_keys", "seal_keys_file", "local_file", "service_id", "insecure_debug_addr"}},
		{"config.nats", service.NATS{}, []string{"creds", "nkey", "ca", "cert", "key"}},
		{"config.probe", service.Probe{}, nil},
		{"config.api_keys[]", service.Key{}, nil},
		{"config.pools[]", service.Pool{}, nil},
		{"config.pools[].clients[]", service.Client{}, []string{"secret"}},
		{"config.pools[].callers[]", service.Grant{}, nil},
		// Unix sockets would need a volume of the pod's.
		{"gate.config", gate.Config{}, []string{"node", "local_file", "break_glass_file", "socket_mode", "insecure_debug_addr"}},
		{"gate.config.forward_auth", gate.Listener{}, nil},
		{"gate.config.ext_authz", gate.Listener{}, nil},
		{"gate.config.check", gate.Listener{}, nil},
		{"gate.config.nats", service.NATS{}, []string{"creds", "nkey", "ca", "cert", "key"}},
		{"gate.config.pools[]", gate.Pool{}, nil},
		{"gate.config.rules[]", gate.Rule{}, nil},
	} {
		var want []string
		for _, f := range reflect.VisibleFields(reflect.TypeOf(of.typ)) {
			if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key != "-" && key != "" && !slices.Contains(of.without, key) {
				want = append(want, key)
			}
		}
		slices.Sort(want)
		if got := s.at(of.path).keys(); !slices.Equal(got, want) {
			t.Errorf("values.schema.json has for %s the keys\n%v, the binary\n%v", of.path, got, want)
		}
	}
	finds(t, "deploy/kubernetes/revoked/values.schema.json", "compared with the configurations", "a key that only one of them has")
}

// The pod is not killed before the service has let its requests finish.
func TestGracePeriod(t *testing.T) {
	source := func(file string) time.Duration {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`drainTimeout\s+= (\d+) \* time\.Second`).FindSubmatch(text)
		if m == nil {
			t.Fatalf("%s has no drainTimeout", file)
		}
		seconds, _ := strconv.Atoi(string(m[1]))
		return time.Duration(seconds) * time.Second
	}
	drain := source("internal/service/service.go")
	for name, v := range valueSets(t) {
		objects := mustDecode(t, v)
		for _, p := range podsOf(objects) {
			text, serves := configFiles(p, objects)["config.yaml"]
			if !p.workload || !serves {
				continue
			}
			var cfg struct {
				Delay string `json:"shutdown_delay"`
			}
			if err := yaml.Unmarshal([]byte(text), &cfg); err != nil {
				t.Fatal(err)
			}
			delay, err := time.ParseDuration(cfg.Delay)
			if err != nil {
				t.Fatal(err)
			}
			grace := time.Duration(*p.spec.TerminationGracePeriodSeconds) * time.Second
			if delay == 0 || grace < delay+drain+10*time.Second {
				t.Errorf("with the values %s, %s: %v to stop, of which shutdown_delay takes %v and requests up to %v", name, p.name, grace, delay, drain)
			}
		}
	}
}

func unmarshal(text string, to any) error { return yaml.Unmarshal([]byte(text), to) }
