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
			w.reset()
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

// reset removes every stream and makes those that belong here again.
func (w *world) reset() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	all := w.js.StreamNames(ctx)
	for name := range all.Name() {
		if err := w.js.DeleteStream(ctx, name); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := all.Err(); err != nil {
		w.t.Fatal(err)
	}
	w.provision()
}
