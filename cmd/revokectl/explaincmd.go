package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/client"
)

// maxClaims bounds a file of claims: the service takes 64 KiB.
const maxClaims = 60 << 10

func (a *app) explainCommand() *cobra.Command {
	var tokenFile, claimsFile string
	var tokenStdin bool
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Say what nodes do with a token, and why",
		Long: `Say what nodes do with a token, and why: the revocations that refuse it, and
those that name its user, session, client, group, device or pool and don't. The
token may have expired. It is sent to the service, and never printed.`,
		Example: `  revokectl explain --token-file token.jwt
  pbpaste | revokectl explain --token-stdin -o json | jq -r .verdict
  revokectl explain --claims-file claims.json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags := cmd.Flags()
			named := 0
			for _, given := range []bool{flags.Changed("token-file"), flags.Changed("claims-file"), tokenStdin} {
				if given {
					named++
				}
			}
			if named != 1 || flags.Changed("token-file") && tokenFile == "" {
				return usagef("name the token by one of --token-file, --token-stdin and --claims-file")
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			var req client.ExplainRequest
			if flags.Changed("claims-file") {
				if req.Claims, err = readClaims(claimsFile); err != nil {
					return err
				}
			} else if req.Token, err = a.readToken(tokenFile); err != nil {
				return err
			}
			ctx, cancel := a.interruptible(cmd.Context())
			defer cancel()
			e, err := c.Explain(ctx, req)
			if err != nil {
				return fmt.Errorf("explaining a token: %w", err)
			}
			return a.printExplanation(e)
		},
	}
	cmd.Flags().StringVar(&tokenFile, "token-file", "", "the token in this `FILE`")
	cmd.Flags().BoolVar(&tokenStdin, "token-stdin", false, "the token on standard input")
	cmd.Flags().StringVar(&claimsFile, "claims-file", "", "the claims of a token, as JSON, in this `FILE`")
	return cmd
}

func readClaims(file string) (json.RawMessage, error) {
	text, err := readFile(file, maxClaims)
	if err != nil {
		return nil, usagef("--claims-file: %v", err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil || object == nil {
		return nil, usagef("--claims-file: it is not a JSON object")
	}
	return text, nil
}

func (a *app) printExplanation(e client.Explanation) error {
	if a.output == formatJSON {
		return a.printJSON(e.Raw)
	}
	rows := [][]string{{"verdict", e.Verdict}}
	for _, name := range []string{
		"pool", "token_use", "jti", "origin_jti", "sub", "client_id", "device_key", "groups", "issued_at", "auth_time", "expires_at",
	} {
		if value, ok := e.Claims[name]; ok {
			rows = append(rows, []string{name, text(value)})
		}
	}
	if len(e.Fails) > 0 {
		rows = append(rows, []string{"fails", strings.Join(e.Fails, ", ")})
	}
	for _, act := range e.RefusedBy {
		rows = append(rows, []string{"refused_by", describeAct(act)})
	}
	for _, act := range e.PassedBy {
		rows = append(rows, []string{"passed_by", describeAct(act)})
	}
	for _, note := range e.Notes {
		rows = append(rows, []string{"note", note})
	}
	return a.printTable(rows)
}

// text shows a claim: a text, or a list of them.
func text(v any) string {
	list, ok := v.([]any)
	if !ok {
		return fmt.Sprint(v)
	}
	parts := make([]string, len(list))
	for i, elem := range list {
		parts[i] = fmt.Sprint(elem)
	}
	return strings.Join(parts, ", ")
}

func describeAct(act client.ExplainedAct) string {
	parts := []string{act.ID, act.Kind}
	for _, p := range []struct{ name, value string }{
		{"", strings.ReplaceAll(act.Why, "_", " ")},
		{"cutoff ", act.Cutoff.String()}, {"since ", act.Since.String()}, {"until ", act.Until.String()},
		{"by ", act.Operator}, {"reason: ", act.Reason},
	} {
		if p.value != "" {
			parts = append(parts, p.name+p.value)
		}
	}
	return strings.Join(parts, ", ")
}
