package api

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// defaultRate is what a caller may send per second. A person sends a few,
	// a script that is not a batch one after another; it is far below what the
	// service can carry out, so that one caller does not take all of it.
	defaultRate = 50
	// maxBuckets bounds the memory for callers. Only who has a role gets a
	// bucket, so they are as many as the operators, not as the users.
	maxBuckets = 10_000
	// sweepPause is how often room is looked for at most.
	sweepPause = time.Second
)

// limits bounds the requests of each caller. It is safe for concurrent use.
type limits struct {
	rate  rate.Limit
	burst int

	mu      sync.Mutex // guards the fields below
	buckets map[string]*rate.Limiter
	// crowd is shared by callers for whom there is no room, as of swept.
	crowd *rate.Limiter
	swept time.Time
}

// newLimits allows perSecond requests in the long run, and as many as come in
// two seconds at once.
func newLimits(perSecond float64) *limits {
	l := &limits{
		rate: rate.Limit(perSecond), burst: max(1, int(2*perSecond)),
		buckets: make(map[string]*rate.Limiter),
	}
	l.crowd = rate.NewLimiter(l.rate, l.burst)
	return l
}

// take returns zero if the caller may go on, else how long it should wait.
func (l *limits) take(bucket string, now time.Time) time.Duration {
	reserved := l.bucket(bucket, now).ReserveN(now, 1)
	wait := reserved.DelayFrom(now)
	if wait > 0 {
		reserved.CancelAt(now)
	}
	return wait
}

func (l *limits) bucket(name string, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.buckets[name]; b != nil {
		return b
	}
	if len(l.buckets) >= maxBuckets && now.Sub(l.swept) >= sweepPause {
		// A full bucket remembers nothing: a new one is equal to it.
		for name, b := range l.buckets {
			if b.TokensAt(now) >= float64(l.burst) {
				delete(l.buckets, name)
			}
		}
		l.swept = now
	}
	if len(l.buckets) >= maxBuckets {
		return l.crowd
	}
	b := rate.NewLimiter(l.rate, l.burst)
	l.buckets[name] = b
	return b
}
