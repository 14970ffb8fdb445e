package publisher

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// sentMessage is one that a post was given.
type sentMessage struct {
	acts []revocation.Act
	sent time.Time
	size int
	ttl  time.Duration
}

// post is what a gatherer sends to: each message waits for its outcome.
type post struct {
	outcome chan error // nil for sent
	mu      sync.Mutex
	sent    []sentMessage
}

func (p *post) send(ctx context.Context, payload []byte, ttl time.Duration) (uint64, error) {
	m, err := revocation.Decode(payload)
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	p.sent = append(p.sent, sentMessage{acts: m.Acts, sent: m.SentAt, size: len(payload), ttl: ttl})
	sequence := uint64(len(p.sent))
	p.mu.Unlock()
	select {
	case err := <-p.outcome:
		return sequence, err
	case <-ctx.Done():
		return 0, errSendingEnded
	}
}

func (p *post) messages() []sentMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]sentMessage{}, p.sent...)
}

var errSendingEnded = errors.New("sending has ended")

// result is what publish has returned.
type result struct {
	sequence uint64
	err      error
}

// start publishes an act of a session with an id of that length, and returns once
// it waits.
func start(ctx context.Context, g *gatherer, length int, ttl time.Duration) <-chan result {
	act := revocation.Act{
		ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: time.Now().Add(time.Hour).Unix(),
		Target: revocation.Target{Kind: revocation.KindSession, Pool: "eu-west-1_Pool00001", ID: strings.Repeat("s", length)},
	}
	got := make(chan result, 1)
	go func() {
		sequence, err := g.publish(ctx, act, ttl)
		got <- result{sequence, err}
	}()
	synctest.Wait()
	return got
}

func newPost() (*post, *gatherer) {
	p := &post{outcome: make(chan error)}
	return p, &gatherer{send: p.send}
}

func TestActsThatComeMeanwhileLeaveTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g := newPost()
		first := start(t.Context(), g, 8, time.Hour)
		began := time.Now()
		second := start(t.Context(), g, 8, time.Minute)
		time.Sleep(time.Second)
		third := start(t.Context(), g, 8, 2*time.Hour)
		fourth := start(t.Context(), g, 8, time.Second)
		if sent := p.messages(); len(sent) != 1 || len(sent[0].acts) != 1 {
			t.Fatalf("%d messages under way, want 1 of one act", len(sent))
		}

		p.outcome <- nil
		synctest.Wait()
		sent := p.messages()
		if len(sent) != 2 || len(sent[1].acts) != 3 {
			t.Fatalf("%d messages, want a second with the 3 acts that waited", len(sent))
		}
		if m := sent[1]; m.ttl != 2*time.Hour || !m.sent.Equal(began) {
			t.Errorf("the message is kept for %v and dated %v, want the longest time of its acts and the date of its first", m.ttl, m.sent)
		}
		p.outcome <- nil
		if r := <-first; r != (result{sequence: 1}) {
			t.Errorf("alone: %v, want sequence 1", r)
		}
		for _, got := range []<-chan result{second, third, fourth} {
			if r := <-got; r != (result{sequence: 2}) {
				t.Errorf("together: %v, want sequence 2", r)
			}
		}
	})
}

// A message that took long to deliver, for there are many nodes, is followed by
// a pause in which acts gather, if some came meanwhile.
func TestPauseAsLongAsAMessageTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g := newPost()
		g.rest = 3
		for _, c := range []struct{ took, pause time.Duration }{
			{10 * time.Millisecond, 30 * time.Millisecond},
			{time.Minute, maxRest},
		} {
			before := len(p.messages())
			first := start(t.Context(), g, 8, time.Hour)
			second := start(t.Context(), g, 8, time.Hour)
			time.Sleep(c.took)
			p.outcome <- nil
			<-first
			time.Sleep(c.pause - time.Nanosecond)
			third := start(t.Context(), g, 8, time.Hour)
			if n := len(p.messages()) - before; n != 1 {
				t.Fatalf("%d messages within %v of one that took %v, want 1", n, c.pause, c.took)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			p.outcome <- nil
			if a, b := <-second, <-third; a.err != nil || a != b {
				t.Errorf("after the pause: %v and %v, want both in one message", a, b)
			}
		}
	})
}

// Who revokes one after the other waits for nothing.
func TestNoPauseForWhoIsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g := newPost()
		g.rest = 3
		for n := range 3 {
			alone := start(t.Context(), g, 8, time.Hour)
			if len(p.messages()) != n+1 {
				t.Fatal("an act does not leave though nothing is under way")
			}
			time.Sleep(10 * time.Millisecond)
			p.outcome <- nil
			if r := <-alone; r.err != nil {
				t.Fatal(r.err)
			}
		}
	})
}

