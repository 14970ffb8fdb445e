package reference

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Commands is the page of a binary: every command with its text, flags and
// examples. more follows the text of the root.
//
// The test fails for a command that runs and has no example, for an example
// that the command would not take, for a flag without a text, and for a root
// that does not name the exit codes.
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
		if err := takes(c.Root(), line); err != nil {
			t.Errorf("an example of %s is %q: %v", c.CommandPath(), line, err)
		}
	}
	b.WriteString("```\n\n")
}

// takes reports whether the binary would understand the calls of it in a line
// of a shell, without running anything.
func takes(root *cobra.Command, line string) error {
	for _, call := range calls(line) {
		at := -1
		for i, word := range call {
			if word == root.Name() {
				at = i
				break
			}
		}
		if at < 0 {
			continue
		}
		args := call[at+1:]
		if call[0] == "xargs" {
			args = append(args, "an-argument")
		}
		cmd, rest, err := root.Find(args)
		if err != nil {
			return err
		}
		if cmd.HasParent() && !cmd.IsAvailableCommand() {
			return fmt.Errorf("%s is no command to show", cmd.CommandPath())
		}
		// Flags are read into a copy of the set, for their values are the
		// program's.
		set := pflag.NewFlagSet(cmd.Name(), pflag.ContinueOnError)
		cmd.InitDefaultHelpFlag()
		for _, from := range []*pflag.FlagSet{cmd.Flags(), cmd.InheritedFlags()} {
			from.VisitAll(func(f *pflag.Flag) {
				if set.Lookup(f.Name) == nil {
					set.VarPF(&anything{of: f}, f.Name, f.Shorthand, "").NoOptDefVal = f.NoOptDefVal
				}
			})
		}
		if err := set.Parse(rest); err != nil {
			return err
		}
		if cmd.Args != nil {
			if err := cmd.Args(cmd, set.Args()); err != nil {
				return err
			}
		}
	}
	return nil
}

// anything takes whatever a flag is given in an example.
type anything struct{ of *pflag.Flag }

func (a *anything) String() string   { return "" }
func (a *anything) Set(string) error { return nil }
func (a *anything) Type() string     { return a.of.Value.Type() }

// calls splits a line of a shell at pipes and into words. It knows quotes and
// comments, and leaves redirections out.
func calls(line string) [][]string {
	list := [][]string{nil}
	var word strings.Builder
	quote, started, skip := rune(0), false, false
	end := func() {
		if started && !skip {
			list[len(list)-1] = append(list[len(list)-1], word.String())
		}
		if started {
			skip = false
		}
		word.Reset()
		started = false
	}
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, started = c, true
		case c == '#' && !started:
			return list
		case c == '|' || c == ';' || c == '&':
			end()
			list = append(list, nil)
		case c == '<' || c == '>':
			end()
			skip = true
		case c == ' ':
			end()
		default:
			word.WriteRune(c)
			started = true
		}
	}
	end()
	return list
}
