package subscriber

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// No goroutine outlives Close, of whatever test.
func TestMain(m *testing.M) {
	if url := os.Getenv(NodeEnv); url != "" {
		fmt.Fprintln(os.Stderr, beNode(url))
		os.Exit(1) //nolint:forbidigo // this is the main of a child process
	}
	goleak.VerifyTestMain(m)
}

func isRevoked(err error) bool {
	return errors.Is(err, revocation.ErrRevoked) && !errors.Is(err, revocation.ErrStale)
}

func isStale(err error) bool {
	return errors.Is(err, revocation.ErrStale) && !errors.Is(err, revocation.ErrRevoked)
}
