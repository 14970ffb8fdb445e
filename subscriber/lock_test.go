//go:build (unix && !solaris && !illumos && !aix) || windows

package subscriber

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestLockFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acts")
	first, err := lockFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := lockFile(path); err == nil || !strings.Contains(err.Error(), "is in use by another process") {
		t.Errorf("a second lock: %v, %v", second, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := lockFile(path)
	if err != nil {
		t.Fatalf("a lock after the first was let go: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
