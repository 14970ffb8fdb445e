package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// UpdateVariable names the environment variable that has [Repo.Reference] write
// the page instead of comparing it: make reference sets it.
const UpdateVariable = "REVOKED_UPDATE_DOCS"

// Reference compares the page docs/cli/NAME.md with root's commands, flags and
// help, and says in which line they differ first.
func (r *Repo) Reference(root *cobra.Command) error {
	want := reference(root)
	name := filepath.Join(r.root, "docs", "cli", root.Name()+".md")
	if os.Getenv(UpdateVariable) != "" {
		return os.WriteFile(name, []byte(want), 0o644)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("%w: run make reference", err)
	}
	if string(text) == want {
		return nil
	}
	got, wanted := strings.Split(string(text), "\n"), strings.Split(want, "\n")
	line := 0
	for line < min(len(got), len(wanted)) && got[line] == wanted[line] {
		line++
	}
	return fmt.Errorf("%s:%d is not what the program says: run make reference", name, line+1)
}

// reference returns the page of root.
func reference(root *cobra.Command) string {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	var out strings.Builder
	fmt.Fprintf(&out, "# %s: commands and flags\n\nWritten by `make reference` from the program itself; a test compares the two.\n", root.Name())
	describe(&out, root)
	return out.String()
}

func describe(out *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(out, "\n## %s\n\n%s.\n", cmd.CommandPath(), strings.TrimSuffix(cmd.Short, "."))
	if cmd.Runnable() {
		fmt.Fprintf(out, "\n```\n%s\n```\n", strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	}
	if cmd.Long != "" {
		fmt.Fprintf(out, "\n```\n%s\n```\n", strings.TrimSpace(cmd.Long))
	}
	if cmd.Example != "" {
		fmt.Fprintf(out, "\nExamples:\n\n```sh\n%s\n```\n", strings.ReplaceAll(strings.Trim("\n"+cmd.Example, "\n"), "\n  ", "\n")[2:])
	}
	var rows []string
	add := func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || f.Name == "version" {
			return
		}
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		kind, usage := pflag.UnquoteUsage(f)
		if kind != "" {
			name += " " + kind
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" && !strings.Contains(usage, "default") {
			usage += " (default `" + f.DefValue + "`)"
		}
		rows = append(rows, fmt.Sprintf("| %s | %s |", name, strings.ReplaceAll(usage, "|", `\|`)))
	}
	cmd.LocalFlags().VisitAll(add)
	if len(rows) > 0 {
		fmt.Fprintf(out, "\n| flag | |\n|---|---|\n%s\n", strings.Join(rows, "\n"))
	}
	children := slices.Clone(cmd.Commands())
	for _, c := range children {
		if c.Name() != "help" && c.Name() != "completion" && !c.Hidden {
			describe(out, c)
		}
	}
}
