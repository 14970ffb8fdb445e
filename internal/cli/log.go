package cli

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/config"
)

// Logger returns a logger that writes to standard error, with colors only if
// that is a terminal and NO_COLOR is not set.
func Logger(l config.Log) zerolog.Logger {
	l.NoColor = os.Getenv("NO_COLOR") != "" || !isatty.IsTerminal(os.Stderr.Fd())
	return l.Logger(os.Stderr)
}

// ServerLogger is [Logger] for a command that serves. Who reads its log may end,
// as a log shipper does that is restarted: what is written then is lost, but the
// process goes on. Go would end it.
func ServerLogger(l config.Log) zerolog.Logger {
	signal.Ignore(syscall.SIGPIPE)
	return Logger(l)
}
