package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
)

// once sends a request and returns by what the publisher would know it again.
func (w *world) once(t *testing.T, body string, edit ...func(*http.Request)) publisher.Once {
	t.Helper()
	w.fake.requests = nil
	if a := w.post(body, edit...); a.status >= 300 || len(w.fake.requests) != 1 {
		t.Fatalf("answer = %v", a)
	}
	return w.fake.requests[0].Once
}

func TestIdempotencyKey(t *testing.T) {
	w := newWorld(t)
	k := func(key string) func(*http.Request) { return header("Idempotency-Key", key) }
	if got := w.once(t, userByID); !got.IsZero() {
		t.Errorf("without a key: %x, want nothing", got)
	}
	first := w.once(t, userByID, k("a"))
	if got := w.once(t, userByID, k("a")); got != first || got.IsZero() {
		t.Errorf("the same request is known as %x, then as %x", first, got)
	}
	// Another key, and the key of another caller, are other requests.
	for name, got := range map[string]publisher.Once{
		"another key":      w.once(t, userByID, k("b")),
		"another caller":   w.once(t, userByID, k("a"), bearer(keyOfOperator)),
		"a line":           w.once(t, userByID, k("a"), header("Content-Type", "application/x-ndjson")),
		"as if for a line": w.once(t, userByID, k("a1")),
	} {
		if got.Key == first.Key || got.Request != first.Request {
			t.Errorf("%s: %x, want another key than %x for the same request", name, got, first)
		}
	}
	// Another body is found out.
	if got := w.once(t, `{"kind":"user","id":"sub-2"}`, k("a")); got.Key != first.Key || got.Request == first.Request {
		t.Errorf("another body: %x, want the key of %x with another request", got, first)
	}
	// Each line of a batch is a request of its own.
	w.fake.requests = nil
	w.batch(userByID+"\n"+userByID, k("a")).lines(t)
	if a, b := w.fake.requests[0].Once.Key, w.fake.requests[1].Once.Key; a == b || a == first.Key || b == first.Key {
		t.Errorf("lines are known as %x and %x", a, b)
	}
}

func TestIdempotencyKeyRefused(t *testing.T) {
	for _, values := range [][]string{{""}, {"a b"}, {"a\tb"}, {"ä"}, {strings.Repeat("x", 256)}, {"a", "a"}} {
		w := newWorld(t)
		w.post(userByID, header("Idempotency-Key", values...)).
			wantProblem(t, http.StatusBadRequest, api.ProblemMalformed, "Idempotency-Key")
		w.fake.quiet(t)
	}
}
