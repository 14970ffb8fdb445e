package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// errUnhealthy: doctor found failures.
var errUnhealthy = errors.New("the doctor found failures; each has its fix beside it")

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Examine everything that revoked depends on, with a fix for each finding",
		Long: `Have the service examine NATS, the streams, its replicas, the nodes, the clocks,
the user pools with their app clients, and what AWS permits. It changes nothing.
Exit code 1 if anything is a failure.`,
		Example: `  revokectl doctor
  revokectl doctor -o json | jq -r '.findings[] | select(.grade == "fail") | .fix'`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			ctx, cancel := a.interruptible(cmd.Context())
			defer cancel()
			report, raw, err := c.Doctor(ctx)
			if err != nil {
				return fmt.Errorf("examining: %w", err)
			}
			if a.output == formatJSON {
				err = a.printJSON(raw)
			} else {
				rows := [][]string{{"GRADE", "TOPIC", "FOUND", "FIX"}}
				for _, f := range report.Findings {
					rows = append(rows, []string{f.Grade, f.Topic, f.Found, f.Fix})
				}
				err = a.printTable(rows)
			}
			if err == nil && !report.Healthy {
				err = errUnhealthy
			}
			return err
		},
	}
}
