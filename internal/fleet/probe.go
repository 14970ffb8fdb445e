package fleet

import (
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// MaxProbeActs bounds the acts of one probe, so that the work of a node
	// and its receipt are bounded.
	MaxProbeActs = 64
	// MaxProbe is the largest encoded [Probe] in bytes.
	MaxProbe = 64 << 10
	// MaxProbeLife bounds for how long a node remembers a probe.
	MaxProbeLife = 10 * time.Minute
)

// Probe asks the nodes whether they enforce acts. One without acts asks each
// for a status.
type Probe struct {
	ID       uint64 // never 0
	Lasts    time.Duration
	Sequence uint64 // a node that has applied less does not enforce the acts
	Epoch    string // of the stream; empty if the service does not know it
	Acts     []revocation.Act
	Fleet    uint32 // nodes known to the service
	// Unread says that there are acts which this version cannot read. It is
	// never encoded.
	Unread bool
}
