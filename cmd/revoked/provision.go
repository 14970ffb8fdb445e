package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/service"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

const provisionTimeout = 30 * time.Second

func provisionCommand() *cobra.Command {
	var path string
	var replicas int
	cmd := &cobra.Command{
		Use:   "provision",
		Short: "Create the NATS stream, or verify the one that exists",
		Long: `provision creates the stream that nodes follow, with a new epoch, and publishes
the schedule of its ticks. A stream that exists is compared field by field and
never changed. It may be run again. It needs the rights of an administrator of
JetStream, which serve does not.`,
		Example: `  NATS_URL=nats://localhost:4222 revoked provision --config revoked.yaml --replicas 3`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if replicas < 1 || replicas > 5 {
				return usageError{fmt.Errorf("--replicas %d: give 1 (development) or 3", replicas)}
			}
			cfg, err := service.Load(path, environ(), func(c *service.Config) {
				// No listener is opened, so no key is needed.
				c.InsecureNoAuth, c.AdminAddr = c.APIKey == "" && c.APIKeyFile == "", "127.0.0.1:0"
			})
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), provisionTimeout)
			defer cancel()
			info, err := provision(ctx, cfg, replicas)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "stream ready: epoch %s, replicas %d, %d messages, ticks scheduled\n",
				info.Epoch, info.Replicas, info.Messages)
			return err
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "YAML file; without it the environment alone")
	cmd.Flags().IntVar(&replicas, "replicas", 1, "copies that JetStream keeps: 3 in production")
	return cmd
}

func provision(ctx context.Context, cfg service.Config, replicas int) (stream.Info, error) {
	names, err := stream.NewNames(cfg.Prefix)
	if err != nil {
		return stream.Info{}, err
	}
	nc, js, err := service.Connect(ctx, cfg)
	if err != nil {
		return stream.Info{}, err
	}
	defer nc.Close()
	return stream.Provision(ctx, js, stream.Settings{Names: names, Replicas: replicas})
}
