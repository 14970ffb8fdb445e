package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/realpool"
)

// errUnhealthy: doctor found failures.
var errUnhealthy = errors.New("the doctor found failures; each has its fix beside it")

// errDiffers: a pool is not as the rules assume.
var errDiffers = errors.New("the pool differs from what the rules of revoked assume; what it means is beside it")

func (a *app) doctorCommand() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine everything that revoked depends on, with a fix for each finding",
		Long: `Have the service examine NATS, the streams, its replicas, the nodes, the clocks,
the user pools with their app clients, and what AWS permits. It changes nothing.
Exit code 1 if anything is a failure.

With --real-pool the pool itself is asked, from here and without the service,
what Cognito's documentation leaves open, in the name of a test user. This ends
the sessions of the test user that it opens or is given. Exit code 1 if an
answer differs from what our rules assume. The file (- is standard input) is
JSON:

  {"pool": "eu-west-1_AbC123", "client_id": "...", "client_secret": "...",
   "username": "...", "password": "...", "other_client_id": "..."}

with refresh_token instead of username and password if the app client does not
allow USER_PASSWORD_AUTH. client_secret, other_client_id and endpoint (of an
emulator) may be left out.`,
		Example: `  revokectl doctor
  revokectl doctor -o json | jq -r '.findings[] | select(.grade == "fail") | .fix'
  revokectl doctor --real-pool test-user.json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := a.interruptible(cmd.Context())
			defer cancel()
			if user != "" {
				return a.askPool(ctx, user)
			}
			return a.examine(ctx)
		},
	}
	cmd.Flags().StringVar(&user, "real-pool", "", "ask a user pool as the test user in this `FILE`; - is standard input")
	return cmd
}

// examine shows what the service finds.
func (a *app) examine(ctx context.Context) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
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
}

// askPool asks a pool in the name of the test user in a file.
func (a *app) askPool(ctx context.Context, file string) error {
	var data []byte
	var err error
	if file == "-" {
		data, err = readAll(a.stdin, maxToken)
	} else {
		data, err = readFile(file, maxToken)
	}
	if err != nil {
		return usagef("--real-pool: %v", err)
	}
	var user realpool.User
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&user); err != nil {
		// The error of package json may repeat what is in the file.
		return usagef("--real-pool: the file is not one JSON object with the members that the help names")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return usagef("--real-pool: something follows the JSON object")
	}
	answers, err := realpool.Ask(ctx, user)
	if err != nil {
		return err
	}
	if a.output == formatJSON {
		err = a.printJSON(map[string][]realpool.Answer{"answers": answers})
	} else {
		rows := [][]string{{"RESULT", "QUESTION", "ANSWER", "WHAT IT MEANS"}}
		for _, w := range answers {
			rows = append(rows, []string{string(w.Verdict), w.Question, w.Answer, w.Means})
		}
		err = a.printTable(rows)
	}
	for _, w := range answers {
		if err == nil && w.Verdict == realpool.Differs {
			err = errDiffers
		}
	}
	return err
}
