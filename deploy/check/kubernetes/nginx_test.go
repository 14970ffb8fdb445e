package kubernetes_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
)

// The configuration of the example's proxy is deploy/nginx/api.conf, which the
// chart contains by a link, with the addresses of the pod.
func TestExampleProxy(t *testing.T) {
	const file = "deploy/kubernetes/revoked/files/nginx-api.conf"
	defer finds(t, file, "nginx -t", "proxy_passs")
	text := exampleConf(t)
	for _, want := range []string{"server 127.0.0.1:9010;", "server 127.0.0.1:8000;", "listen 8080;"} {
		if !strings.Contains(text, want) {
			t.Errorf("the example's nginx has no %q:\n%s", want, text)
		}
	}
	original, err := os.ReadFile(filepath.Join(root, "deploy/nginx/api.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Count(text, "\n"), strings.Count(string(original), "\n"); got != want {
		t.Errorf("the example's nginx has %d lines, deploy/nginx/api.conf %d", got, want)
	}
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx is not installed")
	}
	if out, err := nginxTest(t, text); err != nil {
		t.Errorf("nginx -t: %v\n%s", err, out)
	}
	if out, err := nginxTest(t, strings.Replace(text, "proxy_pass ", "proxy_passs ", 1)); err == nil || !strings.Contains(out, "proxy_passs") {
		t.Errorf("nginx -t takes proxy_passs: %v\n%s", err, out)
	}
}

func exampleConf(t *testing.T) string {
	t.Helper()
	for _, obj := range mustDecode(t, valueSet(t, "everything")) {
		if cm, ok := obj.(*core.ConfigMap); ok && cm.Data["api.conf"] != "" {
			return cm.Data["api.conf"]
		}
	}
	t.Fatal("there is no api.conf")
	return ""
}

// nginxTest puts a file where the image has conf.d, and has nginx read it.
func nginxTest(t *testing.T, conf string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	main := fmt.Sprintf("pid %[1]s/nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\nclient_body_temp_path %[1]s/body;\nproxy_temp_path %[1]s/proxy;\ninclude %[1]s/api.conf;\n}\n", dir)
	for name, text := range map[string]string{"nginx.conf": main, "api.conf": conf} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "nginx", "-t", "-p", dir, "-c", filepath.Join(dir, "nginx.conf")).CombinedOutput()
	return string(out), err
}
