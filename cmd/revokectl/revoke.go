package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/client"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// kind is what one subcommand of revoke takes for a target.
type kind struct {
	name, short, long, example string
	// claim names the argument.
	claim string
	// wide kinds sign out many people at once: they are confirmed.
	wide bool
}

func (k kind) hasCutoff() bool { return k.name != "token" && k.name != "session" }
func (k kind) hasBasis() bool  { return k.hasCutoff() && k.name != "user" }
func (k kind) byToken() bool   { return k.name != "group" }

var kinds = []kind{
	{
		name: "token", claim: "JTI",
		short: "Revoke one token, by its jti",
		long: `Revoke one access or ID token, named by its jti claim or by the token itself.
Other tokens of the same sign-in stay valid, and so does the refresh token.`,
		example: `  revokectl revoke token 6f0c8f5e-3c1d-4f5e-9a52-6a0c2f1b7d9e
  revokectl revoke token 6f0c8f5e-3c1d-4f5e-9a52-6a0c2f1b7d9e --expires-at 2026-11-24T09:00:00Z
  revokectl revoke token --token-file leaked.jwt --reason "in a bug report"`,
	},
	{
		name: "session", claim: "ORIGIN_JTI",
		short: "Revoke all tokens of one sign-in, by its origin_jti",
		long: `Revoke all access and ID tokens of one sign-in, those still to come from its
refresh token included. The session is named by its origin_jti claim or by one
of its tokens.`,
		example: `  revokectl revoke session 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed
  pbpaste | revokectl revoke session --token-stdin`,
	},
	{
		name: "user", claim: "SUB",
		short: "Revoke all tokens of one user, by their sub",
		long: `Revoke all tokens of one user and sign them out at Cognito. Tokens of sign-ins
after the answer's not_before are accepted. The user is named by the sub claim
or by one of their tokens. With --except-session one session is spared, and
Cognito is not told.`,
		example: `  revokectl revoke user 8d6f2f6e-7c1a-4a53-9f0e-0d0f6f6b2a11 --reason "laptop stolen"
  revokectl revoke user 8d6f2f6e-7c1a-4a53-9f0e-0d0f6f6b2a11 --pool eu-west-1_AbC123 --cognito-skip -o json
  revokectl revoke user 8d6f2f6e-7c1a-4a53-9f0e-0d0f6f6b2a11 --except-session 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed`,
	},
	{
		name: "client", claim: "CLIENT_ID", wide: true,
		short: "Revoke all tokens of one app client",
		long: `Revoke all tokens that one app client was given, of all users. Tokens that are
refreshed later are accepted; with --basis session only new sign-ins are.`,
		example: `  revokectl revoke client 1h57kf5cpq17m0eml12EXAMPLE --yes
  revokectl revoke client 1h57kf5cpq17m0eml12EXAMPLE --basis session --reason "secret leaked"`,
	},
	{
		name: "group", claim: "GROUP", wide: true,
		short: "Revoke the tokens of all members of one group",
		long: `Revoke all tokens that name one group in cognito:groups. Tokens that are
refreshed later are accepted, which is what a changed group wants; with
--basis session only new sign-ins are.`,
		example: `  revokectl revoke group admins --reason "role was too wide"`,
	},
	{
		name: "device", claim: "DEVICE_KEY",
		short: "Revoke the access tokens of one remembered device",
		long: `Revoke all access tokens of one remembered device, by their device_key claim.
ID tokens have none and stay valid. Tokens that are refreshed later are
accepted; with --basis session only new sign-ins are.`,
		example: `  revokectl revoke device eu-west-1_a1b2c3d4-5678-90ab-cdef-EXAMPLE11111 --basis session`,
	},
	{
		name: "pool", claim: "POOL_ID", wide: true,
		short: "Revoke all tokens of one user pool",
		long: `Revoke all tokens of one user pool, of all users and clients. Tokens that are
refreshed later are accepted; with --basis session only new sign-ins are.`,
		example: `  revokectl revoke pool eu-west-1_AbC123 --basis session --reason "signing key leaked"`,
	},
}

// kindNames are those of kinds, in their order.
func kindNames() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

