package stream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const inboxTimeout = 5 * time.Second

// CheckInbox returns an error if the credential of nc may not subscribe to its
// own inboxes. No answer would arrive then, and each question would end as if
// nobody had heard it.
func CheckInbox(ctx context.Context, nc *nats.Conn) error {
	sub, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		return fmt.Errorf("stream: subscribing to an inbox: %w", err)
	}
	defer sub.Unsubscribe()
	ctx, cancel := context.WithTimeout(ctx, inboxTimeout)
	defer cancel()
	// The server answers in order: a refusal is here before the answer to this.
	if err := nc.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("stream: asking whether inboxes are permitted: %w", err)
	}
	if InboxRefused(nc) {
		return fmt.Errorf("stream: no answer can arrive, for this credential may not subscribe to inboxes named %s.>: set the inbox prefix (NATS_INBOX_PREFIX) that its user has", inboxPrefix(nc))
	}
	return nil
}

// InboxRefused reports whether the newest error of nc is that it may not
// subscribe to an inbox of its own.
func InboxRefused(nc *nats.Conn) bool {
	err := nc.LastError()
	return errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), `Subscription to "`+inboxPrefix(nc)+".")
}

func inboxPrefix(nc *nats.Conn) string {
	if p := nc.Opts.InboxPrefix; p != "" {
		return p
	}
	return "_INBOX" // nats.go's own
}
