package publisher_test

import (
	"context"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/tasks"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// atOnce is a denylist that is always there first.
type atOnce struct{}

func (atOnce) AwaitEnforced(context.Context, revocation.Act) error { return nil }
func (atOnce) AwaitLifted(context.Context, revocation.Act) error   { return nil }
func (atOnce) Outlived() []revocation.Act                          { return nil }
func (atOnce) Held(revocation.Target) int                          { return 0 }

// clockOnly is a pool that nobody calls.
type clockOnly struct{ publisher.Cognito }

func (clockOnly) Now() time.Time { return time.Now() }

// BenchmarkRevoke is one act over a NATS server in this process, whose own
// allocations count too.
func BenchmarkRevoke(b *testing.B) {
	nc := connect(b, natsdev.Run(b))
	bus, names := newBus(b, nc, "")
	_, info := provision(b, nc, names)
	p, err := publisher.New(publisher.Config{
		Pools: map[string]publisher.Pool{poolID: {Cognito: clockOnly{}}},
		Bus:   bus, Tasks: tasks.NewMemory(), View: atOnce{}, Epoch: info.Epoch, ServiceID: "bench",
		Identify: func(context.Context, string) (revocation.Token, error) { return revocation.Token{}, nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	req := publisher.Request{Target: revocation.Target{Kind: revocation.KindToken, Pool: poolID, ID: "jti-1"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Revoke(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}
