// Command release makes what a release consists of, and checks it:
//
//	go run ./internal/release dist DIR     # archives, SBOMs and checksums.txt, in DIR
//	go run ./internal/release check DIR    # what a user of them would find
//	go run ./internal/release extras DIR   # completions and licenses, for goreleaser
//	go run ./internal/release chart DIR    # the Helm chart, for goreleaser
//
// Two runs of one commit by one version of Go make the same files, byte for
// byte, wherever and whenever they run: no path, no clock and no environment
// gets into them. Times are those of the commit, or SOURCE_DATE_EPOCH.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := command(ctx, args, stdout)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "release: %v\n", err)
	if errors.Is(err, errUsage) {
		return 2
	}
	return 1
}

var errUsage = errors.New("usage: release [-version V] [-sbom CYCLONEDX-GOMOD] [-platform OS/ARCH] dist|check|extras|chart DIR")

func command(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	version := flags.String("version", "", "version to stamp; what git describe says by default")
	sbom := flags.String("sbom", "", "path of cyclonedx-gomod; without it dist makes no SBOMs")
	only := flags.String("platform", "", "only this platform, such as linux/amd64")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w (%w)", errUsage, err)
	}
	if flags.NArg() != 2 {
		return errUsage
	}
	dir := flags.Arg(1)
	platforms, err := choose(*only)
	if err != nil {
		return err
	}
	switch flags.Arg(0) {
	case "dist":
		src, err := source(ctx, *version)
		if err != nil {
			return err
		}
		return dist(ctx, src, dir, platforms, *sbom, out)
	case "chart":
		src, err := source(ctx, *version)
		if err != nil {
			return err
		}
		return src.chart(chartDir, dir)
	case "extras":
		return extras(ctx, dir)
	case "check":
		return check(ctx, dir, platforms, out)
	}
	return errUsage
}
