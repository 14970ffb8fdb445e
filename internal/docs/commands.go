package docs

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Commands finds command lines of root's program in the pages that it would
// refuse: unknown subcommands and unknown flags. They are looked for in blocks
// of shell ("sh" and "console", there after "$ ") and in backticks.
func (r *Repo) Commands(root *cobra.Command) []Problem {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	var found []Problem
	for _, p := range r.Pages {
		for _, line := range p.shell() {
			for _, words := range commandLines(line.Text, root.Name()) {
				if why := refuse(root, words); why != "" {
					found = append(found, Problem{p.Path, line.Line, fmt.Sprintf("%s %s: %s", root.Name(), strings.Join(words, " "), why)})
				}
			}
		}
	}
	return found
}

// CheckCommands fails the test of a package in cmd for what [Repo.Commands] finds.
func CheckCommands(t *testing.T, root *cobra.Command) {
	t.Helper()
	repo, err := Open("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range repo.Commands(root) {
		t.Error(p)
	}
}

// shell returns the command lines of a page, continued ones as one.
func (p *Page) shell() []Span {
	all := append([]Span(nil), p.Spans...)
	for _, b := range p.Blocks {
		if b.Info != "sh" && b.Info != "console" || strings.Contains(b.Text, "exit code 2") { // a mistake, shown as one
			continue
		}
		joined := Span{}
		for i, line := range strings.Split(b.Text, "\n") {
			if joined.Text == "" {
				if b.Info == "console" {
					command, is := strings.CutPrefix(line, "$ ")
					if !is {
						continue
					}
					line = command
				}
				joined.Line = b.Line + i
			}
			if rest, more := strings.CutSuffix(line, `\`); more {
				joined.Text += rest + " "
				continue
			}
			all = append(all, Span{joined.Line, joined.Text + line})
			joined = Span{}
		}
	}
	return all
}

var assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// commandLines returns the arguments of each call of the program in a line.
func commandLines(line, program string) [][]string {
	var calls [][]string
	for _, command := range split(line) {
		words := command
		for len(words) > 0 && (assignment.MatchString(words[0]) || words[0] == "exec" || words[0] == "nohup" || words[0] == "sudo") {
			words = words[1:]
		}
		if len(words) > 0 && (words[0] == program || strings.HasSuffix(words[0], "bin/"+program)) {
			calls = append(calls, words[1:])
		}
	}
	return calls
}

// split takes a line of shell apart into commands and words, well enough for
// what documentation shows: quotes, comments, pipes, lists, substitutions.
func split(line string) [][]string {
	var commands [][]string
	var words []string
	var w strings.Builder
	in := false // within a word
	endWord := func() {
		if in {
			words = append(words, w.String())
		}
		w.Reset()
		in = false
	}
	endCommand := func() {
		endWord()
		if len(words) > 0 {
			commands = append(commands, words)
		}
		words = nil
	}
	var quote rune
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		c := runes[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				w.WriteRune(c)
			}
		case c == '\'' || c == '"':
			quote, in = c, true
		case c == '#' && !in:
			endCommand()
			return commands
		case c == '$' && i+1 < len(runes) && runes[i+1] == '(':
			endCommand()
			i++
		case strings.ContainsRune("|;&()", c):
			endCommand()
		case c == '<' || c == '>':
			endWord()
			words = append(words, string(c))
		case c == ' ' || c == '\t':
			endWord()
		default:
			w.WriteRune(c)
			in = true
		}
	}
	endCommand()
	return commands
}

// refuse says why the program would not take the words, or "".
func refuse(root *cobra.Command, words []string) string {
	cmd := root
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "<" || w == ">" || w == "...":
			i++ // a file
		case strings.HasPrefix(w, "-") && w != "-":
			name, _, hasValue := strings.Cut(w, "=")
			f := flag(cmd, name)
			if f == nil {
				return fmt.Sprintf("%s has no flag %s", cmd.CommandPath(), name)
			}
			if !hasValue && f.NoOptDefVal == "" && f.Value.Type() != "bool" {
				i++
			}
		case cmd.HasSubCommands():
			next := subcommand(cmd, w)
			switch {
			case next != nil:
				cmd = next
			case strings.ToUpper(w) == w, strings.HasSuffix(w, "..."): // a placeholder
				return ""
			default:
				return fmt.Sprintf("%s has no command %s", cmd.CommandPath(), w)
			}
		}
	}
	return ""
}

func subcommand(cmd *cobra.Command, name string) *cobra.Command {
	for _, c := range cmd.Commands() {
		if c.Name() == name || c.HasAlias(name) {
			return c
		}
	}
	return nil
}

// flag returns a flag of cmd or one that it inherits.
func flag(cmd *cobra.Command, name string) *pflag.Flag {
	long, isLong := strings.CutPrefix(name, "--")
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags(), cmd.InheritedFlags()} {
		var f *pflag.Flag
		if isLong {
			f = set.Lookup(long)
		} else if len(name) == 2 {
			f = set.ShorthandLookup(name[1:])
		}
		if f != nil {
			return f
		}
	}
	return nil
}
