package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/build"
)

func versionCommand(name string) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, its commit, that of Go and that of the wire format",
		Example: fmt.Sprintf(`  %[1]s version
  %[1]s version -o json`, name),
		Args: NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			switch output {
			case "json":
				return json.NewEncoder(out).Encode(build.Current())
			case "table":
				_, err := fmt.Fprintln(out, name, build.Current())
				return err
			}
			return Usagef("-o %q: give table or json", output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}
