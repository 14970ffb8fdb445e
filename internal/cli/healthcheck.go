package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout bounds the wait for an answer.
const healthTimeout = 5 * time.Second

// Healthcheck is for containers without a shell, and for engines whose health
// checks are commands: it asks a probe of the process beside it. The default is
// that of a binary's own default address.
func Healthcheck(binary, defaultURL string) *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck [URL]",
		Short: "Ask the process in this container whether it is ready; exit 1 if not",
		Long: `healthcheck asks for URL, ` + defaultURL + ` if there is none,
and fails unless the answer is 200. It is for engines whose health checks are
commands, such as Docker's, in images without a shell.`,
		Example: "  " + binary + " healthcheck\n  " + binary + " healthcheck http://127.0.0.1:9190/readyz",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return Usagef("%d arguments: give one URL", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			url := defaultURL
			if len(args) == 1 {
				url = args[0]
			}
			return healthy(cmd.Context(), url)
		},
	}
}

func healthy(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Usagef("%q is not a URL", url)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	// The engine shows it to whoever asks why.
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return err
	}
	return fmt.Errorf("%s answers %s: %s", url, resp.Status, strings.TrimSpace(string(body)))
}
