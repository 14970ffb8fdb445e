package publisher_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// sentinel marks everything that must appear in no log, whatever goes wrong.
const sentinel = "sentinel-"

// secretWorld is one full of sentinels, at the most talkative log level.
func secretWorld() (*world, []publisher.Request, publisher.Presented) {
	w := newWorld()
	w.fresh = publisher.Refreshed{AccessToken: sentinel + "access-2", RefreshToken: sentinel + "refresh-2"}
	w.names[w.fresh.AccessToken] = revocation.Token{Pool: poolID, ClientID: clientID, OriginJTI: "session-1"}
	user, session := userRequest(), sessionRequest()
	user.Reason, user.Operator = sentinel+"reason", sentinel+"operator"
	session.Grant = &publisher.Grant{
		ClientID: clientID, RefreshToken: sentinel + "refresh-1", AccessToken: sentinel + "access-1",
	}
	return w, []publisher.Request{user, session}, publisher.Presented{
		Pool: poolID, ClientID: clientID, RefreshToken: sentinel + "refresh-1", Operator: sentinel + "operator",
	}
}

func TestNoSecretIsLogged(t *testing.T) {
	lines := 0
	// The effect with index fail fails, and the one after the next.
	for fail := range 20 {
		synctest.Test(t, func(t *testing.T) {
			w, requests, in := secretWorld()
			w.fault = func(i int, _ string) verdict {
				if i == fail || i == fail+2 {
					return refuse
				}
				return succeed
			}
			pr := w.start(t, func(cfg *publisher.Config) {
				cfg.Logger = zerolog.New(w.logs).Level(zerolog.TraceLevel)
			})
			for _, req := range requests {
				pr.Revoke(t.Context(), req)
				time.Sleep(time.Minute)
			}
			pr.RevokeSession(t.Context(), in)
			req := target(revocation.KindToken)
			req.Target.ID = sentinel + "\n"
			pr.Revoke(t.Context(), req)
			time.Sleep(time.Minute)
			pr.Close()
			lines += strings.Count(w.log.String(), "\n")
			for line := range strings.Lines(w.log.String()) {
				if strings.Contains(line, sentinel) {
					t.Errorf("logged: %s", line)
				}
				if !strings.Contains(line, `"component":"publisher"`) {
					t.Errorf("a line without its component: %s", line)
				}
			}
		})
	}
	if lines < 100 {
		t.Errorf("%d lines were logged, too few to prove anything", lines)
	}
}

// What is published to nodes carries ids only.
func TestNoSecretIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, requests, in := secretWorld()
		bus := &wiretap{}
		pr := w.start(t, func(cfg *publisher.Config) { bus.Bus, cfg.Bus = cfg.Bus, bus })
		for _, req := range requests {
			pr.revoke(t, req)
		}
		if _, err := pr.RevokeSession(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		pr.Close()
		all := bus.text()
		if !strings.Contains(all, "session-1") {
			t.Fatal("the wiretap hears nothing")
		}
		if strings.Contains(all, sentinel) {
			t.Errorf("published: %q", all)
		}
	})
}

// A line of an operator's log tells what became of each revocation.
func TestLogTellsTheStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		pr := w.start(t)
		s := pr.revoke(t, userRequest())
		time.Sleep(time.Minute)
		pr.Close()
		log := w.log.String()
		if strings.Count(log, s.Act.ID.String()) != 2 || !strings.Contains(log, "revocation accepted") || !strings.Contains(log, "revocation concluded") {
			t.Errorf("log of an undisturbed revocation:\n%swant one line when accepted, one when concluded", log)
		}
	})
}

// wiretap is a Bus that keeps what passes.
type wiretap struct {
	publisher.Bus
	mu    sync.Mutex // guards the field below
	heard []byte
}

func (b *wiretap) hear(payload []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = append(b.heard, payload...)
}

func (b *wiretap) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.heard)
}

func (b *wiretap) Fast(ctx context.Context, payload []byte) error {
	b.hear(payload)
	return b.Bus.Fast(ctx, payload)
}

func (b *wiretap) AppendAct(ctx context.Context, payload []byte, ttl time.Duration) (uint64, error) {
	b.hear(payload)
	return b.Bus.AppendAct(ctx, payload, ttl)
}

func (b *wiretap) AppendBeat(ctx context.Context, payload []byte, ttl time.Duration) error {
	b.hear(payload)
	return b.Bus.AppendBeat(ctx, payload, ttl)
}
