package publisher

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/spans"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// attemptTimeout bounds one attempt of a task, from the call to Cognito to
	// the stored outcome.
	attemptTimeout = 45 * time.Second
	// recordTimeout bounds the storing of an outcome, and so what it adds to
	// Close.
	recordTimeout = 5 * time.Second
	// retryFirst and retryMost bound the pause before the next attempt; it
	// doubles each time, and half of it is jitter.
	retryFirst = time.Second
	retryMost  = 5 * time.Minute
	// ownPause bounds the pause after a failure of our own infrastructure.
	// Attempts made in vain do not count there: what cannot be stored cannot
	// grow.
	ownPause = 10 * time.Second
)

// attempt carries a task further, as far as it goes, and returns when it is
// due again; the zero time means never. It is called by [Tasks.Work].
func (p *Publisher) attempt(ctx context.Context, t Task) time.Time {
	defer p.progressed()
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	ctx, interrupt := context.WithCancelCause(ctx)
	defer interrupt(nil)
	free, err := p.holds.take(ctx, t.Act.ID, interrupt)
	if err != nil {
		return time.Now().Add(jitter(ownPause))
	}
	defer free()
	// A request may have carried the task further since it was handed out.
	switch t, err = p.cfg.Tasks.Get(ctx, t.Act.ID); {
	case errors.Is(err, ErrNotFound):
		return time.Time{}
	case err != nil:
		return time.Now().Add(jitter(ownPause))
	}
	ctx, span := spans.Resume(ctx, p.cfg.Tracer, "carry further", t.Act, t.Trace)
	defer span.End()
	switch {
	case t.lifting():
		return p.finishLift(ctx, t)
	case t.canary():
		// Whoever let it go has died or was interrupted, and nobody waits for it.
		return p.store(ctx, t, time.Time{})
	}
	pool, known := p.cfg.Pools[t.Act.Target.Pool]
	if !known {
		// The pool was taken out of the configuration; it may come back.
		return time.Now().Add(retryMost)
	}
	if err := p.uphold(ctx, &t, pool); err != nil {
		return p.later(ctx, t, err)
	}
	leg, told := p.recall(t.Act.ID)
	if t.waits() && !told && t.Grant.Sealed {
		// A replica with the right key takes over what is not stored again.
		p.log.Error().Stringer("act_id", t.Act.ID).Msg("refresh token is sealed by a key that is missing here, retrying")
		return time.Now().Add(jitter(retryMost))
	}
	if t.waits() {
		if !told {
			t.Cognito.Attempts++
			if err := p.tell(ctx, pool.Cognito, t); err != nil {
				return p.failed(ctx, t, pool, err)
			}
			leg = Leg{State: LegDone, Attempts: t.Cognito.Attempts, DoneAt: time.Now()}
		}
		// Recorded before it is acted upon: if the process dies now, the next
		// attempt confirms without telling Cognito again.
		t.Cognito, t.Grant = leg, Grant{}
		if t, err = p.record(ctx, t); err != nil {
			return p.later(ctx, t, err)
		}
		switch {
		case interrupted(ctx):
			return time.Now().Add(jitter(ownPause)) // the lift takes it from here
		case t.lifting(): // by another replica, meanwhile
			return p.finishLift(ctx, t)
		}
	}
	if t.Cognito.State == LegDone && t.Act.State == revocation.StateOpen {
		// The act ends when the last token has expired that Cognito minted
		// before it confirmed.
		act := t.Act
		act.State = revocation.StateConfirmed
		act.ExpiresAt = max(end(pool.Cognito.Now(), pool.Validity.withDefaults().Token), t.Floor)
		return p.conclude(ctx, t, act, t.Cognito)
	}
	return p.store(ctx, t, time.Time{})
}

// tellAt is when Cognito is to be told first of an act that was accepted; the
// zero time means never. It is not before the cutoff has passed, if that is the
// caller's: a session that began between the two would be covered by the act,
// and outlive it at Cognito.
func (p *Publisher) tellAt(t Task, cutoff int64) time.Time {
	if t.Cognito.State != LegPending {
		return time.Time{}
	}
	passed := time.Unix(cutoff+1, 0).Sub(p.cfg.Pools[t.Act.Target.Pool].Cognito.Now())
	return time.Now().Add(max(passed, 0))
}

// waits reports whether Cognito has still to be told.
func (t *Task) waits() bool {
	return t.Cognito.State == LegPending || t.Cognito.State == LegFailed
}

// uphold sees to it that the act is on the stream, for a while to come if
// Cognito has still to be told. It comes first in every attempt, so that the
// act as published outlasts every token that Cognito mints until it is told,
// even if this process dies right after that.
func (p *Publisher) uphold(ctx context.Context, t *Task, pool Pool) error {
	act, now := t.Act, pool.Cognito.Now()
	if t.waits() && time.Unix(act.ExpiresAt, 0).Sub(now) <= openLife/2 {
		act.ExpiresAt = end(now, openLife)
	}
	switch {
	case t.Denied.Sequence == 0 && messageTTL(max(act.ExpiresAt, t.KeepUntil), time.Now()) > 0:
		// The request died before its act was acknowledged.
		fast := p.repeatFast(ctx, act)
		defer fast.stop()
		return p.deny(ctx, t, act)
	case act != t.Act:
		return p.deny(ctx, t, act)
	}
	return nil
}

