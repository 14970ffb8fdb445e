package cognitotest

import (
	"net/http"
	"sync/atomic"
	"time"
)

// clock is a base clock plus what [Server.Advance] has added.
type clock struct {
	base    func() time.Time
	advance atomic.Int64 // nanoseconds
}

// Advance moves the emulator's clock forward by d, or back if d is negative.
// Tokens expire, grace periods end and quotas refill accordingly.
func (s *Server) Advance(d time.Duration) { s.clock.advance.Add(int64(d)) }

func (c *clock) now() time.Time {
	return c.base().Add(time.Duration(c.advance.Load()))
}

// Now is the time that tokens minted at this moment carry as iat, before it
// is cut to whole seconds.
func (s *Server) Now() time.Time { return s.clock.now().Add(s.config.TokenSkew) }

// date is the Date header of a response sent now.
func (s *Server) date() string {
	return s.clock.now().Add(s.config.DateSkew).UTC().Format(http.TimeFormat)
}
