package subscriber

import (
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

const (
	defaultMaxStaleness = time.Minute
	minMaxStaleness     = 3 * time.Second
	defaultOpenTimeout  = 30 * time.Second
	defaultMaxActs      = 10_000_000
	// staleStartWait is how long a start waits for NATS if it may do without.
	staleStartWait = 5 * time.Second
)

// Config says what to follow and what counts as fresh. The zero value of every
// optional field is the safe choice.
type Config struct {
	// Servers is a comma-separated list of NATS URLs. Required unless Conn is
	// given.
	Servers string
	// Credentials is the path of a NATS credentials file; empty for none.
	Credentials string
	// NKey is the path of a file with an nkey seed; empty for none.
	NKey string
	// CA, Cert and Key are paths of PEM files: the authority that the server's
	// certificate must come from (empty: the system's), and the client's own
	// certificate (both or none).
	CA, Cert, Key string
	// InboxPrefix is the private inbox prefix that the credential may
	// subscribe to; empty for NATS's default "_INBOX".
	InboxPrefix string
	// Conn is a connection to use instead of one that Open makes and owns. It
	// stays the caller's to close. Its options must be those that a denylist
	// needs; Open names each that is not.
	Conn *nats.Conn

	// Prefix of all subjects and streams; empty means "revoked".
	Prefix string
	// Service is the name under which this node's service is known. Required.
	Service string
	// Node names this process among the replicas of Service; empty means the
	// host name. In subjects '_' stands for dots and what else they can't have.
	Node string
	// Observer follows the stream without being a node: it tells the revoke
	// service nothing of itself, and no receipt counts it. It is for tools; a
	// process that serves requests must not set it.
	Observer bool

	// MaxStaleness is how old the as-of time may be before Check returns
	// [revocation.ErrStale] for tokens that are not known to be revoked. Zero
	// means one minute: longer than a leader election of NATS (4 to 9 s),
	// shorter than a coffee. Below 3 s a single late tick makes the node
	// stale, so Open refuses it; higher values let a cut-off node accept
	// revoked tokens for as long.
	MaxStaleness time.Duration

	// LocalFile keeps the acts on disk (mode 0600; ids, no tokens), so that a
	// start continues where the last process was instead of reading everything
	// again. Only one process may use it. A file that is torn or of another
	// version is replaced; one of another environment is an error. Empty means
	// none.
	LocalFile string
	// AllowStaleStart lets Open return with what LocalFile holds if NATS can't
	// be reached within five seconds. The view is then stale until it can: what
	// is known to be revoked is refused, and routes decide about the rest by
	// their stale policy.
	AllowStaleStart bool

	// MaxActs bounds the acts that are held, each some 64 bytes; zero means ten
	// million. Acts beyond it are left out, the view is stale until there is
	// room, and the log says so from 70 % on. Nothing is evicted for another.
	MaxActs int

	// IgnoreBeats makes the view complete without a sign of life of the revoke
	// service. It is for the revoke service itself, which must see the stream
	// before it can give one. A node that sets it would trust a stream that was
	// made anew before the service has published its acts again.
	IgnoreBeats bool

	// AllowLostHistory lets Open return although the stream is not the one that
	// LocalFile knows: stale, until the new history is accepted. It is for the
	// revoke service itself, which must put back what was lost.
	AllowLostHistory bool

	// Applied, if not nil, is called for each message with acts that the live
	// or the fast path has brought, after they were applied, for traces (package
	// subscriberotel) and the like. What a start or catching up reads does not
	// count. It is called by the goroutines that follow the stream, two at a
	// time, and must return at once.
	Applied func(Applied)

	// Logger receives one line per change of state; the zero value discards.
	// It never sees a token.
	Logger zerolog.Logger
}

// settings is a checked Config with its defaults filled in.
type settings struct {
	Config
	names stream.Names
	token string // Node as one token of a subject
}

// openTimeout bounds a start that the caller has not bounded.
func (s settings) openTimeout() time.Duration {
	if s.LocalFile == "" {
		return defaultOpenTimeout
	}
	return s.MaxStaleness + defaultOpenTimeout
}

func (c Config) settings() (settings, error) {
	s := settings{Config: c}
	if c.Conn == nil && c.Servers == "" {
		return settings{}, fmt.Errorf("subscriber: Config.Servers is empty: give NATS URLs such as nats://localhost:4222, or a Conn")
	}
	if c.Service == "" {
		return settings{}, fmt.Errorf("subscriber: Config.Service is empty: give the name of the service this node belongs to")
	}
	if err := checkToken(c.Service); err != nil {
		return settings{}, fmt.Errorf("subscriber: Config.Service %q: %w", c.Service, err)
	}
	if s.Node == "" {
		host, err := os.Hostname()
		if err != nil {
			return settings{}, fmt.Errorf("subscriber: Config.Node is empty and the host name is unknown: %w", err)
		}
		s.Node = host
	}
	switch {
	case s.MaxStaleness == 0:
		s.MaxStaleness = defaultMaxStaleness
	case s.MaxStaleness < minMaxStaleness:
		return settings{}, fmt.Errorf("subscriber: Config.MaxStaleness %v is below %v, three periods of the tick that proves freshness", c.MaxStaleness, minMaxStaleness)
	}
	switch {
	case s.MaxActs == 0:
		s.MaxActs = defaultMaxActs
	case s.MaxActs < 0:
		return settings{}, fmt.Errorf("subscriber: Config.MaxActs %d is negative", c.MaxActs)
	}
	if c.AllowStaleStart && c.LocalFile == "" {
		return settings{}, fmt.Errorf("subscriber: Config.AllowStaleStart needs a LocalFile to start from")
	}
	if (c.Cert == "") != (c.Key == "") {
		return settings{}, fmt.Errorf("subscriber: Config.Cert and Config.Key go together: give both or none")
	}
	if err := c.checkFiles(); err != nil {
		return settings{}, err
	}
	names, err := stream.NewNames(c.Prefix)
	if err != nil {
		return settings{}, fmt.Errorf("subscriber: Config.Prefix: %w", err)
	}
	s.names, s.token = names, stream.Token(s.Node)
	return s, nil
}

// checkFiles names the first file that is not there: the client library would
// read some of them only when it connects, and try again for ever.
func (c Config) checkFiles() error {
	for _, f := range []struct{ field, path string }{
		{"Credentials", c.Credentials}, {"NKey", c.NKey}, {"CA", c.CA}, {"Cert", c.Cert}, {"Key", c.Key},
	} {
		if f.path == "" {
			continue
		}
		if _, err := os.Stat(f.path); err != nil {
			return fmt.Errorf("subscriber: Config.%s: %w", f.field, err)
		}
	}
	return nil
}

// checkToken refuses names that cannot be one token of a NATS subject.
func checkToken(name string) error {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return fmt.Errorf("only letters, digits, '_' and '-' are allowed")
		}
	}
	return nil
}