func (a *app) revokeCommand() *cobra.Command {
	var f batchFlags
	cmd := &cobra.Command{
		Use:   "revoke KIND [ID]",
		Short: "Revoke a token, a session, a user and so on, or many at once",
		Long: `Revoke one target: nodes refuse it from the moment it is denied, and the service
tells Cognito where Cognito can be told. Or revoke many with --batch: a file of
JSON lines, each as the service's API takes it. A terminal shows how far it is.`,
		Example: `  revokectl revoke user 8d6f2f6e-7c1a-4a53-9f0e-0d0f6f6b2a11
  revokectl revoke session --token-stdin < token.jwt
  echo '{"kind":"user","id":"8d6f2f6e-7c1a-4a53-9f0e-0d0f6f6b2a11"}' | revokectl revoke --batch -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.file != "" && len(args) == 0:
				return a.revokeBatch(cmd, f)
			case cmd.Flags().Changed("batch") && len(args) == 0:
				return usagef("--batch: the name is empty; - is standard input")
			case f.file != "":
				return usagef("--batch takes no KIND: each line of the file has its own")
			case len(args) == 0:
				return usagef("what is to be revoked? One of %s, or --batch FILE", strings.Join(kindNames(), ", "))
			}
			return usagef("unknown kind %q: it is one of %s", args[0], strings.Join(kindNames(), ", "))
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.register(cmd)
	for _, k := range kinds {
		cmd.AddCommand(a.revokeKindCommand(k))
	}
	return cmd
}

// revokeFlags are the flags of revoke KIND.
type revokeFlags struct {
	pool, reason, tokenFile, wait string
	basis, exceptSession, once    string
	cutoff, expiresAt, keepUntil  string
	cognitoSkip, tokenStdin, yes  bool
}

func (a *app) revokeKindCommand(k kind) *cobra.Command {
	var f revokeFlags
	cmd := &cobra.Command{
		Use:               k.name + " [" + k.claim + "]",
		Short:             k.short,
		Long:              k.long,
		Example:           k.example,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.revoke(cmd, k, args, f)
		},
	}
	flags := cmd.Flags()
	if k.name != "pool" {
		flags.StringVar(&f.pool, "pool", "", "user `POOL` id; may be left out if the service has one pool")
	}
	flags.StringVar(&f.reason, "reason", "", "why, for other operators to read; no personal data")
	if k.name == "token" {
		flags.StringVar(&f.expiresAt, "expires-at", "",
			"with an ID: `TIME` at which the token expires, as 2006-01-02T15:04:05Z (default: the longest that it can last)")
	}
	if k.name == "user" {
		flags.StringVar(&f.exceptSession, "except-session", "", "spare the session with this `ORIGIN_JTI`")
	}
	if k.hasBasis() {
		flags.StringVar(&f.basis, "basis", "", "`BASIS` token: tokens refreshed later are accepted (default); session: only new sign-ins are")
		fixed(cmd, "basis", "token", "session")
	}
	if k.hasCutoff() {
		flags.StringVar(&f.cutoff, "cutoff", "", "refuse what was issued up to this `TIME`, as 2006-01-02T15:04:05Z (default: now)")
	}
	flags.StringVar(&f.keepUntil, "keep-until", "", "do not end before this `TIME`, as 2006-01-02T15:04:05Z (default: when no token can be left)")
	flags.BoolVar(&f.cognitoSkip, "cognito-skip", false, "do not tell Cognito: it has been told already")
	waitFlag(cmd, &f.wait)
	if k.byToken() {
		flags.StringVar(&f.tokenFile, "token-file", "", "name the target by the token in this `FILE`")
		flags.BoolVar(&f.tokenStdin, "token-stdin", false, "name the target by the token on standard input")
	}
	flags.StringVar(&f.once, "once", "", "idempotency `KEY`: the same command with the same key has its effect once within 24 hours")
	if k.wide {
		flags.BoolVar(&f.yes, "yes", false, "do not ask whether it is meant")
	}
	return cmd
}

// fixed completes a flag with the given values.
func fixed(cmd *cobra.Command, flag string, values ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is registered by the caller
	}
}

func (a *app) revoke(cmd *cobra.Command, k kind, args []string, f revokeFlags) error {
	req, err := f.request(cmd, k, args)
	if err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	if len(args) == 0 {
		if req.Token, err = a.readToken(f.tokenFile); err != nil {
			return err
		}
	}
	if k.wide && !f.yes {
		if err := a.confirm(fmt.Sprintf("This revokes tokens of everybody who has any of the %s %s.", k.name, strings.Join(args, "")), !f.tokenStdin); err != nil {
			return err
		}
	}
	ctx, cancel := a.interruptible(cmd.Context())
	defer cancel()
	if req.Wait != "" {
		// The service asks nodes at the acceptance: only so can it tell how
		// long they took. The rest of the time is for asking again.
		req.WaitTimeout = min(a.timeout/2, 10*time.Second).String()
	}
	rev, err := c.Revoke(ctx, req)
	if err != nil {
		return fmt.Errorf("revoking a %s: %w", k.name, err)
	}
	if rev, err = a.await(ctx, c, rev, f.wait); err != nil {
		return fmt.Errorf("waiting for nodes (revocation %s is denied): %w", rev.ID, err)
	}
	if err := a.printRevocation(rev); err != nil {
		return fmt.Errorf("%w (revocation %s was accepted)", err, rev.ID)
	}
	if rev.State != "lifted" && (rev.Denied.Sequence == 0 || rev.Waiting && f.wait == "") {
		return fmt.Errorf("revocation %s: %w", rev.ID, errNotEnforced)
	}
	return notMet(rev, f.wait)
}

// request checks what can be checked without the service.
func (f revokeFlags) request(cmd *cobra.Command, k kind, args []string) (client.Request, error) {
	req := client.Request{
		Kind: k.name, Pool: f.pool, Reason: f.reason, Basis: f.basis, ExceptSession: f.exceptSession, Once: f.once, Wait: f.wait,
	}
	if err := checkWait(f.wait); err != nil {
		return req, err
	}
	named := 0
	for _, given := range []bool{len(args) == 1, cmd.Flags().Changed("token-file"), f.tokenStdin} {
		if given {
			named++
		}
	}
	switch {
	case named != 1 && !k.byToken():
		return req, usagef("name the %s: a token may be of several", k.name)
	case named != 1:
		return req, usagef("name the %s by one of %s, --token-file and --token-stdin", k.name, k.claim)
	case len(args) == 1 && (args[0] == "" || len(args[0]) > revocation.MaxIDLength):
		return req, usagef("the %s has %d bytes, not 1 to %d; a token is given with --token-file or --token-stdin",
			k.claim, len(args[0]), revocation.MaxIDLength)
	case len(args) == 1 && k.name == "pool":
		req.Pool = args[0]
	case len(args) == 1:
		req.ID = args[0]
	}
	for name, value := range map[string]string{
		"the " + k.claim: req.ID, "--pool": req.Pool, "--reason": f.reason, "--except-session": f.exceptSession, "--once": f.once,
	} {
		if !utf8.ValidString(value) {
			// JSON has no such text: what is sent would name another target.
			return req, usagef("%s is not UTF-8", name)
		}
	}
	if cmd.Flags().Changed("token-file") && f.tokenFile == "" {
		return req, usagef("--token-file: the name is empty")
	}
	if f.basis != "" && !slices.Contains([]string{"token", "session"}, f.basis) {
		return req, usagef("--basis %q is neither token nor session", f.basis)
	}
	if f.expiresAt != "" && len(args) == 0 {
		return req, usagef("--expires-at goes with a %s: a token says itself when it expires", k.claim)
	}
	for _, t := range []struct {
		flag, text string
		to         *time.Time
	}{{"--expires-at", f.expiresAt, &req.ExpiresAt}, {"--cutoff", f.cutoff, &req.Cutoff}, {"--keep-until", f.keepUntil, &req.KeepUntil}} {
		if t.text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, t.text)
		if err != nil {
			return req, usagef("%s %q is not a time such as 2006-01-02T15:04:05Z", t.flag, t.text)
		}
		*t.to = at.UTC()
	}
	if f.cognitoSkip {
		req.Cognito = "skip"
	}
	return req, nil
}
