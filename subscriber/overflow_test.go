package subscriber_test

import (
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// A node that can't keep up until the client library drops messages counts that
// as a gap, and is not fresh before it has read from the stream what it lost.
func TestSlowConsumer(t *testing.T) {
	srv := runServer(t)
	srv.provision()
	srv.publish(session("first"))
	deny := srv.open(subscriber.Config{})
	acts := make([]revocation.Act, 9000) // more than the buffer of the live path
	for i := range acts {
		acts[i] = session(fmt.Sprint("act-", i))
	}
	hold, release := iter.Pull2(deny.Acts())
	defer release()
	hold() // what follows the stream waits from here on
	srv.publishAll(acts)
	release()
	acked := time.Now()
	srv.eventually("a tick after the acts", func() bool { return deny.Status().AsOf.After(acked) })
	for _, a := range acts {
		if !deny.Enforces(a) {
			t.Fatalf("as of a time after the acts, and %s is not enforced; status %+v", a.Target.ID, deny.Status())
		}
	}
	srv.eventually("fresh", isLive(deny))
	if c := deny.Status().Counters; c.Dropped == 0 || c.CatchUps < 2 {
		t.Errorf("counters %+v, want messages dropped and the stream read again", c)
	}
}
