package httpserver

import (
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/rs/zerolog"
)

// longestProfile bounds the answer of a server of profiles, and so what may be
// asked of it: a profile of the CPU over a minute and a half.
const longestProfile = 100 * time.Second

// Profiles returns a server of the process's profiles, below /debug/pprof/ as
// "go tool pprof" expects them. They say what the process does and hold it up a
// little while they are taken: serve them to nobody but its operators.
func Profiles(log zerolog.Logger) *http.Server {
	// The package registers itself at http.DefaultServeMux too, which nothing
	// of ours serves.
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index) // and every named profile below it
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return New(mux, longestProfile, log)
}
