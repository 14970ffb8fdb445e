package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/spans"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// maxLifts bounds the acts of one [LiftRequest]: each is some 10 ms of work.
const maxLifts = 500

// LiftRequest asks for the undo of acts. Its author has been authorized by the
// caller.
type LiftRequest struct {
	// Acts are from one to 500 ids. One that stands twice is lifted once.
	Acts []revocation.ActID
	// Reason and Operator are kept with each task and shown to operators.
	Reason, Operator string
}

// UnknownActsError wraps [ErrNotFound]: no act has one of these ids. Nothing
// has happened.
type UnknownActsError struct {
	Acts []revocation.ActID
}

// Error names the ids.
func (e *UnknownActsError) Error() string {
	return fmt.Sprintf("%v: %s", ErrNotFound, join(e.Acts))
}

// Unwrap returns [ErrNotFound].
func (e *UnknownActsError) Unwrap() error { return ErrNotFound }

// LiftError wraps [ErrNotDurable]: some acts could not be lifted in time.
type LiftError struct {
	// Left are those acts. The first is the one that failed, and may be lifted
	// all the same a little later; nothing has happened to the others.
	Left  []revocation.ActID
	Cause error
}

// Error names the acts that are left, and the cause.
func (e *LiftError) Error() string {
	return fmt.Sprintf("publisher: lift not yet durable of %s: %v", join(e.Left), e.Cause)
}

// Unwrap returns [ErrNotDurable] and the cause.
func (e *LiftError) Unwrap() []error { return []error{ErrNotDurable, e.Cause} }

func join(ids []revocation.ActID) string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = id.String()
	}
	return strings.Join(list, ", ")
}

// Lift undoes acts, one after the other, and returns their statuses in the
// order of the request. Each lift is durable, and in force on the service's own
// denylist, before the next act is begun. To lift what is lifted already is a
// success that changes nothing: it stays the lift of whoever came first.
//
// A leg to Cognito that has not run is canceled. A call that is on its way to
// Cognito is not cut off, for then nobody would know its outcome: Lift waits
// for its answer, and if that is success the leg is done although the act is
// lifted. What Cognito has ended, no lift brings back.
//
// Errors: a [*RequestError]; an [*UnknownActsError], after which nothing has
// happened; a [*LiftError] together with the statuses of those acts that are
// lifted. Lift does not stop within an act if ctx is canceled, only before
// the next.
func (p *Publisher) Lift(ctx context.Context, req LiftRequest) ([]Status, error) {
	acts, err := p.known(ctx, req.Acts)
	if err != nil {
		return nil, err
	}
	var lifted []Status
	for i, id := range acts {
		var s Status
		if err = ctx.Err(); err == nil {
			s, err = p.lift(ctx, id, req)
		}
		if err != nil {
			p.log.Error().Stringer("act_id", id).Err(err).Msg("lift not durable")
			return lifted, &LiftError{Left: acts[i:], Cause: err}
		}
		lifted = append(lifted, s)
	}
	return lifted, nil
}

// known returns the ids of a request, each once, if there is an act for all.
func (p *Publisher) known(ctx context.Context, ids []revocation.ActID) ([]revocation.ActID, error) {
	if len(ids) == 0 || len(ids) > maxLifts {
		return nil, &RequestError{Field: "acts", Problem: fmt.Sprintf("are %d ids, want from 1 to %d", len(ids), maxLifts)}
	}
	var acts, unknown []revocation.ActID
	for _, id := range ids {
		if slices.Contains(acts, id) || slices.Contains(unknown, id) {
			continue
		}
		switch _, err := p.cfg.Tasks.Get(ctx, id); {
		case errors.Is(err, ErrNotFound):
			unknown = append(unknown, id)
		case err != nil:
			return nil, &LiftError{Left: ids, Cause: err}
		default:
			acts = append(acts, id)
		}
	}
	if len(unknown) > 0 {
		return nil, &UnknownActsError{Acts: unknown}
	}
	return acts, nil
}

