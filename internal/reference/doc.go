// Package reference writes the pages of docs/reference from what they are
// about: the commands of a binary, the fields of a configuration, the OpenAPI
// description. A test beside each of these makes its page and compares it with
// the one in docs/reference, so that a change of the code without one of the
// page fails; "make docs" writes the pages.
//
// It also holds help texts to some rules: see [Commands].
package reference

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Write is the environment variable with which [Compare] writes pages.
const Write = "REVOKED_WRITE_DOCS"

// Compare fails the test unless the page of docs/reference is as it should be.
func Compare(t *testing.T, page, want string) {
	t.Helper()
	if err := compare(filepath.Join(root(t), "docs", "reference", page), want, os.Getenv(Write) != ""); err != nil {
		t.Error(err)
	}
}

// compare writes the page at path, or reports how it differs.
func compare(path, want string, write bool) error {
	if write {
		return os.WriteFile(path, []byte(want), 0o644)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w: run make docs", err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		return fmt.Errorf("%s is not what the code says: run make docs (-page +code):\n%s", path, diff)
	}
	return nil
}

// root is the directory of the module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}
