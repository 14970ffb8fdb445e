package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build says what this binary was made from.
type build struct {
	Version string `json:"version"`
	// Commit is empty if the binary was built outside a checkout.
	Commit string `json:"commit,omitempty"`
	Go     string `json:"go"`
	OS     string `json:"os"`
	Arch   string `json:"arch"`
}

// currentBuild prefers what the linker was told to what the Go tool recorded,
// which "go install module@version" leaves.
func currentBuild() build {
	b := build{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "dev" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Commit = s.Value
		}
	}
	return b
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program",
		Example: `  revokectl version
  revokectl version -o json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			b := currentBuild()
			if a.output == formatJSON {
				return a.printJSON(b)
			}
			rows := [][]string{{"version", b.Version}}
			if b.Commit != "" {
				rows = append(rows, []string{"commit", b.Commit})
			}
			return a.printTable(append(rows, []string{"go", b.Go}, []string{"platform", b.OS + "/" + b.Arch}))
		},
	}
}
