package subscriber

import (
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Applied is a message whose acts were applied; see [Config.Applied].
type Applied struct {
	Path     Path   // PathFast or PathLive
	Sequence uint64 // in the stream; 0 on the fast path
	// Acts are the copies that the message had, of which some may have changed
	// nothing. They must not be modified.
	Acts []revocation.Act
	// Began is when this node took the message up.
	Began time.Time
	// Traceparent is the header of that name, as it came: nobody has looked at
	// it. Empty if there is none.
	Traceparent string
}

// traceparent is the name of the header, as W3C Trace Context and NATS, which
// compares bytes, have it.
const traceparent = "traceparent"

// traceOf returns the header if it is there once.
func traceOf(msg *nats.Msg) string {
	if given := msg.Header[traceparent]; len(given) == 1 {
		return given[0]
	}
	return ""
}
