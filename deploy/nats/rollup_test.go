package nats_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// No permission keeps the service's credential from removing what is stored, by
// a header of a message that it may publish: the ticks need a stream that takes
// such headers. But nodes that follow it notice, and forget nothing.
func TestRemovingByAHeaderIsNoticed(t *testing.T) {
	for name, header := range map[string]nats.Header{
		"acts":       {"Nats-Rollup": {"sub"}},
		"everything": {"Nats-Rollup": {"all"}},
		// The server makes every schedule one that removes the one before.
		"a schedule": {"Nats-Schedule": {"@every 24h"}, "Nats-Schedule-Target": {"revoked.rev.tick"}, "Nats-Schedule-TTL": {"1h"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "nkey")
			w.startWitness()
			w.revoke()
			w.provision() // again: an operator's own schedule removes nothing else
			w.awaitActs()
			if st := w.witness.Status(); st.State != subscriber.Live {
				t.Fatalf("before: %+v", st)
			}
			stored := w.stored().Subjects["revoked.rev.event"]
			atk := &attacker{nc: w.connect(w.url, "service")}
			payload := revocation.Message{SentAt: time.Now()}.Encode()
			atk.publish(&nats.Msg{Subject: "revoked.rev.event", Data: payload, Header: header})
			if atk.err != nil {
				t.Fatalf("%v: is it forbidden now? Then say so in docs/security.md", atk.err)
			}
			w.await("the node to notice", func() bool {
				st := w.witness.Status()
				return st.State == subscriber.Stale && st.Reason == subscriber.ReasonHistory
			})
			if left := w.stored().Subjects["revoked.rev.event"]; left >= stored {
				t.Errorf("%d messages with acts are left of %d: nothing was removed, so that the test shows nothing", left, stored)
			}
			for _, a := range w.acts {
				if !w.witness.Enforces(a) {
					t.Errorf("act %s is forgotten", a.ID)
				}
			}
		})
	}
}
