package service_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// The lines of a batch reach nodes in fewer messages than there are lines, and
// every one of them does. So does the stream, for a node that starts later.
func TestLinesOfABatchShareMessages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const lines = 1000
	id := func(i int) string { return fmt.Sprintf("session-%d", i) }
	var body bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&body, `{"kind":"session","id":%q,"cognito":"skip"}`+"\n", id(i))
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.svc.AdminURL()+"/v1/revocations", &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", "application/x-ndjson")
	got := b.do(req)
	if n := strings.Count(got.body, `"status":201`); got.status != http.StatusOK || n != lines {
		t.Fatalf("status %d, %d lines accepted, want %d", got.status, n, lines)
	}

	js, names := b.jetStream()
	stored, err := js.Stream(t.Context(), names.Events())
	if err != nil {
		t.Fatal(err)
	}
	info, err := stored.Info(t.Context(), jetstream.WithSubjectFilter(names.Event()))
	if err != nil {
		t.Fatal(err)
	}
	if n := info.State.Subjects[names.Event()]; n == 0 || n > lines/2 {
		t.Errorf("%d messages for %d lines that come together", n, lines)
	}
	late := b.openAnother(t)
	for i := range lines {
		tok := revocation.Token{Pool: b.demo.Pool.ID(), OriginJTI: id(i), IssuedAt: 1}
		waitFor(t, "the node to refuse "+id(i), func() bool { return b.node.Check(tok) != nil })
		if late.Check(tok) == nil {
			t.Fatalf("a node that started later accepts %s", id(i))
		}
	}
	if err := b.node.Check(revocation.Token{Pool: b.demo.Pool.ID(), OriginJTI: "another", IssuedAt: 1}); err != nil {
		t.Errorf("another session is refused: %v", err)
	}
}