// lift undoes one act. A crash after the first store leaves a task that a
// worker finishes.
func (p *Publisher) lift(ctx context.Context, id revocation.ActID, req LiftRequest) (s Status, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), acceptTimeout)
	defer cancel()
	p.holds.interrupt(id, errLifting)
	free, err := p.holds.take(ctx, id, nil)
	if err != nil {
		return Status{}, err
	}
	defer free()
	t, err := p.cfg.Tasks.Get(ctx, id)
	if err != nil {
		return Status{}, err
	}
	ctx, span := spans.Act(ctx, "lift", t.Act)
	defer func() { spans.End(span, err) }()
	if t.lifted() {
		return t.Status, p.cfg.View.AwaitLifted(ctx, t.Act)
	}
	if !t.lifting() {
		t.Lift = Lift{At: time.Now(), Reason: req.Reason, Operator: req.Operator}
	}
	leg, told := p.recall(id)
	if told {
		t.Cognito = leg
	}
	t.cancelLeg()
	t.Due = time.Now().Add(claim)
	if t, err = p.put(ctx, t); err != nil {
		if told {
			p.remember(id, leg)
		}
		return Status{}, err
	}
	if err := p.undo(ctx, &t); err != nil {
		return Status{}, err
	}
	if err := p.cfg.View.AwaitLifted(ctx, t.Act); err != nil {
		return Status{}, err
	}
	t.Due = time.Time{}
	if t, err = p.put(ctx, t); err != nil {
		return Status{}, err
	}
	p.log.Info().Stringer("act_id", id).Stringer("kind", t.Act.Target.Kind).Str("cognito", string(t.Cognito.State)).
		Msg("revocation lifted")
	return t.Status, nil
}

// lifting reports whether a lift of the act was begun.
func (t *Task) lifting() bool { return !t.Lift.At.IsZero() }

// lifted reports whether the act is published as lifted, until the end of every
// copy of it.
func (t *Task) lifted() bool {
	return t.Act.State == revocation.StateLifted && t.Act.ExpiresAt >= t.KeepUntil
}

// cancelLeg ends the leg to Cognito, with what it still needed.
func (t *Task) cancelLeg() {
	if t.waits() && !t.Due.IsZero() { // else it has come to its own end
		t.Cognito.State = LegCanceled
	}
	t.Cognito.NextTry = time.Time{}
	t.Grant = Grant{}
}

// undo publishes the act as lifted, until the latest end of any copy of it: a
// copy that outlived its lift would bring the act back.
func (p *Publisher) undo(ctx context.Context, t *Task) error {
	act := t.Act
	act.State, act.ExpiresAt = revocation.StateLifted, t.KeepUntil
	if messageTTL(act.ExpiresAt, time.Now()) == 0 {
		t.Act = act // it has ended: nobody holds it any more
		return nil
	}
	return p.deny(ctx, t, act)
}

// finishLift carries a lift to its end whose request did not.
func (p *Publisher) finishLift(ctx context.Context, t Task) time.Time {
	if !t.lifted() {
		if err := p.undo(ctx, &t); err != nil {
			return p.later(ctx, t, err)
		}
	}
	return p.store(ctx, t, time.Time{})
}

// repeatLifts publishes the lifts that the stream is missing. Within one
// process none is: but another replica may have published a copy, such as a
// confirmation, that ends later than a lift of which it did not know yet.
// Every replica that sees it publishes the lift; once is enough, more do no
// harm.
func (p *Publisher) repeatLifts(ctx context.Context) {
	for _, lift := range p.cfg.View.Outlived() {
		now := time.Now()
		ttl := messageTTL(lift.ExpiresAt, now)
		if ttl == 0 {
			continue
		}
		attempt, cancel := context.WithTimeout(ctx, beatPeriod)
		_, err := p.appends.publish(attempt, lift, ttl)
		cancel()
		level := zerolog.InfoLevel
		if err != nil {
			level = zerolog.WarnLevel
		}
		p.log.WithLevel(level).Err(err).Stringer("act_id", lift.ID).Int64("expires_at", lift.ExpiresAt).Msg("lift repeated, a copy outlived it")
		if err != nil {
			return
		}
	}
}
