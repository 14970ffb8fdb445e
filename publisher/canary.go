package publisher

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// CanaryPool is the pool of canaries, and of nothing else: no user pool can
// have this id, so that no act of it refuses a token of anybody, and no request
// can name it.
const CanaryPool = "canary"

// CanaryOperator stands where the operator of other acts does.
const CanaryOperator = "probe"

// Canary revokes a token that nobody has, by the very steps of
// [Publisher.Revoke], so that somebody can see how long they take and who
// enforces the act then. The act ends soon after life, and the task with it.
//
// Lists leave canaries out unless they are asked for [CanaryPool]. Unlike
// Revoke, Canary stops if ctx ends; what was begun then ends by itself. The
// error is a [*NotDurableError].
func (p *Publisher) Canary(ctx context.Context, life time.Duration) (Status, error) {
	now := time.Now()
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	t := Task{
		Status: Status{
			Act: revocation.Act{
				ID:    revocation.NewActID(),
				State: revocation.StateConfirmed, // as of any token
				Target: revocation.Target{
					Kind: revocation.KindToken, Pool: CanaryPool, ID: "canary-" + rand.Text(),
				},
				ExpiresAt: end(now, life),
			},
			AcceptedAt: now,
			Cognito:    Leg{State: LegNotApplicable},
			Operator:   CanaryOperator,
		},
		Due: now.Add(claim),
	}
	t.KeepUntil = t.Act.ExpiresAt
	if err := t.Act.Validate(); err != nil {
		return Status{}, fmt.Errorf("publisher: canary: %w", err)
	}
	t, err := p.carryOut(ctx, t, 0)
	if err != nil {
		return Status{}, err
	}
	return t.Status, nil
}

// canary reports whether the task is one of [Publisher.Canary].
func (t *Task) canary() bool { return t.Act.Target.Pool == CanaryPool }
