package reference

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Commands is the page of a binary: every command with its text, flags and
// examples. more follows the text of the root.
//
// The test fails for a command that has no example, for a flag without a text,
// and for a root that does not name the exit codes. That examples are command
// lines which the binary takes is for package docs, which finds them on the page.
func Commands(t *testing.T, root *cobra.Command, more string) string {
	t.Helper()
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	var b strings.Builder
	b.WriteString(generated + "# " + root.Name() + "\n\n")
	if !strings.Contains(root.Long, "Exit codes:") {
		t.Errorf("%s --help does not name the exit codes", root.Name())
	}
	prose(&b, text(root))
	examples(t, &b, root)
	if more != "" {
		b.WriteString(strings.TrimSpace(more) + "\n\n")
	}
	var list []*cobra.Command
	walk(root, func(c *cobra.Command) { list = append(list, c) })
	rows := [][]string{}
	for _, c := range list {
		path := c.CommandPath()
		rows = append(rows, []string{"[" + code(path) + "](#" + strings.ReplaceAll(path, " ", "-") + ")", cell(c.Short)})
	}
	table(&b, []string{"command", ""}, rows)
	if root.HasAvailablePersistentFlags() {
		b.WriteString("Every command takes:\n\n")
		flags(t, &b, root.CommandPath(), root.PersistentFlags())
	}
	if root.HasAvailableLocalFlags() && root.Runnable() {
		local := pflag.NewFlagSet("", pflag.ContinueOnError)
		root.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && f.Name != "version" {
				local.AddFlag(f)
			}
		})
		if local.HasFlags() {
			b.WriteString("Without a command it takes:\n\n")
			flags(t, &b, root.CommandPath(), local)
		}
	}
	for _, c := range list {
		b.WriteString("## " + c.CommandPath() + "\n\n")
		b.WriteString("```text\n" + strings.TrimSuffix(c.UseLine(), " [flags]") + flagsHint(c) + "\n```\n\n")
		prose(&b, text(c))
		flags(t, &b, c.CommandPath(), c.NonInheritedFlags())
		examples(t, &b, c)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func flagsHint(c *cobra.Command) string {
	if c.HasAvailableLocalFlags() || c.HasAvailableInheritedFlags() {
		return " [flags]"
	}
	return ""
}

// walk visits what is below c and runs, but for completion of single shells and
// help, which cobra explains.
func walk(c *cobra.Command, visit func(*cobra.Command)) {
	for _, sub := range c.Commands() {
		if !sub.IsAvailableCommand() || sub.Name() == "help" || sub.Name() == "completion" {
			continue
		}
		visit(sub)
		walk(sub, visit)
	}
}

// text is what --help says first.
func text(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return sentence(c.Short)
}

func flags(t *testing.T, b *strings.Builder, of string, set *pflag.FlagSet) {
	t.Helper()
	var rows [][]string
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		if f.Usage == "" {
			t.Errorf("%s: --%s has no text", of, f.Name)
		}
		name := code("--" + f.Name)
		if f.Shorthand != "" {
			name = code("-"+f.Shorthand) + ", " + name
		}
		kind, usage := pflag.UnquoteUsage(f)
		rows = append(rows, []string{name, cell(kind), defaultOf(f), cell(usage)})
	})
	table(b, []string{"flag", "value", "default", ""}, rows)
}

// defaultOf is the default of a flag, if the text does not give it.
func defaultOf(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "false", "[]", "0", "0s":
		return ""
	}
	return code(f.DefValue)
}

func examples(t *testing.T, b *strings.Builder, c *cobra.Command) {
	t.Helper()
	if c.Example == "" {
		t.Errorf("%s --help has no example", c.CommandPath())
		return
	}
	b.WriteString("```sh\n")
	for line := range strings.Lines(c.Example) {
		line = strings.TrimPrefix(strings.TrimRight(line, "\n"), "  ")
		b.WriteString(line + "\n")
	}
	b.WriteString("```\n\n")
}
