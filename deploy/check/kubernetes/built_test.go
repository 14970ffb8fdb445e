package kubernetes_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built are our binaries, made once.
var built struct {
	once sync.Once
	dir  string
	err  error
	out  []byte
}

// binary returns the path of one of ours.
func binary(t *testing.T, name string) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "revoked-check"); built.err != nil { //nolint:usetesting // it outlives the first test
			return
		}
		build := exec.Command("go", "build", "-o", built.dir, "./cmd/revoked", "./cmd/revoked-gate", "./cmd/revokectl", "./deploy/nats/mint")
		build.Dir = root
		built.out, built.err = build.CombinedOutput()
	})
	if built.err != nil {
		t.Fatalf("building: %v\n%s", built.err, built.out)
	}
	return filepath.Join(built.dir, name)
}
