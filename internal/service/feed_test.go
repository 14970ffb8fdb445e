package service_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/service"
)

// follow reads the events of a replica. The channel is closed at the stream's
// end.
func (b *bench) follow(svc *service.Service) <-chan string {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, svc.AdminURL()+"/v1/events", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		b.t.Fatalf("GET /v1/events = %s", resp.Status)
	}
	told := make(chan string, 1000)
	go func() {
		defer close(told)
		defer resp.Body.Close()
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			if text, found := strings.CutPrefix(in.Text(), "data: "); found {
				told <- text
			}
		}
	}()
	return told
}

// awaitEvent waits for an event that has all of the texts.
func awaitEvent(t *testing.T, told <-chan string, texts ...string) {
	t.Helper()
	timeout := time.After(bounded)
next:
	for {
		select {
		case event, open := <-told:
			if !open {
				t.Fatalf("the stream ended before an event with %q", texts)
			}
			if !json.Valid([]byte(event)) {
				t.Errorf("event %s is no JSON", event)
			}
			for _, text := range texts {
				if !strings.Contains(event, text) {
					continue next
				}
			}
			return
		case <-timeout:
			t.Fatalf("no event with %q", texts)
		}
	}
}

// What one replica does is told by another; both streams end when theirs stops.
func TestEventsOfAnotherReplica(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	cfg := b.config()
	cfg.ServiceID = "revoked-2"
	second, err := service.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { second.Close() })
	waitFor(t, "the second replica", func() bool {
		resp, err := http.Get(second.MetricsURL() + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	told := b.follow(second)
	awaitEvent(t, told, `"event":"ready"`)
	b.openNode()
	awaitEvent(t, told, `"event":"node"`, `"change":"came"`)

	tokens := b.signIn(b.demo.Client, b.demo.Ada)
	sub := claimsOf(t, tokens.AccessToken).Subject
	var rev struct{ ID string }
	if a := b.admin(http.MethodPost, "/v1/revocations", map[string]string{"kind": "user", "id": sub, "reason": "laptop stolen"}, &rev); a.status != http.StatusCreated {
		t.Fatal(a)
	}
	awaitEvent(t, told, `"event":"act"`, rev.ID, `"target":"`+sub+`"`)
	awaitEvent(t, told, `"event":"leg"`, rev.ID, `"state":"done"`)

	began := time.Now()
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	awaitEvent(t, told, `"event":"end"`, "stopping")
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("an open event stream kept the service from stopping for %v", took)
	}
}
