package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/nats-io/nats-server/v2/server"
)

// This program runs itself for every other process, with its part and that
// part's configuration in the environment.
const (
	roleVariable   = "REVOKED_FAULTS_ROLE"
	configVariable = "REVOKED_FAULTS_CONFIG"
)

// runRole plays the part that the environment names. It returns false if there
// is none.
func runRole() (played bool, err error) {
	switch role := os.Getenv(roleVariable); role {
	case "":
		return false, nil
	case "server":
		return true, runServer(os.Args[1:])
	case "node":
		return true, runAs(runNode)
	case "service":
		return true, runAs(runService)
	case "recorder":
		return true, runAs(runRecorder)
	default:
		return true, fmt.Errorf("%s: unknown role %q", roleVariable, role)
	}
}

func runAs[C any](run func(C) error) error {
	var cfg C
	if err := json.Unmarshal([]byte(os.Getenv(configVariable)), &cfg); err != nil {
		return fmt.Errorf("%s: %w", configVariable, err)
	}
	return run(cfg)
}

// untilClosed waits until the controller closes the standard input, or is gone.
func untilClosed(in io.Reader) {
	if _, err := io.Copy(io.Discard, in); err != nil {
		fmt.Fprintln(os.Stderr, "faults: standard input:", err)
	}
}

// runServer is the main function of nats-server, for tests: they don't build
// programs.
func runServer(args []string) error {
	fs := flag.NewFlagSet("nats-server", flag.ContinueOnError)
	opts, err := server.ConfigureOptions(fs, args, nil, fs.Usage, nil)
	if err != nil {
		return err
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	if err := server.Run(s); err != nil {
		return err
	}
	s.WaitForShutdown()
	return nil
}
