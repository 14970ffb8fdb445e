package validator

import (
	"context"
	"crypto/rsa"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

const (
	// refreshInterval is how long a key that Cognito withdrew may still be
	// used, and what a node costs Cognito while nothing happens.
	refreshInterval = 15 * time.Minute
	// refetchInterval is the least time between the start of a fetch and one
	// that an unknown kid asks for. Too low lets anyone send requests to
	// Cognito through us; too high refuses tokens of a new key for as long.
	refetchInterval = 10 * time.Second
	// A fetch that failed is tried again after retryMin, then twice that, up
	// to retryMax.
	retryMin = time.Second
	retryMax = time.Minute
)

// keySet is what one fetch brought. It never changes.
type keySet struct {
	keys    map[string]*rsa.PublicKey // by kid; not empty
	ignored int                       // keys of the document that are not in keys
	fetched time.Time
}

// keySource holds the keys of one pool and keeps them current. One goroutine,
// run, does all fetching, so there is never more than one at a time.
type keySource struct {
	pool   *pool                  // immutable
	client *http.Client           // immutable
	log    zerolog.Logger         // immutable
	wake   chan struct{}          // asks run to fetch now; capacity 1: asking twice is asking once
	first  chan struct{}          // closed when set is first stored
	epoch  *atomic.Uint64         // of all pools of the validator: another one when keys change
	set    atomic.Pointer[keySet] // nil before the first good fetch; stored by run

	fetches, failures atomic.Uint64

	mu       sync.Mutex    // guards the fields below
	fetching chan struct{} // closed at the end of the fetch that runs or is asked for; nil if none
	started  time.Time     // of the last fetch
	problem  error         // of the last fetch; nil if it was good
	closed   bool
}

func newKeySource(p *pool, client *http.Client, log zerolog.Logger, epoch *atomic.Uint64) *keySource {
	return &keySource{
		pool: p, client: client, log: log.With().Str("pool", p.id).Logger(),
		wake: make(chan struct{}, 1), first: make(chan struct{}), epoch: epoch,
		// The first fetch counts as asked for, so that a request that comes
		// before run has begun waits for it.
		fetching: make(chan struct{}),
	}
}

// key returns the key of a kid, nil if it is not known.
func (s *keySource) key(kid string) *rsa.PublicKey {
	if set := s.set.Load(); set != nil {
		return set.keys[kid]
	}
	return nil
}

// run fetches now, when asked, and at intervals, until ctx ends.
func (s *keySource) run(ctx context.Context) {
	defer s.close()
	failed := 0
	for ctx.Err() == nil {
		s.begin()
		set, err := fetchKeys(ctx, s.client, s.pool.jwksURL)
		if ctx.Err() != nil {
			return
		}
		delay := jitter(refreshInterval)
		if err == nil {
			s.store(set, failed > 0)
			failed = 0
		} else {
			s.failed(err, failed == 0)
			delay = jitter(min(retryMin<<min(failed, 10), retryMax))
			failed++
		}
		s.end(err)
		select {
		case <-time.After(delay):
		case <-s.wake:
		case <-ctx.Done():
		}
	}
}

// jitter returns between 80 % and 100 % of d, so that nodes that started
// together do not fetch together.
func jitter(d time.Duration) time.Duration {
	return d - rand.N(d/5)
}

// begin, and end or close, frame one fetch.
func (s *keySource) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetches.Add(1)
	s.started = time.Now()
	if s.fetching == nil {
		s.fetching = make(chan struct{})
	}
	select {
	case <-s.wake: // asked for while it began on its own
	default:
	}
}

func (s *keySource) end(problem error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem = problem
	close(s.fetching)
	s.fetching = nil
}

func (s *keySource) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.fetching != nil {
		close(s.fetching)
	}
}

// store puts a set of keys into use. If they differ from the last ones the
// epoch changes before, so that from then on no token counts that was verified
// with those, and after, so that none does that is being verified meanwhile.
func (s *keySource) store(set *keySet, recovered bool) {
	old := s.set.Load() // only this goroutine stores
	same := old != nil && maps.EqualFunc(old.keys, set.keys, func(a, b *rsa.PublicKey) bool { return a.Equal(b) })
	if !same {
		s.epoch.Add(1)
	}
	s.set.Store(set)
	if !same {
		s.epoch.Add(1)
	}
	if old == nil {
		close(s.first)
	}
	if !same || recovered {
		kids := slices.Sorted(maps.Keys(set.keys))
		s.log.Info().Strs("kids", kids).Int("ignored", set.ignored).Msg("keys fetched")
	}
}

func (s *keySource) failed(err error, wasGood bool) {
	s.failures.Add(1)
	if wasGood {
		s.log.Warn().Err(err).Bool("have_keys", s.set.Load() != nil).Msg("keys not fetched")
	}
}

// missing returns nil if keys are known, else an error that says why not.
func (s *keySource) missing() error {
	if s.set.Load() != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem != nil {
		return fmt.Errorf("keys of pool %s: %w", s.pool.id, s.problem)
	}
	return fmt.Errorf("keys of pool %s have not been fetched", s.pool.id)
}

// refetch asks for a fetch because of a kid that is not known, and returns a
// channel that is closed when it is over: that of the fetch under way if there
// is one, nil if the last one is too recent to ask for another.
func (s *keySource) refetch() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.fetching == nil && time.Since(s.started) < refetchInterval {
		return nil
	}
	if s.fetching == nil {
		s.fetching = make(chan struct{})
		s.wake <- struct{}{} // has room: begin empties it under mu
	}
	return s.fetching
}

// signer is a key and a pool that publishes it.
type signer struct {
	pool *pool
	key  *rsa.PublicKey
}

// signers returns the keys of a kid. Which pool is meant is not known before
// the claims can be trusted, so every pool is asked.
func (v *Validator) signers(kid string) []signer {
	var found []signer
	for _, s := range v.sources {
		if key := s.key(kid); key != nil {
			found = append(found, signer{pool: s.pool, key: key})
		}
	}
	return found
}

// findSigners is signers, but gives an unknown kid, which may be of a new key,
// the benefit of one fetch: bounded by ctx, by the time a fetch may take, and
// by refetchInterval.
func (v *Validator) findSigners(ctx context.Context, kid string) ([]signer, error) {
	if found := v.signers(kid); found != nil {
		return found, nil
	}
	var fetches []<-chan struct{}
	for _, s := range v.sources {
		if done := s.refetch(); done != nil {
			fetches = append(fetches, done)
		}
	}
	for _, done := range fetches {
		select {
		case <-done:
		case <-ctx.Done():
			return nil, refuseFor(ReasonNoKeys, fmt.Errorf("waiting for keys: %w", context.Cause(ctx)))
		}
	}
	if found := v.signers(kid); found != nil {
		return found, nil
	}
	if err := v.Ready(); err != nil {
		return nil, err
	}
	return nil, refuse(ReasonUnknownKey, "no pool publishes the kid")
}
