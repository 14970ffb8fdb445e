package subscriber

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// A frozen server is noticed after two missed pings, 2 to 3 s.
	pingInterval = time.Second
	missedPings  = 2

	reconnectWait = 100 * time.Millisecond
	// The jitter keeps a fleet from reconnecting in one instant.
	reconnectJitter = 400 * time.Millisecond
)

// connect makes the connection that the subscriber owns. The first attempt may
// fail: it is repeated, as every later one, without end and with jitter. v is
// told of each that failed, and of each change.
func connect(s settings, v *view) (*nats.Conn, error) {
	opts := []nats.Option{
		nats.Name("revoked subscriber " + s.Service + "/" + s.Node),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		// Else the second refusal of the credential closes the connection for
		// good, also if it was the server that was set up wrong for a moment.
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(missedPings),
		// A request that waits for a reconnect would be answered late;
		// catching up asks again anyway.
		nats.ReconnectBufSize(-1),
		nats.ConnectHandler(func(nc *nats.Conn) { v.connected(nc.ConnectedAddr()) }),
		nats.ReconnectHandler(func(nc *nats.Conn) { v.connected(nc.ConnectedAddr()) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { v.connectFailed(err) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { v.connectFailed(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			ev := s.Logger.Warn().Str("component", "subscriber").Err(err)
			if sub != nil {
				ev = ev.Str("subject", sub.Subject)
			}
			ev.Msg("nats error")
		}),
	}
	if s.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(s.InboxPrefix))
	}
	if s.Credentials != "" {
		opts = append(opts, nats.UserCredentials(s.Credentials))
	}
	if s.NKey != "" {
		opt, err := nats.NkeyOptionFromSeed(s.NKey)
		if err != nil {
			return nil, fmt.Errorf("subscriber: Config.NKey: %w", err)
		}
		opts = append(opts, opt)
	}
	if s.CA != "" {
		opts = append(opts, nats.RootCAs(s.CA))
	}
	if s.Cert != "" {
		opts = append(opts, nats.ClientCert(s.Cert, s.Key))
	}
	nc, err := nats.Connect(s.Servers, opts...)
	if err != nil {
		return nil, fmt.Errorf("subscriber: connecting to NATS: %w", err)
	}
	return nc, nil
}

// checkConn names every option of a caller's connection with which a node
// could stop following for good, or not notice that it has.
func checkConn(nc *nats.Conn) error {
	var wrong []string
	o := nc.Opts
	if !o.AllowReconnect {
		wrong = append(wrong, "AllowReconnect is off: set it")
	}
	if o.MaxReconnect >= 0 {
		wrong = append(wrong, fmt.Sprintf("MaxReconnect is %d: set -1", o.MaxReconnect))
	}
	if !o.IgnoreAuthErrorAbort {
		wrong = append(wrong, "IgnoreAuthErrorAbort is off: set it")
	}
	if o.PingInterval <= 0 || o.PingInterval > 5*time.Second { // 0 sends none
		wrong = append(wrong, fmt.Sprintf("PingInterval is %v: set at most 5s", o.PingInterval))
	}
	if o.MaxPingsOut > 3 {
		wrong = append(wrong, fmt.Sprintf("MaxPingsOut is %d: set at most 3", o.MaxPingsOut))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("subscriber: Config.Conn: %s", strings.Join(wrong, "; "))
	}
	return nil
}
