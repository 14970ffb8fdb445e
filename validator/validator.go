package validator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// keysTimeout bounds [Validator.WaitForKeys] without a deadline of its own.
const keysTimeout = 30 * time.Second

// Validator verifies tokens. Use [New].
type Validator struct {
	cfg     Config              // immutable; for Pools see sources
	log     zerolog.Logger      // immutable
	issuers []revocation.Issuer // immutable; beyond those of real pools
	sources []*keySource        // immutable; one per pool
	cache   *cache
	hashed  HashedDenylist // immutable; cfg.Denylist, nil if it is none
	epoch   *atomic.Uint64 // of the keys; see keySource
	counts  counters

	stop    context.CancelFunc
	running sync.WaitGroup // the sources' goroutines
}

// New returns a validator, or an error that names the field of cfg that is
// wrong. It begins to fetch keys but does not wait for them, so a node starts
// while Cognito is out of reach; until then [Validator.Validate] answers
// [ErrNoKeys]. The caller must call [Validator.Close].
func New(cfg Config) (*Validator, error) {
	cfg, pools, issuers, err := cfg.check()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	v := &Validator{
		cfg:     cfg,
		log:     cfg.Logger.With().Str("component", "validator").Logger(),
		issuers: issuers,
		cache:   newCache(int64(cfg.CacheBytes)),
		epoch:   new(atomic.Uint64),
		stop:    stop,
	}
	if h, ok := cfg.Denylist.(HashedDenylist); ok && h.Itself() == any(cfg.Denylist) {
		v.hashed = h
	}
	client := newHTTPClient(cfg.Transport)
	for _, p := range pools {
		source := newKeySource(p, client, v.log, v.epoch)
		v.sources = append(v.sources, source)
		v.running.Go(func() { source.run(ctx) })
	}
	if cfg.ReportOnly {
		v.log.Warn().Msg("report only: revoked tokens are not refused")
	}
	return v, nil
}

// Close stops fetching and returns when every goroutine has ended. Tokens can
// still be validated with the keys known by then. It may be called again.
func (v *Validator) Close() {
	v.stop()
	v.running.Wait()
}

// Ready returns nil once the keys of every pool have been fetched, and from
// then on: keys once known stay in use. Before, it returns an error that wraps
// [ErrNoKeys] and names a pool.
func (v *Validator) Ready() error {
	for _, s := range v.sources {
		if err := s.missing(); err != nil {
			return refuseFor(ReasonNoKeys, err)
		}
	}
	return nil
}

// WaitForKeys waits until [Validator.Ready] returns nil. It gives up when ctx
// ends, and after 30 s if ctx has no deadline; the error then wraps
// [ErrNoKeys] and the cause.
func (v *Validator) WaitForKeys(ctx context.Context) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, keysTimeout)
		defer cancel()
	}
	for _, s := range v.sources {
		select {
		case <-s.first:
		case <-ctx.Done():
			if err := s.missing(); err != nil {
				return refuseFor(ReasonNoKeys, fmt.Errorf("%w: %w", context.Cause(ctx), err))
			}
		}
	}
	return nil
}

// ReportOnly reports whether [Config.ReportOnly] is set.
func (v *Validator) ReportOnly() bool { return v.cfg.ReportOnly }

// Validate decides about one token, as it is after "Bearer " and without
// anything around it. The order of the checks, and what to do about an error,
// are in the package documentation.
//
// The token is nil if the error is not, with one exception: beside an error
// that wraps [revocation.ErrStale] it is the token, which passed every other
// check, for a caller whose policy accepts tokens that may have been revoked
// since. With [Config.ReportOnly] such tokens, and revoked ones, are returned
// with a nil error.
//
// It waits, for at most 5 s and until ctx ends, only if the token's kid is
// unknown and the keys have not been fetched for the last 10 seconds.
func (v *Validator) Validate(ctx context.Context, token string) (*Verified, error) {
	var tok *Verified
	entry, err := v.verify(ctx, token)
	if err == nil {
		tok = entry.tok
		if tok.token.OriginJTI == "" {
			v.counts.withoutOriginJTI.Add(1)
		}
		err = v.checkDenylist(entry)
	}
	reason := ReasonOf(err)
	v.counts.decisions[reason].Add(1)
	if err == nil {
		return tok, nil
	}
	unenforced := tok != nil && v.cfg.ReportOnly
	v.log.Debug().Stringer("reason", reason).Bool("unenforced", unenforced).Err(err).Msg("token refused")
	switch {
	case unenforced:
		v.counts.unenforced.Add(1)
		let := *tok
		let.unenforced = err
		return &let, nil
	case reason == ReasonStale:
		return tok, err
	}
	return nil, err
}

// verify makes every check but that of the denylist. What the cache has was
// verified before, down to the last byte; only what changes with time is
// checked again.
func (v *Validator) verify(ctx context.Context, token string) (*cached, error) {
	if len(token) > v.cfg.MaxTokenBytes {
		return nil, refuse(ReasonTooLarge, "longer than MaxTokenBytes")
	}
	d := digestOf(token)
	// Before the keys are read: a token verified with keys that are replaced
	// meanwhile must not count as verified with the new ones.
	epoch := v.epoch.Load()
	if e := v.cache.get(&d, epoch); e != nil {
		return e, v.checkTimes(e.tok, time.Now())
	}
	v.cache.misses.Add(1)
	p, err := split(token)
	if err != nil {
		return nil, err
	}
	kid, err := parseHeader(p.header)
	if err != nil {
		return nil, err
	}
	keys, err := v.findSigners(ctx, kid)
	if again := v.epoch.Load(); again != epoch { // keys have come, as it may have waited for
		epoch = again
		keys, err = v.findSigners(ctx, kid)
	}
	if err != nil {
		return nil, err
	}
	// What authenticate says of a token stays true while its keys are in use;
	// what follows it must be asked anew for each request.
	tok, err := v.authenticate(p, keys)
	if err != nil {
		return nil, err
	}
	if err := v.checkTimes(tok, time.Now()); err != nil {
		return nil, err
	}
	// Scopes and groups are asked for by the configuration, which is the
	// cache's too.
	if err := tok.pool.checkScopes(tok); err != nil {
		return nil, err
	}
	return v.remember(&d, tok, len(p.payload), epoch), nil
}

// checkDenylist translates the denylist's answer. Revoked wins over stale, and
// an answer outside the contract is no proof of anything: stale.
func (v *Validator) checkDenylist(e *cached) error {
	var err error
	switch {
	case v.cfg.Denylist == nil:
		return nil
	case v.hashed != nil:
		err = v.hashed.CheckHashed(&e.tok.token, &e.hashes)
	default:
		err = v.cfg.Denylist.Check(e.tok.token)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, revocation.ErrRevoked):
		return refuseFor(ReasonRevoked, err)
	case errors.Is(err, revocation.ErrMalformed):
		return refuseFor(ReasonBadClaims, err)
	case errors.Is(err, revocation.ErrStale):
		return refuseFor(ReasonStale, err)
	}
	return refuseFor(ReasonStale, fmt.Errorf("%w: %w", revocation.ErrStale, err))
}
