//go:build linux

package proxies_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The proxies themselves read our files, and find a misspelled word in a copy.
// What they do with them is for TestProxies, with more time.
func TestSyntax(t *testing.T) {
	if os.Getenv("CHECK_DEPLOY") == "" {
		t.Skip("needs nginx, Caddy and HAProxy; make check-deploy runs it")
	}
	for _, tt := range []struct {
		file, tool, found string
		from, to          string
		check             func(t *testing.T, text string) error
	}{
		{"nginx/api.conf", "nginx -t", "a misspelled directive", "auth_request /_revoked", "auth_reqest /_revoked", nginxReads},
		{"caddy/Caddyfile", "caddy validate", "a misspelled directive", "copy_headers", "copy_haeders", caddyReads},
		{"haproxy/haproxy.cfg", "haproxy -c (Lua script stood in for)", "a misspelled action", "deny_status", "deny_statsu", haproxyReads},
		{"traefik/dynamic.yaml", "strict decoding (no Traefik here)", "a misspelled field", "trustForwardHeader", "trustForwardHaeder", traefikFields},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Attr("deploy/"+tt.file, tt.tool+"; finds "+tt.found)
			if err := tt.check(t, file(t, tt.file, nil)); err != nil {
				t.Errorf("deploy/%s: %v", tt.file, err)
			}
			if err := tt.check(t, file(t, tt.file, map[string]string{tt.from: tt.to})); err == nil {
				t.Errorf("with %q for %q the file is still accepted", tt.to, tt.from)
			} else if !strings.Contains(err.Error(), strings.Fields(tt.to)[0]) {
				t.Errorf("the error does not name %q: %v", tt.to, err)
			}
		})
	}
}

// reads runs a program that checks a file.
func reads(t *testing.T, name string, args ...string) error {
	t.Helper()
	program, ok := find(name)
	if !ok {
		t.Fatalf("%s is not installed: run make check-deploy", name)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func nginxReads(t *testing.T, text string) error {
	t.Helper()
	dir := t.TempDir()
	site := write(t, filepath.Join(dir, "api.conf"), text)
	conf := write(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf("pid %s;\nevents {}\nhttp {\naccess_log off;\ninclude %s;\n}\n", filepath.Join(dir, "pid"), site))
	return reads(t, "nginx", "-t", "-e", "stderr", "-p", dir, "-c", conf)
}

func caddyReads(t *testing.T, text string) error {
	t.Helper()
	return reads(t, "caddy", "validate", "--adapter", "caddyfile", "--config", write(t, filepath.Join(t.TempDir(), "Caddyfile"), text))
}

// haproxyReads gives HAProxy a script that registers the action of
// haproxy-auth-request, which is not ours to ship, with its six arguments.
func haproxyReads(t *testing.T, text string) error {
	t.Helper()
	dir := t.TempDir()
	script := write(t, filepath.Join(dir, "auth-request.lua"), `core.register_action("auth-intercept", {"http-req"}, function() end, 6)`)
	text = strings.ReplaceAll(text, "/usr/share/haproxy/auth-request.lua", script)
	return reads(t, "haproxy", "-c", "-f", write(t, filepath.Join(dir, "haproxy.cfg"), text))
}

// traefikFields decodes the fields of Traefik's dynamic configuration that ours
// uses, and no others.
func traefikFields(_ *testing.T, text string) error {
	var config struct {
		HTTP struct {
			Middlewares map[string]struct {
				Headers struct {
					CustomRequestHeaders map[string]string `yaml:"customRequestHeaders"`
				}
				ForwardAuth struct {
					Address             string
					TrustForwardHeader  bool     `yaml:"trustForwardHeader"`
					AuthResponseHeaders []string `yaml:"authResponseHeaders"`
				} `yaml:"forwardAuth"`
			}
			Routers map[string]struct {
				Rule        string
				EntryPoints []string `yaml:"entryPoints"`
				Middlewares []string
				Service     string
			}
			Services map[string]struct {
				LoadBalancer struct {
					Servers []struct{ URL string }
				} `yaml:"loadBalancer"`
			}
		}
	}
	dec := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	dec.KnownFields(true)
	return dec.Decode(&config)
}
