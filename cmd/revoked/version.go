package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

func versionCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, that of Go and that of the wire format",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			switch output {
			case "json":
				return json.NewEncoder(out).Encode(map[string]any{
					"version": version, "go": runtime.Version(), "wire": revocation.WireVersion,
				})
			case "table":
				_, err := fmt.Fprintf(out, "revoked %s (%s, wire format %d)\n", version, runtime.Version(), revocation.WireVersion)
				return err
			}
			return usageError{fmt.Errorf("-o %q: give table or json", output)}
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}