// tell makes the calls that end the target at Cognito. nil means that Cognito
// has, provably, and cannot mint a token that the act covers.
func (p *Publisher) tell(ctx context.Context, c Cognito, t Task) error {
	if t.Act.Target.Kind == revocation.KindUser {
		err := c.SignOutUser(ctx, t.Act.Target.ID)
		if errors.Is(err, ErrUserNotFound) {
			return nil // nobody there to mint tokens for
		}
		return err
	}
	if err := c.RevokeToken(ctx, t.Grant.ClientID, t.Grant.RefreshToken); err != nil {
		return err
	}
	if t.Grant.Fresh {
		return nil
	}
	unproven := &CognitoError{Op: "RevokeToken", Code: CodeUnproven}
	if t.Grant.AccessToken == "" {
		return unproven
	}
	revoked, err := c.AccessTokenRevoked(ctx, t.Grant.AccessToken)
	if refused, ok := errors.AsType[*CognitoError](err); ok && !refused.Retry {
		return unproven // Cognito will never say, such as of an expired token
	}
	if err == nil && !revoked {
		return unproven
	}
	return err
}

// conclude publishes the act as it will stay, and closes the task with the leg
// to Cognito as it has ended.
func (p *Publisher) conclude(ctx context.Context, t Task, act revocation.Act, leg Leg) time.Time {
	if err := p.deny(ctx, &t, act); err != nil {
		return p.later(ctx, t, err)
	}
	t.Cognito, t.Grant = leg, Grant{}
	p.log.Info().Stringer("act_id", t.Act.ID).Stringer("state", t.Act.State).Str("cognito", string(leg.State)).
		Int("attempts", leg.Attempts).Msg("revocation concluded")
	return p.store(ctx, t, time.Time{})
}

// failed records a failure and arranges what follows: another attempt soon, or
// for a permanent one at half the life of the act. The act is never given up:
// as long as Cognito has not confirmed, it is extended.
func (p *Publisher) failed(ctx context.Context, t Task, pool Pool, err error) time.Time {
	t.Cognito.Code = "unknown"
	retry := true
	cognito, ok := errors.AsType[*CognitoError](err)
	if ok && cognito.Unsent {
		// Held back, not tried: nothing is stored, so that a long queue of such
		// tasks costs nobody anything.
		return time.Now().Add(jitter(2 * ownPause))
	}
	if ok {
		t.Cognito.Code, retry = cognito.Code, cognito.Retry
	}
	p.log.Warn().Stringer("act_id", t.Act.ID).Int("attempts", t.Cognito.Attempts).Bool("retry", retry).
		Err(err).Msg("cognito not told")
	if t.Cognito.Code == CodeUnproven {
		// Cognito has nothing more to say: the act stands for as long as a
		// refresh token of the session may live.
		act := t.Act
		act.ExpiresAt = max(act.ExpiresAt, standing(pool.Validity.withDefaults(), pool.Cognito.Now()))
		leg := t.Cognito
		leg.State = LegFailed
		return p.conclude(ctx, t, act, leg)
	}
	if interrupted(ctx) {
		// The lift is to know of this attempt.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
		defer cancel()
	}
	due := time.Now().Add(pause(t.Cognito.Attempts))
	if retry {
		t.Cognito.State = LegPending
		return p.store(ctx, t, due)
	}
	t.Cognito.State = LegFailed
	// Not at half life to the letter: Cognito's clock, by which the act is
	// extended, may be behind ours.
	if half := time.Unix(t.Act.ExpiresAt, 0).Add(-openLife / 2); half.After(due) {
		due = half
	}
	return p.store(ctx, t, due)
}

// later arranges another attempt after a failure of our own infrastructure.
func (p *Publisher) later(ctx context.Context, t Task, err error) time.Time {
	p.log.Warn().Stringer("act_id", t.Act.ID).Err(err).Msg("task not carried further, retrying")
	return p.store(ctx, t, time.Now().Add(jitter(ownPause)))
}

// record stores that Cognito was told, even if Close has come meanwhile, and
// remembers it if that fails: telling it again would also end sessions that
// have begun since.
func (p *Publisher) record(ctx context.Context, t Task) (Task, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	stored, err := p.put(ctx, t)
	if err != nil {
		p.remember(t.Act.ID, t.Cognito)
	}
	return stored, err
}

// interrupted reports whether an attempt is to end because of a lift.
func interrupted(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errLifting) }

// remember keeps what Cognito has confirmed for recall.
func (p *Publisher) remember(id revocation.ActID, leg Leg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unrecorded[id] = leg
}

// recall returns what record could not store, once.
func (p *Publisher) recall(id revocation.ActID) (Leg, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	leg, told := p.unrecorded[id]
	delete(p.unrecorded, id)
	return leg, told
}

// store puts the task, due at the given time (zero: never), and returns when it
// is due, which is earlier if somebody else says so.
func (p *Publisher) store(ctx context.Context, t Task, due time.Time) time.Time {
	t.Due, t.Cognito.NextTry = due, due
	stored, err := p.put(ctx, t)
	if err != nil {
		p.log.Error().Stringer("act_id", t.Act.ID).Err(err).Msg("task not stored, retrying")
		return time.Now().Add(jitter(ownPause))
	}
	return stored.Due
}

// pause is the time before the next attempt to tell Cognito.
func pause(attempts int) time.Duration {
	return jitter(min(retryMost, retryFirst<<min(max(attempts-1, 0), 16)))
}

// jitter is a random time from half of most up to it.
func jitter(most time.Duration) time.Duration { return most/2 + rand.N(most/2) }
