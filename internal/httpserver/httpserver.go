// Package httpserver is what the HTTP servers of revoked and revoked-gate have
// in common: bounds on everything that a client could stretch, and the handler
// of profiles.
package httpserver

import (
	stdlog "log"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// New returns a server for h. answer bounds the time from the end of a
// request's header to the end of its answer. What net/http says of connections
// goes to log at debug level.
func New(h http.Handler, answer time.Duration, log zerolog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second, // the largest bodies set a deadline of their own
		WriteTimeout:      answer,
		IdleTimeout:       2 * time.Minute,
		// Two long tokens, and what browsers and proxies add.
		MaxHeaderBytes: 32 << 10,
		ErrorLog:       stdlog.New(errorLog{log}, "", 0),
	}
}

// errorLog takes the lines of net/http, which are about connections.
type errorLog struct{ log zerolog.Logger }

// Write implements [io.Writer].
func (e errorLog) Write(line []byte) (int, error) {
	e.log.Debug().Bytes("detail", line).Msg("http server")
	return len(line), nil
}
