package publisher

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// attemptTimeout bounds one attempt of a task, from the call to Cognito to
	// the stored outcome.
	attemptTimeout = 45 * time.Second
	// retryFirst and retryMost bound the pause before the next attempt; it
	// doubles each time, and half of it is jitter.
	retryFirst = time.Second
	retryMost  = 5 * time.Minute
)

// attempt carries a task further, as far as it goes, and returns when it is
// due again; the zero time means never. It is called by [Tasks.Work].
func (p *Publisher) attempt(ctx context.Context, t Task) time.Time {
	defer p.progressed()
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	pool, known := p.cfg.Pools[t.Act.Target.Pool]
	if !known {
		// The pool was taken out of the configuration; it may come back.
		return time.Now().Add(retryMost)
	}
	if t.Denied.Sequence == 0 {
		// The request died before its act was acknowledged.
		if err := p.deny(ctx, &t); err != nil {
			return p.later(ctx, t, err)
		}
	}
	if t.Cognito.State == LegPending || t.Cognito.State == LegFailed {
		t.Cognito.Attempts++
		if err := p.tell(ctx, pool.Cognito, t); err != nil {
			return p.failed(ctx, t, pool, err)
		}
		// Recorded before it is acted upon: if the process dies now, the next
		// attempt confirms without asking Cognito again.
		t.Cognito = Leg{State: LegDone, Attempts: t.Cognito.Attempts, DoneAt: time.Now()}
		t.Grant = Grant{}
		if err := p.cfg.Tasks.Put(ctx, t); err != nil {
			return p.later(ctx, t, err)
		}
	}
	if t.Cognito.State == LegDone && t.Act.State == revocation.StateOpen {
		// The act ends when the last token has expired that Cognito minted
		// before it confirmed.
		t.Act.State = revocation.StateConfirmed
		t.Act.ExpiresAt = end(pool.Cognito.Now(), pool.Validity.withDefaults().Token)
		return p.conclude(ctx, t)
	}
	return p.store(ctx, t, time.Time{})
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
	if err == nil && !revoked {
		return unproven
	}
	return err
}

// conclude publishes the act as it will stay and closes the task.
func (p *Publisher) conclude(ctx context.Context, t Task) time.Time {
	if err := p.deny(ctx, &t); err != nil {
		// The stored task is as it was before: the next attempt comes here again.
		p.log.Warn().Stringer("act_id", t.Act.ID).Err(err).Msg("final state not stored, retrying")
		return time.Now().Add(pause(t.Cognito.Attempts))
	}
	p.log.Info().Stringer("act_id", t.Act.ID).Stringer("state", t.Act.State).Str("cognito", string(t.Cognito.State)).
		Int("attempts", t.Cognito.Attempts).Msg("revocation concluded")
	return p.store(ctx, t, time.Time{})
}

// failed records a failure and arranges what follows: another attempt soon, or
// for a permanent one at half the life of the act. The act is never given up:
// as long as Cognito has not confirmed, it is extended.
func (p *Publisher) failed(ctx context.Context, t Task, pool Pool, err error) time.Time {
	t.Cognito.Code = "unknown"
	retry := true
	if cognito, ok := errors.AsType[*CognitoError](err); ok {
		t.Cognito.Code, retry = cognito.Code, cognito.Retry
	}
	p.log.Warn().Stringer("act_id", t.Act.ID).Int("attempts", t.Cognito.Attempts).Bool("retry", retry).
		Err(err).Msg("cognito not told")
	now := pool.Cognito.Now()
	if t.Cognito.Code == CodeUnproven {
		// Cognito has nothing more to say: the act stands for as long as a
		// refresh token of the session may live.
		t.Cognito.State = LegFailed
		t.Grant = Grant{}
		t.Act.ExpiresAt = max(t.Act.ExpiresAt, standing(pool.Validity.withDefaults(), now))
		return p.conclude(ctx, t)
	}
	if time.Unix(t.Act.ExpiresAt, 0).Sub(now) <= openLife/2 {
		t.Act.ExpiresAt = end(now, openLife)
		if err := p.deny(ctx, &t); err != nil {
			return p.later(ctx, t, err)
		}
	}
	if !retry {
		t.Cognito.State = LegFailed
		return p.store(ctx, t, time.Unix(t.Act.ExpiresAt, 0).Add(-openLife/2))
	}
	t.Cognito.State = LegPending
	return p.store(ctx, t, time.Now().Add(pause(t.Cognito.Attempts)))
}

// later arranges another attempt after a failure of our own infrastructure.
func (p *Publisher) later(ctx context.Context, t Task, err error) time.Time {
	p.log.Warn().Stringer("act_id", t.Act.ID).Err(err).Msg("task not carried further, retrying")
	return p.store(ctx, t, time.Now().Add(pause(t.Cognito.Attempts)))
}

// store puts the task, due at the given time (zero: never), and returns when it
// is due.
func (p *Publisher) store(ctx context.Context, t Task, due time.Time) time.Time {
	t.Due, t.Cognito.NextTry = due, due
	if err := p.cfg.Tasks.Put(ctx, t); err != nil {
		p.log.Error().Stringer("act_id", t.Act.ID).Err(err).Msg("task not stored, retrying")
		return time.Now().Add(pause(t.Cognito.Attempts))
	}
	return due
}

// pause is the time before the next attempt.
func pause(attempts int) time.Duration {
	wait := min(retryMost, retryFirst<<min(max(attempts-1, 0), 16))
	return wait/2 + rand.N(wait/2)
}
