package main

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/seed-4e8dee1b/revoked/internal/client"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/spf13/cobra"
)

// kind is what one subcommand of revoke takes for a target.
type kind struct {
	name, short, long, example string
}

var kinds = []kind{
	{
		name:  "token",
		short: "Revoke one token, by its jti",
		long: `Revoke one access or ID token, named by its jti claim or by the token itself.
Other tokens of the same sign-in stay valid, and so does the refresh token.`,
		example: `  revokectl revoke token 6f0c8f5e-3c1d-4f5e-9a52-6a0c2f1b7d9e
  revokectl revoke token 6f0c8f5e-3c1d-4f5e-9a52-6a0c2f1b7d9e --expires-at 2026-11-24T09:00:00Z
  revokectl revoke token --token-file leaked.jwt --reason "in a bug report"`,
	},
	{
		name:  "session",
		short: "Revoke all tokens of one sign-in, by its origin_jti",
		long: `Revoke all access and ID tokens of one sign-in, those still to come from its
refresh token included. The session is named by its origin_jti claim or by one
of its tokens.`,
		example: `  revokectl revoke session 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed
  pbpaste | revokectl revoke session --token-stdin`,
	},
	{
		name:  "user",
		short: "Revoke all tokens of one user, by their sub",
		long: `Revoke all tokens of one user and sign them out at Cognito. Tokens of sign-ins
after the answer's not_before are accepted. The user is named by the sub claim
or by one of their tokens.`,
		example: `  revokectl revoke user 8d6f2f6e-7c1a-4a53-9f0e-0d0f6f6b2a11 --reason "laptop stolen"
  revokectl revoke user 8d6f2f6e-7c1a-4a53-9f0e-0d0f6f6b2a11 --pool eu-west-1_AbC123 --cognito-skip -o json`,
	},
}

func (a *app) revokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke KIND [ID]",
		Short: "Revoke a token, a session or a user",
		Long: `Revoke a token, a session or a user: nodes refuse the target from the moment it
is denied, and the service tells Cognito.`,
		Example: `  revokectl revoke user 8d6f2f6e-7c1a-4a53-9f0e-0d0f6f6b2a11
  revokectl revoke session --token-stdin < token.jwt`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("what is to be revoked: token, session or user?")
			}
			return usagef("unknown kind %q: it is token, session or user", args[0])
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	for _, k := range kinds {
		cmd.AddCommand(a.revokeKindCommand(k))
	}
	return cmd
}

// revokeFlags are the flags of revoke KIND.
type revokeFlags struct {
	pool, reason, expiresAt, tokenFile string
	cognitoSkip, tokenStdin            bool
}

func (a *app) revokeKindCommand(k kind) *cobra.Command {
	var f revokeFlags
	cmd := &cobra.Command{
		Use:               k.name + " [ID]",
		Short:             k.short,
		Long:              k.long,
		Example:           k.example,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.revoke(cmd, k.name, args, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.pool, "pool", "", "user pool id; may be left out if the service has one pool")
	flags.StringVar(&f.reason, "reason", "", "why, for other operators to read; no personal data")
	if k.name == "token" {
		flags.StringVar(&f.expiresAt, "expires-at", "",
			"with an ID: when the token expires, as 2006-01-02T15:04:05Z (default: the longest that it can last)")
	}
	flags.BoolVar(&f.cognitoSkip, "cognito-skip", false, "do not tell Cognito: it has been told already")
	flags.StringVar(&f.tokenFile, "token-file", "", "name the target by the token in this file")
	flags.BoolVar(&f.tokenStdin, "token-stdin", false, "name the target by the token on standard input")
	return cmd
}

func (a *app) revoke(cmd *cobra.Command, kind string, args []string, f revokeFlags) error {
	req, err := f.request(cmd, kind, args)
	if err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	if req.ID == "" {
		if req.Token, err = a.readToken(f.tokenFile); err != nil {
			return err
		}
	}
	ctx, cancel := a.interruptible(cmd.Context())
	defer cancel()
	rev, err := c.Revoke(ctx, req)
	if err != nil {
		return fmt.Errorf("revoking a %s: %w", kind, err)
	}
	if err := a.printRevocation(rev); err != nil {
		return fmt.Errorf("%w (revocation %s was accepted)", err, rev.ID)
	}
	if rev.Waiting || rev.Denied.Sequence == 0 {
		return fmt.Errorf("revocation %s: %w", rev.ID, errNotEnforced)
	}
	return nil
}

// request checks what can be checked without the service.
func (f revokeFlags) request(cmd *cobra.Command, kind string, args []string) (client.Request, error) {
	req := client.Request{Kind: kind, Pool: f.pool, Reason: f.reason}
	named := 0
	for _, given := range []bool{len(args) == 1, cmd.Flags().Changed("token-file"), f.tokenStdin} {
		if given {
			named++
		}
	}
	if named != 1 {
		return req, usagef("name the %s by one of ID, --token-file and --token-stdin", kind)
	}
	if len(args) == 1 {
		if req.ID = args[0]; req.ID == "" || len(req.ID) > revocation.MaxIDLength {
			return req, usagef("the ID has %d bytes, not 1 to %d; a token is given with --token-file or --token-stdin",
				len(req.ID), revocation.MaxIDLength)
		}
	}
	for name, value := range map[string]string{"the ID": req.ID, "--pool": f.pool, "--reason": f.reason} {
		if !utf8.ValidString(value) {
			// JSON has no such text: what is sent would name another target.
			return req, usagef("%s is not UTF-8", name)
		}
	}
	if cmd.Flags().Changed("token-file") && f.tokenFile == "" {
		return req, usagef("--token-file: the name is empty")
	}
	if f.expiresAt != "" {
		if req.ID == "" {
			return req, usagef("--expires-at goes with an ID: a token says itself when it expires")
		}
		at, err := time.Parse(time.RFC3339, f.expiresAt)
		if err != nil {
			return req, usagef("--expires-at %q is not a time such as 2006-01-02T15:04:05Z", f.expiresAt)
		}
		req.ExpiresAt = at.UTC()
	}
	if f.cognitoSkip {
		req.Cognito = "skip"
	}
	return req, nil
}
