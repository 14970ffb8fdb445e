package api

import (
	"fmt"
	"testing"
	"time"
)

// However many callers come, memory is bounded, and nobody is unlimited.
func TestBucketsAreBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	l := newLimits(1)
	for i := range maxBuckets {
		if wait := l.take(fmt.Sprint(i), now); wait != 0 {
			t.Fatalf("caller %d waits %v at its first request", i, wait)
		}
	}
	// No room: these share one bucket.
	allowed := 0
	for i := range 100 {
		if l.take(fmt.Sprint("late", i), now) == 0 {
			allowed++
		}
	}
	if allowed != l.burst || len(l.buckets) != maxBuckets {
		t.Errorf("%d of the crowd pass, with %d buckets; want %d and %d", allowed, len(l.buckets), l.burst, maxBuckets)
	}
	// Who has been quiet for long gives up its place.
	if l.take("later", now.Add(time.Minute)); len(l.buckets) != 1 {
		t.Errorf("%d buckets a minute later, want 1", len(l.buckets))
	}
}
