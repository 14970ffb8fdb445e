package api

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// One at a time for each name, none of two names, and nothing stays behind.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all turns
		began, busy := time.Now(), 0
		var requests sync.WaitGroup
		for range 10 {
			requests.Go(func() {
				free, err := all.take(t.Context(), "a", "b")
				if err != nil {
					t.Error(err)
					return
				}
				defer free()
				if busy++; busy != 1 {
					t.Errorf("%d at once", busy)
				}
				time.Sleep(time.Second)
				busy--
			})
		}
		time.Sleep(500 * time.Millisecond)
		free, err := all.take(t.Context(), "a", "c")
		if err != nil || time.Since(began) != 500*time.Millisecond {
			t.Errorf("another name waits: %v, %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := all.take(ctx, "a", "c"); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a turn that does not come: %v", err)
		}
		free()
		requests.Wait()
		if took := time.Since(began); took != 10*time.Second || len(all.all) != 0 {
			t.Errorf("ten took %v, and %d names are left", took, len(all.all))
		}
	})
}
