package nats_test

import (
	"context"
	"time"

	"github.com/google/go-cmp/cmp"
)

// mustWork lets somebody do the attempt who may, and returns the effect. It
// leaves the streams as they were.
func (w *world) mustWork(a attempt) string {
	w.t.Helper()
	before, taps := w.stored(), w.seen()
	atk := w.attempt(a.control, a)
	if atk.err != nil {
		w.t.Errorf("%s as %s: %v", a.what, a.control, atk.err)
		return "failed"
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		switch {
		case !cmp.Equal(before, w.stored()):
			w.mend(before)
			return "streams changed"
		case !cmp.Equal(taps, w.seen()):
			return "delivered"
		case atk.answers > 0:
			return "answered"
		}
		if n, _, err := w.victim.Pending(); err == nil && n > 0 {
			w.victim.NextMsg(time.Second)
			return "delivered"
		}
	}
	w.t.Errorf("%s as %s has no effect: the attempt proves nothing", a.what, a.control)
	return "none"
}

// mend makes anew the streams that are not as they were. What has only grown
// may stay.
func (w *world) mend(before stored) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	after := w.stored()
	lost := after.Removed > before.Removed
	for subject, n := range before.Subjects {
		lost = lost || after.Subjects[subject] < n
	}
	for name, config := range after.Streams {
		if lost || before.Streams[name] != config {
			if err := w.js.DeleteStream(ctx, name); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	if lost || !cmp.Equal(before.Streams, after.Streams) {
		w.provision()
	}
}
