package reference

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestDrift(t *testing.T) {
	program := func(usage string) *cobra.Command {
		run := func(*cobra.Command, []string) {}
		root := &cobra.Command{Use: "tool", Long: "Exit codes: 0 ok.", Example: "  tool get", Run: run}
		get := &cobra.Command{Use: "get", Short: "Get it", Example: "  tool get --all", Run: run}
		get.Flags().Bool("all", false, usage)
		root.AddCommand(get)
		return root
	}
	path := filepath.Join(t.TempDir(), "tool.md")
	page := Commands(t, program("all of it"), "")
	if err := compare(path, page, false); err == nil || !strings.Contains(err.Error(), "run make docs") {
		t.Errorf("no page: %v", err)
	}
	if err := compare(path, page, true); err != nil {
		t.Fatal(err)
	}
	if err := compare(path, page, false); err != nil {
		t.Errorf("the page that was written: %v", err)
	}
	err := compare(path, Commands(t, program("everything"), ""), false)
	if err == nil || !strings.Contains(err.Error(), "run make docs") || !strings.Contains(err.Error(), "everything") {
		t.Errorf("a flag with another text: %v", err)
	}
}
