package validator

import (
	"sync/atomic"
	"time"
)

// Stats are counts since [New].
type Stats struct {
	// Decisions counts calls of Validate by the reason they ended with,
	// whether or not ReportOnly let the token pass. Every reason is present.
	Decisions map[Reason]uint64
	// Unenforced counts the tokens that ReportOnly let pass although the
	// denylist refused them or was stale.
	Unenforced uint64
	// WithoutOriginJTI counts the tokens that passed every check before the
	// denylist and have no origin_jti: a revoked session does not cover them.
	// Tokens of machines have none; for users, turn on token revocation for
	// the app client.
	WithoutOriginJTI uint64
	// Cache is about the tokens that are kept.
	Cache CacheStats
	// Keys has one element per pool, in the order of Config.Pools.
	Keys []KeyStats
}

// CacheStats are about tokens that were verified and are kept.
type CacheStats struct {
	// Misses counts tokens that were not found and had to be verified in full,
	// or refused.
	Misses uint64
	// Entries and Bytes are what is kept now; Bytes is an estimate.
	Entries, Bytes int64
}

// KeyStats are about the keys of one pool.
type KeyStats struct {
	Pool string
	// Fetches counts fetches begun, Failures those that brought no usable
	// key.
	Fetches, Failures uint64
	// FetchedAt is when the keys in use arrived; zero before the first.
	FetchedAt time.Time
	// Usable keys are in use; Ignored ones are published beside them, but not
	// as a single RSA key of 2048 to 8192 bits for RS256 under their kid.
	Usable, Ignored int
}

// counters are what Stats reads. They are only ever added to.
type counters struct {
	decisions        [reasonCount]atomic.Uint64
	unenforced       atomic.Uint64
	withoutOriginJTI atomic.Uint64
}

// Stats returns the counts so far. They are read one after another, so their
// sums may differ by calls under way.
func (v *Validator) Stats() Stats {
	stats := Stats{
		Decisions:        make(map[Reason]uint64, reasonCount),
		Unenforced:       v.counts.unenforced.Load(),
		WithoutOriginJTI: v.counts.withoutOriginJTI.Load(),
		Cache: CacheStats{
			Misses: v.cache.misses.Load(), Entries: v.cache.entries.Load(), Bytes: v.cache.bytes.Load(),
		},
	}
	for _, r := range Reasons() {
		stats.Decisions[r] = v.counts.decisions[r].Load()
	}
	for _, s := range v.sources {
		keys := KeyStats{Pool: s.pool.id, Fetches: s.fetches.Load(), Failures: s.failures.Load()}
		if set := s.set.Load(); set != nil {
			keys.FetchedAt, keys.Usable, keys.Ignored = set.fetched, len(set.keys), set.ignored
		}
		stats.Keys = append(stats.Keys, keys)
	}
	return stats
}
