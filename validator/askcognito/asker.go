package askcognito

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

const (
	// tripAfter failures in a row open the breaker, for openFor.
	tripAfter = 3
	openFor   = 10 * time.Second
)

// Errors of [Asker.Ask]. All but ErrRevoked wrap [revocation.ErrStale] as well:
// nothing is settled, so the request is refused as FailClosed does.
var (
	// ErrRevoked wraps [revocation.ErrRevoked]: Cognito does not accept the
	// token any more.
	ErrRevoked = fmt.Errorf("%w: cognito refuses the token", revocation.ErrRevoked)
	// ErrNotAskable: Cognito has no endpoint that this token opens.
	ErrNotAskable = fmt.Errorf("%w: cognito can't be asked about this token", revocation.ErrStale)
	// ErrOverBudget: asking would exceed Config.Rate.
	ErrOverBudget = fmt.Errorf("%w: the budget for asking cognito is spent", revocation.ErrStale)
	// ErrUnsettled: Cognito could not be reached, did not answer clearly, or
	// failed several times in a row and is left alone for a while.
	ErrUnsettled = fmt.Errorf("%w: cognito did not settle it", revocation.ErrStale)
)

// Asker asks Cognito. Use [New].
type Asker struct {
	cfg     Config          // immutable
	pools   map[string]Pool // immutable; by id
	client  *http.Client
	budget  *rate.Limiter
	breaker *gobreaker.CircuitBreaker[verdict]
	flights singleflight.Group
	counts  counters

	mu      sync.Mutex // guards the field below
	answers map[tokenHash]answer
}

type tokenHash [sha256.Size]byte

// verdict is what Cognito has said.
type verdict bool

const (
	accepts verdict = false
	refuses verdict = true
)

// answer is a verdict that counts until a time.
type answer struct {
	verdict verdict
	until   time.Time
}

// New returns an asker, or an error that names the field of cfg that is wrong.
// It makes no call.
func New(cfg Config) (*Asker, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	a := &Asker{
		cfg:   cfg,
		pools: make(map[string]Pool, len(cfg.Pools)),
		client: &http.Client{
			Transport: cfg.Transport,
			// A redirect would carry the token to another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		budget:  rate.NewLimiter(rate.Limit(cfg.Rate), max(1, int(cfg.Rate))),
		answers: make(map[tokenHash]answer),
	}
	for _, p := range cfg.Pools {
		a.pools[p.ID] = p
	}
	log := cfg.Logger.With().Str("component", "askcognito").Logger()
	a.breaker = gobreaker.NewCircuitBreaker[verdict](gobreaker.Settings{
		Timeout:     openFor,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			log.Warn().Stringer("from", from).Stringer("to", to).Msg("breaker changed")
		},
	})
	return a, nil
}

// Ask returns nil if Cognito accepts the token now, or did within
// Config.CacheFor. tok is what the validator made of bearer; it has passed every
// check but the denylist, which is stale. Errors are those of this package.
func (a *Asker) Ask(ctx context.Context, bearer string, tok *validator.Verified) error {
	err := a.ask(ctx, bearer, tok)
	a.counts.count(err)
	return err
}

func (a *Asker) ask(ctx context.Context, bearer string, tok *validator.Verified) error {
	question, askable := a.question(bearer, tok)
	if !askable {
		return ErrNotAskable
	}
	key := tokenHash(sha256.Sum256([]byte(bearer)))
	if v, known := a.recall(key, time.Now()); known {
		a.counts.cached.Add(1)
		return v.err()
	}
	// A request that goes away must not end the call for the others.
	flight := a.flights.DoChan(string(key[:]), func() (any, error) { return a.settle(key, question) })
	select {
	case <-ctx.Done():
		return ErrUnsettled
	case res := <-flight:
		if res.Err != nil {
			return res.Err
		}
		return res.Val.(verdict).err()
	}
}

func (v verdict) err() error {
	if v == refuses {
		return ErrRevoked
	}
	return nil
}

// settle makes the call, if budget and breaker let it.
func (a *Asker) settle(key tokenHash, q question) (verdict, error) {
	// Another flight may have ended between our look-up and this one.
	asked := time.Now()
	if v, known := a.recall(key, asked); known {
		a.counts.cached.Add(1)
		return v, nil
	}
	if a.breaker.State() == gobreaker.StateOpen {
		return accepts, ErrUnsettled // does not cost a call, so none is taken
	}
	if !a.budget.Allow() {
		return accepts, ErrOverBudget
	}
	v, err := a.breaker.Execute(func() (verdict, error) {
		ctx, cancel := context.WithTimeout(context.Background(), a.cfg.Timeout)
		defer cancel()
		a.counts.calls.Add(1)
		return q.put(ctx, a.client)
	})
	if err != nil {
		return accepts, fmt.Errorf("%w: %w", ErrUnsettled, withoutURL(err))
	}
	a.remember(key, answer{v, asked.Add(a.cfg.CacheFor)}, asked)
	return v, nil
}

// recall returns an answer that still counts.
func (a *Asker) recall(key tokenHash, now time.Time) (verdict, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.answers[key]
	return known.verdict, ok && now.Before(known.until)
}

// remember keeps an answer and drops those that no longer count, which with the
// budget bounds their number.
func (a *Asker) remember(key tokenHash, ans answer, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, old := range a.answers {
		if !now.Before(old.until) {
			delete(a.answers, k)
		}
	}
	a.answers[key] = ans
}

// Stats are counts since [New].
type Stats struct {
	// Accepted, Refused, NotAskable, OverBudget and Unsettled count the
	// outcomes of Ask.
	Accepted, Refused, NotAskable, OverBudget, Unsettled uint64
	// Calls counts calls to Cognito; Cached the questions that a kept answer
	// settled.
	Calls, Cached uint64
	// Open says that the breaker keeps calls back at the moment.
	Open bool
}

type counters struct {
	accepted, refused, notAskable, overBudget, unsettled, calls, cached atomic.Uint64
}

func (c *counters) count(err error) {
	switch {
	case err == nil:
		c.accepted.Add(1)
	case errors.Is(err, ErrRevoked):
		c.refused.Add(1)
	case errors.Is(err, ErrNotAskable):
		c.notAskable.Add(1)
	case errors.Is(err, ErrOverBudget):
		c.overBudget.Add(1)
	default:
		c.unsettled.Add(1)
	}
}

// Stats returns the counts so far.
func (a *Asker) Stats() Stats {
	return Stats{
		Accepted: a.counts.accepted.Load(), Refused: a.counts.refused.Load(),
		NotAskable: a.counts.notAskable.Load(), OverBudget: a.counts.overBudget.Load(),
		Unsettled: a.counts.unsettled.Load(), Calls: a.counts.calls.Load(), Cached: a.counts.cached.Load(),
		Open: a.breaker.State() == gobreaker.StateOpen,
	}
}
