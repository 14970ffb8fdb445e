package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/cli"
	"github.com/seed-4e8dee1b/revoked/internal/config"
	"github.com/seed-4e8dee1b/revoked/internal/service"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

const (
	provisionTimeout = 30 * time.Second
	// With --wait: servers without a leader leave a request unanswered.
	provisionAttempt = 5 * time.Second
	provisionPause   = time.Second
)

func provisionCommand() *cobra.Command {
	var path string
	var replicas int
	var check bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "provision",
		Short: "Create the NATS stream, or verify the one that exists",
		Long: `provision creates the stream that nodes follow, with a new epoch, and publishes
the schedule of its ticks. A stream that exists is compared field by field and
never changed. It may be run again. It needs the rights of an administrator of
JetStream, which serve does not, and of the configuration only what is about
NATS. With --wait it may be started beside the servers: it tries again until they
have found each other.

With --check it changes nothing and needs no rights in particular: it reports
on the server, the account, the stream, the ticks and what this credential may
do, on a managed cluster too, each with its fix. What can't be found out is said
to be unknown. It fails if anything would keep revoked from working.`,
		Example: `  NATS_URL=nats://localhost:4222 revoked provision
  revoked provision --config revoked.yaml --replicas 3
  revoked provision --check      # changes nothing`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if replicas != 1 && replicas != 3 && replicas != 5 {
				return cli.Usagef("--replicas %d: give 3 or 5, or 1 for development", replicas)
			}
			if wait < 0 {
				return cli.Usagef("--wait %v: give a duration such as 1m", wait)
			}
			cfg, err := service.LoadNATS(path, config.Environ())
			if err != nil {
				return err
			}
			if wait > 0 && !check {
				text, err := provisionWithin(cmd.Context(), wait, cfg, replicas, cmd.ErrOrStderr())
				return report(cmd.OutOrStdout(), text, err)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), provisionTimeout)
			defer cancel()
			if check {
				return inspect(ctx, cfg, cmd.OutOrStdout())
			}
			text, err := provision(ctx, cfg, replicas)
			return report(cmd.OutOrStdout(), text, err)
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "YAML `FILE`; without it the environment alone")
	cmd.Flags().IntVar(&replicas, "replicas", 1, "`N` copies that JetStream keeps: 3 or 5 in production, 1 for development")
	cmd.Flags().BoolVar(&check, "check", false, "only report, change nothing")
	cmd.Flags().DurationVar(&wait, "wait", 0, "how long to try again while NATS or its JetStream is out of reach; 0 tries once")
	return cmd
}

func report(out io.Writer, text string, err error) error {
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, text)
	return err
}

// provisionWithin provisions servers that are starting: until they have elected
// a leader, each attempt fails in another way. Only a stream that differs is
// final. Each new cause is told to messages.
func provisionWithin(ctx context.Context, wait time.Duration, cfg service.Config, replicas int, messages io.Writer) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for told := ""; ; {
		attempt, done := context.WithTimeout(ctx, provisionAttempt)
		text, err := provision(attempt, cfg, replicas)
		done()
		if err == nil {
			return text, nil
		}
		if _, differs := errors.AsType[*stream.MismatchError](err); differs {
			return "", err
		}
		if cause := err.Error(); cause != told && ctx.Err() == nil {
			told = cause
			fmt.Fprintln(messages, "revoked: trying again:", cause)
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("within %v: %w", wait, err)
		case <-time.After(provisionPause):
		}
	}
}

// provision returns a line that says what it did.
func provision(ctx context.Context, cfg service.Config, replicas int) (string, error) {
	names, err := stream.NewNames(cfg.Prefix)
	if err != nil {
		return "", err
	}
	nc, js, err := service.Connect(ctx, cfg)
	if err != nil {
		return "", err
	}
	defer nc.Close()
	if err := stream.CheckServer(nc); err != nil {
		return "", err
	}
	info, err := stream.Verify(ctx, js, names)
	did := "verified"
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		did = "created"
		info, err = stream.Provision(ctx, js, stream.Settings{Names: names, Replicas: replicas, AuditAge: cfg.AuditAge})
	case err == nil:
		did = "verified, tick schedule renewed"
		info, err = stream.Provision(ctx, js, stream.Settings{Names: names, Replicas: replicas, AuditAge: cfg.AuditAge})
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("stream %s %s: epoch %s, replicas %d, %d messages",
		names.Events(), did, info.Epoch, info.Replicas, info.Messages), nil
}

// inspect writes a line for each finding. The error says that there are failures.
func inspect(ctx context.Context, cfg service.Config, out io.Writer) error {
	names, err := stream.NewNames(cfg.Prefix)
	if err != nil {
		return err
	}
	nc, _, err := service.Connect(ctx, cfg)
	if err != nil {
		return err
	}
	defer nc.Close()
	failures := 0
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range stream.Inspect(ctx, nc, names) {
		if f.Grade == stream.Failure {
			failures++
		}
		line := fmt.Sprintf("%s\t%s\t%s", f.Grade, f.Topic, f.Found)
		if f.Fix != "" {
			line += " (" + f.Fix + ")"
		}
		fmt.Fprintln(table, line)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if failures > 0 {
		return fmt.Errorf("%d of the findings would keep revoked from working", failures)
	}
	return nil
}
