package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

func (a *app) epochCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "epoch",
		Short:   "Accept the history of a restored stream",
		Long:    `The epoch names the history of the stream that every node follows.`,
		Example: `  NATS_URL=nats://localhost:4222 NATS_CREDS=admin.creds revokectl epoch accept`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("what about the epoch? The command is: accept")
			}
			return usagef("unknown command %q: it is accept", args[0])
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.AddCommand(a.epochAcceptCommand())
	return cmd
}

func (a *app) epochAcceptCommand() *cobra.Command {
	var prefix string
	var yes bool
	cmd := &cobra.Command{
		Use:   "accept [EPOCH]",
		Short: "Tell nodes that the stream, as it is now, is meant",
		Long: `Nodes that notice that the stream is not the one they have followed (its store
was restored from a copy, or the stream was made anew) keep all they know and
are stale, with the reason "history", until this command says that the stream
as it is now is meant. Let a replica of the revoke service run first: it
publishes again what the stream has lost.

It asks NATS and not the service, with an administrator's credential from
NATS_URL, NATS_CREDS, NATS_NKEY, NATS_CA, NATS_CERT, NATS_KEY and
NATS_INBOX_PREFIX: an API key can't silence this alarm. Without EPOCH it prints
the stream's epoch and changes nothing, unless --yes is given.`,
		Example: `  revokectl epoch accept                              # prints the epoch
  revokectl epoch accept 4HXOQV2DPLM5ZC5OBYNEUZPRDT   # accepts it`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("one epoch at most, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
			defer cancel()
			want := ""
			if len(args) > 0 {
				want = args[0]
			}
			return a.acceptEpoch(ctx, prefix, want, yes)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&prefix, "prefix", a.getenv("REVOKED_PREFIX"), "`PREFIX` of all NATS subjects and streams (default: REVOKED_PREFIX, or revoked)")
	cmd.Flags().BoolVar(&yes, "yes", false, "accept whatever epoch the stream has")
	return cmd
}

func (a *app) acceptEpoch(ctx context.Context, prefix, want string, yes bool) error {
	names, err := stream.NewNames(prefix)
	if err != nil {
		return usagef("--prefix: %v", err)
	}
	nc, err := a.connectNATS(ctx)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	info, err := stream.Verify(ctx, js, names)
	if err != nil {
		return err
	}
	switch {
	case want == "" && !yes:
		fmt.Fprintf(a.stderr, "Nothing was changed. To accept it: revokectl epoch accept %s\n", info.Epoch)
	case want != "" && want != info.Epoch:
		return fmt.Errorf("the epoch of %s is %s, not %s: nothing was changed", names.Events(), info.Epoch, want)
	default:
		if err := stream.Accept(ctx, js, names, info.Epoch); err != nil {
			return err
		}
		fmt.Fprintln(a.stderr, "Accepted. Nodes return within seconds, once they have read the stream.")
	}
	if a.output == formatJSON {
		return a.printJSON(map[string]any{"stream": names.Events(), "epoch": info.Epoch, "last_sequence": info.LastSequence})
	}
	_, err = fmt.Fprintf(a.stdout, "stream %s, epoch %s, last sequence %d\n", names.Events(), info.Epoch, info.LastSequence)
	return err
}

// connectNATS connects with the variables that the nats command reads, too.
func (a *app) connectNATS(ctx context.Context) (*nats.Conn, error) {
	url := a.getenv("NATS_URL")
	if url == "" {
		return nil, usagef("NATS_URL is not set: this command needs an administrator's access to NATS")
	}
	opts := []nats.Option{
		nats.Name("revokectl"),
		// What the server refuses is told by who asked; the library would write
		// it to standard error.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	for _, o := range []struct {
		key    string
		option func(string) (nats.Option, error)
	}{
		{"NATS_CREDS", func(v string) (nats.Option, error) { return nats.UserCredentials(v), nil }},
		{"NATS_NKEY", nats.NkeyOptionFromSeed},
		{"NATS_CA", func(v string) (nats.Option, error) { return nats.RootCAs(v), nil }},
		{"NATS_CERT", func(v string) (nats.Option, error) {
			if a.getenv("NATS_KEY") == "" {
				return nil, errors.New("NATS_KEY is not set")
			}
			return nats.ClientCert(v, a.getenv("NATS_KEY")), nil
		}},
		{"NATS_INBOX_PREFIX", func(v string) (nats.Option, error) { return nats.CustomInboxPrefix(v), nil }},
	} {
		if v := a.getenv(o.key); v != "" {
			opt, err := o.option(v)
			if err != nil {
				return nil, usagef("%s: %v", o.key, err)
			}
			opts = append(opts, opt)
		}
	}
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		return nil, fmt.Errorf("connecting to NATS: %w", err)
	}
	if err := stream.CheckInbox(ctx, nc); err != nil {
		nc.Close()
		return nil, err
	}
	return nc, nil
}
