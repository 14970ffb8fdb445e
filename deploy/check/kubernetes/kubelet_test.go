package kubernetes_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/seed-4e8dee1b/revoked/internal/safebuf"
)

// secrets are the values of Secrets by name and key.
type secrets map[string]map[string]string

// kubelet lays out the volumes of pods in a directory and runs their containers
// as processes: paths below a mount point become paths below that directory.
type kubelet struct {
	t       *testing.T
	objects []runtime.Object
	secrets secrets
	volumes map[string]string // directory by pod and volume
}

func newKubelet(t *testing.T, objects []runtime.Object, s secrets) *kubelet {
	t.Helper()
	return &kubelet{t: t, objects: objects, secrets: s, volumes: map[string]string{}}
}

// process is a container.
type process struct {
	binary string
	args   []string
	env    []string
}

// container returns how c is run.
func (k *kubelet) container(p pod, c core.Container) process {
	k.t.Helper()
	var moved []string // pairs of path in the container and outside
	for _, m := range c.VolumeMounts {
		moved = append(moved, m.MountPath+"/", k.volume(p, m.Name)+"/")
	}
	outside := strings.NewReplacer(moved...)
	for _, m := range c.VolumeMounts {
		k.relocate(k.volume(p, m.Name), outside)
	}
	run := process{binary: "revoked"}
	for _, name := range []string{"revoked-gate", "revokectl"} {
		if strings.Contains(c.Image, name) {
			run.binary = name
		}
	}
	for _, a := range c.Args {
		run.args = append(run.args, outside.Replace(a))
	}
	for _, e := range c.Env {
		value := outside.Replace(e.Value)
		if e.ValueFrom != nil && e.ValueFrom.FieldRef != nil && e.ValueFrom.FieldRef.FieldPath == "metadata.name" {
			value = "pod-1"
		}
		run.env = append(run.env, e.Name+"="+value)
	}
	return run
}

// relocate replaces paths in the YAML files of a volume.
func (k *kubelet) relocate(dir string, outside *strings.Replacer) {
	k.t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*.yaml"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			k.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(outside.Replace(string(text))), 0o600); err != nil {
			k.t.Fatal(err)
		}
	}
}

// volume returns the directory of a volume, made at the first call.
func (k *kubelet) volume(p pod, name string) string {
	k.t.Helper()
	key := p.name + "/" + name
	if dir := k.volumes[key]; dir != "" {
		return dir
	}
	dir := k.t.TempDir()
	k.volumes[key] = dir
	write := func(path, text string) {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			k.t.Fatal(err)
		}
	}
	secret := func(name string, items []core.KeyToPath) {
		values, ok := k.secrets[name]
		if !ok {
			k.t.Fatalf("%s: there is no Secret %s", p.name, name)
		}
		if items == nil {
			for key, text := range values {
				write(key, text)
			}
		}
		for _, item := range items {
			text, ok := values[item.Key]
			if !ok {
				k.t.Fatalf("%s: the Secret %s has no key %s", p.name, name, item.Key)
			}
			write(item.Path, text)
		}
	}
	// Those that are not of the release are given like Secrets.
	configMap := func(name string, items []core.KeyToPath) {
		for _, obj := range k.objects {
			if cm, ok := obj.(*core.ConfigMap); ok && cm.Name == name {
				for key, text := range cm.Data {
					write(key, text)
				}
				return
			}
		}
		if items != nil {
			secret(name, items)
		}
	}
	for _, v := range p.spec.Volumes {
		if v.Name != name {
			continue
		}
		switch {
		case v.ConfigMap != nil:
			configMap(v.ConfigMap.Name, nil)
		case v.Secret != nil:
			secret(v.Secret.SecretName, v.Secret.Items)
		case v.Projected != nil:
			for _, source := range v.Projected.Sources {
				if source.ConfigMap != nil {
					configMap(source.ConfigMap.Name, source.ConfigMap.Items)
				} else {
					secret(source.Secret.Name, source.Secret.Items)
				}
			}
		}
	}
	return dir
}

// secretsOf returns the Secrets, and the ConfigMaps of others, that a pod mounts, with values of no use but to
// be read.
func secretsOf(p pod) secrets {
	all := secrets{}
	add := func(name string, items []core.KeyToPath) {
		if all[name] == nil {
			all[name] = map[string]string{"backend": "client-secret"} // of TestConfigurationsLoad
		}
		for _, item := range items {
			all[name][item.Key] = strings.Repeat("5ea1", 16)
		}
	}
	for _, v := range p.spec.Volumes {
		if v.Secret != nil {
			add(v.Secret.SecretName, v.Secret.Items)
		}
		if v.Projected != nil {
			for _, source := range v.Projected.Sources {
				if source.ConfigMap != nil {
					add(source.ConfigMap.Name, source.ConfigMap.Items)
				} else {
					add(source.Secret.Name, source.Secret.Items)
				}
			}
		}
	}
	return all
}

// running is a process that has been started.
type running struct {
	cmd  *exec.Cmd
	out  *safebuf.Buffer
	done chan error // capacity 1: how it ended
}

// start runs a container until it is stopped, or the test ends.
func (k *kubelet) start(run process) *running {
	k.t.Helper()
	r := &running{out: new(safebuf.Buffer), done: make(chan error, 1)}
	r.cmd = exec.Command(binary(k.t, run.binary), run.args...)
	// Nothing of ours: no AWS account, no proxy.
	r.cmd.Env = append([]string{"AWS_EC2_METADATA_DISABLED=true", "HOME=" + k.t.TempDir()}, run.env...)
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.out
	if err := r.cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	go func() { r.done <- r.cmd.Wait() }()
	k.t.Cleanup(func() {
		r.cmd.Process.Kill() // it may have ended
		if k.t.Failed() {
			k.t.Logf("%s %v:\n%s", run.binary, run.args, r.out)
		}
	})
	return r
}

// stop sends SIGTERM and waits for the end.
func (r *running) stop(t *testing.T, limit time.Duration) {
	t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.wait(t, limit)
}

// wait waits for a successful end.
func (r *running) wait(t *testing.T, limit time.Duration) {
	t.Helper()
	if err := r.end(t, limit); err != nil {
		t.Fatalf("%v: %v\n%s", r.cmd.Args, err, r.out)
	}
}

// end waits for the end and returns how it was.
func (r *running) end(t *testing.T, limit time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		t.Fatalf("%v has not ended within %v\n%s", r.cmd.Args, limit, r.out)
		return nil
	}
}
