package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/build"
)

const rootHelp = `revokectl revokes tokens, sessions, users, clients, groups, devices and whole
pools of Amazon Cognito through the revoke service, and shows what became of it.

Environment:
  REVOKED_URL           address of the service's administration API
  REVOKED_API_KEY       API key, or
  REVOKED_API_KEY_FILE  a file that contains it

Tokens are read from standard input or a file, never from the command line.
Output is never colored (NO_COLOR).

Exit codes:
  0  done; for revoke: denied, that is, in the stream that every node follows
  1  failure; the message says whether the service may have carried it out
  2  usage: nothing was sent
  3  not found
  4  denied: the service does not accept the API key, or not for this
  5  accepted, but not yet, or not known to be, enforced`

const rootExamples = `  export REVOKED_URL=http://127.0.0.1:8081 REVOKED_API_KEY_FILE=key.txt
  revokectl revoke user 8d6f2f6e-7c1a-4a53-9f0e-0d0f6f6b2a11 --reason "laptop stolen"
  revokectl revoke session --token-stdin < token.jwt
  revokectl lift 3f2a9c0d5e6b47188a9b0c1d2e3f4051 --reason "wrong user"
  revokectl explain --token-file token.jwt
  revokectl list --limit 10 -o json`

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "revokectl",
		Short:         "Revoke tokens, sessions and users of Amazon Cognito",
		Long:          rootHelp,
		Example:       rootExamples,
		Version:       build.Current().Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(*cobra.Command, []string) {
			a.begun = true
		},
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)

	// The service itself gives up storing a revocation after 15 s, and says so.
	a.output, a.timeout = formatTable, 30*time.Second
	flags := root.PersistentFlags()
	flags.StringVar(&a.url, "url", "", "`URL` of the service's administration API (default: REVOKED_URL)")
	flags.VarP(&a.output, "output", "o", "output `FORMAT`: table or json")
	flags.Var((*positive)(&a.timeout), "timeout", "give up after this long")
	flags.BoolVar(&a.insecureHTTP, "insecure-http", false,
		"let the API key travel unencrypted over http:// to another machine")
	fixed(root, "output", string(formatTable), string(formatJSON))

	root.AddCommand(
		a.revokeCommand(), a.liftCommand(), a.explainCommand(), a.getCommand(), a.listCommand(),
		a.nodesCommand(), a.watchCommand(), a.auditCommand(), a.doctorCommand(),
		a.keyCommand(), a.epochCommand(), a.versionCommand(),
	)
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.RunE = func(_ *cobra.Command, _ []string) error {
			return usagef("which shell? One of bash, zsh, fish, powershell")
		}
	}
	return root
}

// positive is a flag for a duration that lets something happen.
type positive time.Duration

// String implements [pflag.Value], as do Set and Type.
func (p *positive) String() string { return time.Duration(*p).String() }

func (p *positive) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return errors.New("it takes a duration above zero, such as 500ms, 15s or 1m")
	}
	*p = positive(d)
	return nil
}

func (*positive) Type() string { return "duration" }

// format is how data is printed.
type format string

const (
	formatTable format = "table"
	formatJSON  format = "json"
)

// String implements [pflag.Value], as do Set and Type.
func (f *format) String() string { return string(*f) }

func (f *format) Set(s string) error {
	switch format(s) {
	case formatTable, formatJSON:
		*f = format(s)
		return nil
	}
	return fmt.Errorf("it is %s or %s", formatTable, formatJSON)
}

func (*format) Type() string { return "format" }
