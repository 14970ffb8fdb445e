package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/publisher/members"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// openEvents begins an event stream in a goroutine; what it answers is
// complete once the channel is closed.
func (w *world) openEvents(edit ...func(*http.Request)) (*answer, <-chan struct{}) {
	var a answer
	done := make(chan struct{})
	go func() {
		defer close(done)
		a = w.get("/v1/events", edit...)
	}()
	synctest.Wait()
	return &a, done
}

// tell has every stream hear of an act.
func (f *fakeFleet) tell(a revocation.Act) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, act := range f.act {
		act(a)
	}
}

func (f *fakeFleet) tellLeg(id revocation.ActID, l publisher.Leg) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, leg := range f.leg {
		leg(id, l)
	}
}

// eventLines shows each event as a word or two.
func eventLines(t *testing.T, body string) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(body) {
		text, found := strings.CutPrefix(line, "data: ")
		if !found {
			continue
		}
		var e struct {
			Event, Change, Reason string
			LastEventID           string `json:"last_event_id"`
			Node                  struct{ Node, State string }
			Act                   struct{ ID, State, Target string }
			ID                    string
			Cognito               struct{ State string }
			Receipt               struct{ Enforced int }
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		switch e.Event {
		case "hello":
			lines = append(lines, strings.TrimSpace("hello "+e.LastEventID))
		case "node":
			lines = append(lines, fmt.Sprintf("node %s %s %s", e.Change, e.Node.Node, e.Node.State))
		case "act":
			lines = append(lines, fmt.Sprintf("act %s %s", e.Act.Target, e.Act.State))
		case "leg":
			lines = append(lines, "leg "+e.Cognito.State)
		case "receipt":
			lines = append(lines, fmt.Sprintf("receipt %d", e.Receipt.Enforced))
		default:
			lines = append(lines, strings.TrimSpace(e.Event+" "+e.Reason))
		}
	}
	return lines
}

func TestEventsAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopping := make(chan struct{})
		w := newAdminWorld(t, func(c *api.AdminConfig) { c.Stopping = stopping })
		w.fake.found = []publisher.Status{w.fake.status(revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: "sub-1"})}
		w.fleet.nodes = []members.Member{{Service: "orders", Node: "a", State: "live", Policy: "fail-closed"}}
		w.fleet.receipt = members.Receipt{Met: true, Enforced: 47, Total: 47}
		answered, done := w.openEvents(header("Authorization", "Bearer "+keyOfViewer), header("Last-Event-ID", "ABC.7"))

		act := revocation.Act{
			ID: revocation.ActID{9}, State: revocation.StateOpen, ExpiresAt: moment.Unix(),
			Target: revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: "sub-9"},
		}
		for _, state := range []revocation.State{
			revocation.StateOpen, revocation.StateOpen, revocation.StateConfirmed, revocation.StateOpen, revocation.StateLifted, revocation.StateConfirmed,
		} {
			act.State = state
			w.fleet.tell(act)
		}
		pending := publisher.Leg{State: publisher.LegPending}
		for _, leg := range []publisher.Leg{pending, pending, {State: publisher.LegDone, Attempts: 1, DoneAt: moment}} {
			w.fleet.tellLeg(act.ID, leg)
		}
		synctest.Wait()
		w.get("/v1/revocations/" + knownID + "?wait=all")
		w.fleet.mu.Lock()
		w.fleet.nodes = []members.Member{{Service: "orders", Node: "b", State: "catching_up", Policy: "fail-closed"}}
		w.fleet.mu.Unlock()
		time.Sleep(2 * time.Second)
		w.fleet.mu.Lock()
		w.fleet.nodes[0].State, w.fleet.nodes[0].Sequence = "live", 7
		w.fleet.mu.Unlock()
		time.Sleep(2 * time.Second)
		w.fleet.mu.Lock()
		w.fleet.nodes[0].Sequence = 8 // is no news
		w.fleet.mu.Unlock()
		time.Sleep(15 * time.Second)
		close(stopping)
		<-done

		want := []string{
			"hello ABC.7", "node present a live", "ready",
			"act sub-9 open", "act sub-9 confirmed", "act sub-9 lifted", "leg pending", "leg done", "receipt 47",
			"node came b catching_up", "node gone a live", "node changed b live", "end stopping",
		}
		if diff := cmp.Diff(want, eventLines(t, answered.body)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if got := answered.header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("Content-Type = %q", got)
		}
		if n := strings.Count(answered.body, ": heartbeat\n\n"); n != 1 {
			t.Errorf("%d heartbeats in 19 s, want 1", n)
		}
		if w.fleet.stopped != 1 {
			t.Error("the feed is still watched")
		}
	})
}

