package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/build"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program",
		Example: `  revokectl version
  revokectl version -o json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			b := build.Current()
			if a.output == formatJSON {
				return a.printJSON(b)
			}
			rows := [][]string{{"version", b.Version}}
			if b.Commit != "" {
				rows = append(rows, []string{"commit", b.Commit})
			}
			if b.Date != "" {
				rows = append(rows, []string{"date", b.Date})
			}
			return a.printTable(append(rows,
				[]string{"go", b.Go}, []string{"platform", b.OS + "/" + b.Arch}, []string{"wire", strconv.Itoa(b.Wire)}))
		},
	}
}