// An act that finds nothing under way does not wait for the one before to settle
// in order to be reported, but to leave.
func TestNextMessageWaitsForSettling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g := newPost()
		settled := make(chan struct{})
		g.settle = func(ctx context.Context) error {
			select {
			case <-settled:
			case <-ctx.Done():
			}
			return nil
		}
		first := start(t.Context(), g, 8, time.Hour)
		p.outcome <- nil
		if r := <-first; r.err != nil {
			t.Fatalf("publish = %v", r.err)
		}
		second, third := start(t.Context(), g, 8, time.Hour), start(t.Context(), g, 8, time.Hour)
		if n := len(p.messages()); n != 1 {
			t.Fatalf("%d messages while the first settles, want 1", n)
		}
		settled <- struct{}{}
		p.outcome <- nil
		if a, b := <-second, <-third; a.sequence != 2 || b.sequence != 2 {
			t.Errorf("%v and %v, want both in the second message", a, b)
		}

		// A server that takes nothing holds up the next for a moment only.
		fourth := start(t.Context(), g, 8, time.Hour)
		time.Sleep(settleTimeout)
		p.outcome <- nil
		if r := <-fourth; r.sequence != 3 {
			t.Errorf("publish = %v, want sequence 3", r)
		}
		close(settled)
	})
}

func TestMessagesOfActsAreBounded(t *testing.T) {
	for name, c := range map[string]struct{ id, acts, messages int }{
		"many small ones": {id: 1, acts: 1200, messages: 3},
		"large ones":      {id: 256, acts: 1200, messages: 7},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, g := newPost()
				all := []<-chan result{start(t.Context(), g, c.id, time.Hour)}
				for range c.acts {
					all = append(all, start(t.Context(), g, c.id, time.Hour))
				}
				close(p.outcome)
				for _, got := range all {
					if r := <-got; r.err != nil {
						t.Fatalf("publish = %v", r.err)
					}
				}
				acts := 0
				for _, m := range p.messages() {
					acts += len(m.acts)
					if len(m.acts) > 500 || m.size > 64<<10 {
						t.Errorf("a message of %d acts and %d bytes", len(m.acts), m.size)
					}
				}
				if n := len(p.messages()); n != 1+c.messages || acts != 1+c.acts {
					t.Errorf("%d acts in %d messages, want %d in %d", acts, n, 1+c.acts, 1+c.messages)
				}
			})
		})
	}
}

func TestWhoGivesUpTakesNobodyAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g := newPost()
		ctx, giveUp := context.WithCancel(t.Context())
		first := start(ctx, g, 8, time.Hour)
		patient := start(t.Context(), g, 8, time.Hour)
		other := start(ctx, g, 8, time.Hour)
		giveUp()
		if r := <-first; !errors.Is(r.err, errSendingEnded) {
			t.Errorf("alone in its message: %v, want the error of sending", r.err)
		}
		if r := <-other; !errors.Is(r.err, context.Canceled) {
			t.Errorf("beside a patient one: %v, want context.Canceled", r.err)
		}
		p.outcome <- nil
		if r := <-patient; r != (result{sequence: 2}) {
			t.Errorf("the patient one: %v, want sequence 2", r)
		}
	})
}

// What waits behind a message that does not arrive can be given up at once, and
// is not sent any more then.
func TestGivenUpBehindAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g := newPost()
		first := start(t.Context(), g, 8, time.Hour)
		ctx, giveUp := context.WithTimeoutCause(t.Context(), time.Second, errors.New("enough"))
		defer giveUp()
		behind := start(ctx, g, 8, time.Hour)
		began := time.Now()
		if r := <-behind; r.err == nil || !strings.Contains(r.err.Error(), "enough") || time.Since(began) != time.Second {
			t.Errorf("behind another: %v after %v, want the cause after a second", r.err, time.Since(began))
		}
		p.outcome <- nil
		if r := <-first; r.err != nil {
			t.Errorf("the first: %v", r.err)
		}
		synctest.Wait()
		if n := len(p.messages()); n != 1 {
			t.Errorf("%d messages, want the first alone", n)
		}
	})
}

func TestEachLearnsThatItsMessageFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g := newPost()
		refused := errors.New("refused")
		first := start(t.Context(), g, 8, time.Hour)
		second, third := start(t.Context(), g, 8, time.Hour), start(t.Context(), g, 8, time.Hour)
		p.outcome <- nil
		p.outcome <- refused
		if a, b, c := <-first, <-second, <-third; a.err != nil || !errors.Is(b.err, refused) || !errors.Is(c.err, refused) {
			t.Errorf("errors %v, %v, %v, want the second message's for its two acts", a.err, b.err, c.err)
		}
	})
}

// A message names one trace, so that the nodes' spans lead to the right request.
func TestTracesDoNotShareMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		of := func(id byte) context.Context {
			return trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
				TraceID: trace.TraceID{id}, SpanID: trace.SpanID{id}, TraceFlags: trace.FlagsSampled,
			}))
		}
		p, g := newPost()
		all := []<-chan result{start(t.Context(), g, 8, time.Hour)}
		for _, ctx := range []context.Context{of(1), of(1), of(2), t.Context(), t.Context()} {
			all = append(all, start(ctx, g, 8, time.Hour))
		}
		close(p.outcome)
		var sequences []uint64
		for _, got := range all {
			sequences = append(sequences, (<-got).sequence)
		}
		if want := []uint64{1, 2, 2, 3, 4, 4}; !slices.Equal(sequences, want) {
			t.Errorf("messages %v, want %v", sequences, want)
		}
	})
}