// gated is a client that does not read until it is let.
type gated struct {
	*httptest.ResponseRecorder
	open chan struct{}
}

func (g gated) Write(b []byte) (int, error) {
	<-g.open
	return g.ResponseRecorder.Write(b)
}

// Who does not read is cut, and nobody who tells waits for it.
func TestSlowReaderIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAdminWorld(t, func(*api.AdminConfig) {})
		client := gated{httptest.NewRecorder(), make(chan struct{})}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/events", nil)
		r.Header.Set("Authorization", "Bearer "+key)
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.admin.ServeHTTP(client, r)
		}()
		synctest.Wait()
		began := time.Now()
		for i := range 5000 {
			w.fleet.tell(revocation.Act{ID: revocation.ActID{1, byte(i), byte(i >> 8)}, State: revocation.StateOpen})
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("telling waits for %v", took)
		}
		close(client.open)
		<-done
		lines := eventLines(t, client.Body.String())
		if last := lines[len(lines)-1]; last != "end slow" {
			t.Errorf("the last of %d events is %q, want end slow", len(lines), last)
		}
	})
}

// endingTokens accepts access tokens until they are revoked.
type endingTokens struct {
	fakeTokens
	revoked *atomic.Bool
}

func (e endingTokens) Authority(ctx context.Context, token string) (api.Token, error) {
	if e.revoked.Load() {
		return api.Token{}, fmt.Errorf("%w: revoked", api.ErrInvalidToken)
	}
	return e.fakeTokens.Authority(ctx, token)
}

// A revoked access token does not follow revocations for long.
func TestEventsEndWithTheCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var revoked atomic.Bool
		w := newAdminWorld(t, func(c *api.AdminConfig) { c.Tokens = endingTokens{revoked: &revoked} })
		answered, done := w.openEvents(bearer("viewer.of.console"))
		time.Sleep(time.Minute)
		synctest.Wait()
		select {
		case <-done:
			t.Fatalf("the stream has ended: %v", answered)
		default:
		}
		revoked.Store(true)
		time.Sleep(16 * time.Second)
		<-done
		if !strings.Contains(answered.body, `"reason":"unauthorized"`) {
			t.Errorf("the stream ends with\n%s", answered.body)
		}
	})
}

func TestEventStreamsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopping := make(chan struct{})
		w := newAdminWorld(t, func(c *api.AdminConfig) { c.Stopping = stopping })
		var all []<-chan struct{}
		for range 16 {
			_, done := w.openEvents()
			all = append(all, done)
		}
		w.get("/v1/events").wantProblem(t, http.StatusTooManyRequests, api.ProblemRateLimited, "")
		_, other := w.openEvents(header("Authorization", "Bearer "+keyOfViewer))
		close(stopping)
		for _, done := range append(all, other) {
			<-done
		}
		if a := w.get("/v1/events"); a.status != http.StatusOK {
			t.Errorf("after all have ended: %v", a)
		}
	})
}

func TestEventsTakeNoParameters(t *testing.T) {
	newWorld(t).get("/v1/events?since=1").wantProblem(t, http.StatusBadRequest, api.ProblemMalformed, "")
}
