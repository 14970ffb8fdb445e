package publisher_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

func TestWrongRequests(t *testing.T) {
	exp := func(left time.Duration) func(*publisher.Request) {
		return func(r *publisher.Request) { r.ExpiresAt = time.Now().Add(left).Unix() }
	}
	for _, test := range []struct {
		name   string
		req    publisher.Request
		change func(*publisher.Request)
		field  string
	}{
		{"unknown pool", userRequest(), func(r *publisher.Request) { r.Target.Pool = "eu-west-1_Other" }, "pool"},
		{"no pool", userRequest(), func(r *publisher.Request) { r.Target.Pool = "" }, "pool"},
		{"no id", userRequest(), func(r *publisher.Request) { r.Target.ID = "" }, "target"},
		{"long id", userRequest(), func(r *publisher.Request) { r.Target.ID = strings.Repeat("x", revocation.MaxIDLength+1) }, "target"},
		{"unknown kind", userRequest(), func(r *publisher.Request) { r.Target.Kind = 99 }, "target"},
		{"pool with an id", target(revocation.KindPool), func(r *publisher.Request) { r.Target.ID = "x" }, "target"},
		{"exception of a client", target(revocation.KindClient), except, "target"},
		{"basis of a session", with(sessionRequest(), noGrant), sessionBasis, "basis"},
		{"basis of a token", target(revocation.KindToken), sessionBasis, "basis"},
		{"token basis of a user", userRequest(), func(r *publisher.Request) { r.Basis = revocation.BasisToken }, "basis"},
		{"unknown basis", target(revocation.KindClient), func(r *publisher.Request) { r.Basis = 9 }, "basis"},
		{"cutoff of a session", with(sessionRequest(), noGrant), cutoffIn(-hour), "cutoff"},
		{"cutoff of a token", target(revocation.KindToken), cutoffIn(-hour), "cutoff"},
		{"cutoff before 1970", userRequest(), func(r *publisher.Request) { r.Cutoff = -1 }, "cutoff"},
		{"cutoff three seconds ahead", userRequest(), cutoffIn(3 * time.Second), "cutoff"},
		{"cutoff in milliseconds", userRequest(), func(r *publisher.Request) { r.Cutoff = time.Now().UnixMilli() }, "cutoff"},
		{"cutoff, token basis, of tokens that have expired", target(revocation.KindClient), cutoffIn(-day - revocation.MaxLeeway - time.Second), "cutoff"},
		{"keep until a time that has passed", userRequest(), keepFor(-revocation.MaxLeeway), "keep_until"},
		{"keep until in milliseconds", userRequest(), func(r *publisher.Request) { r.KeepUntil = time.Now().UnixMilli() }, "keep_until"},
		{"keep until before 1970", userRequest(), func(r *publisher.Request) { r.KeepUntil = -1 }, "keep_until"},
		{"grant for a user", userRequest(), func(r *publisher.Request) { r.Grant = sessionRequest().Grant }, "grant"},
		{"grant without a client", sessionRequest(), func(r *publisher.Request) { r.Grant.ClientID = "" }, "grant"},
		{"grant without a refresh token", sessionRequest(), func(r *publisher.Request) { r.Grant.RefreshToken = "" }, "grant"},
		{"exp of a user", userRequest(), exp(hour), "expires_at"},
		{"exp has passed", target(revocation.KindToken), exp(-revocation.MaxLeeway), "expires_at"},
		{"exp has passed long ago", target(revocation.KindToken), exp(-day), "expires_at"},
		{"exp is in milliseconds", target(revocation.KindToken), func(r *publisher.Request) { r.ExpiresAt = time.Now().UnixMilli() }, "expires_at"},
		{"exp is negative", target(revocation.KindToken), func(r *publisher.Request) { r.ExpiresAt = -1 }, "expires_at"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				pr := w.start(t)
				s, err := pr.Revoke(t.Context(), with(test.req, test.change))
				wrong, ok := errors.AsType[*publisher.RequestError](err)
				if !ok || wrong.Field != test.field || wrong.Problem == "" || s != (publisher.Status{}) {
					t.Fatalf("Revoke = %+v, %v; want a RequestError for %s", s, err, test.field)
				}
				if !strings.Contains(err.Error(), wrong.Field+" "+wrong.Problem) {
					t.Errorf("message %q, want field and problem in it", err)
				}
				if got := w.history(); len(got) > 0 {
					t.Errorf("effects of a wrong request: %v", names(got))
				}
			})
		})
	}
}

// cutoffIn and keepFor set times relative to now.
func cutoffIn(d time.Duration) func(*publisher.Request) {
	return func(r *publisher.Request) { r.Cutoff = time.Now().Add(d).Unix() }
}

func keepFor(d time.Duration) func(*publisher.Request) {
	return func(r *publisher.Request) { r.KeepUntil = time.Now().Add(d).Unix() }
}

func TestWrongConfig(t *testing.T) {
	for _, test := range []struct {
		want   string
		change func(*publisher.Config)
	}{
		{"Pools is empty", func(c *publisher.Config) { c.Pools = nil }},
		{`Pools["eu-west-1_Test"].Cognito`, func(c *publisher.Config) { c.Pools = map[string]publisher.Pool{poolID: {}} }},
		{"Bus", func(c *publisher.Config) { c.Bus = nil }},
		{"Tasks", func(c *publisher.Config) { c.Tasks = nil }},
		{"View", func(c *publisher.Config) { c.View = nil }},
		{"Identify", func(c *publisher.Config) { c.Identify = nil }},
		{"ServiceID", func(c *publisher.Config) { c.ServiceID = "" }},
		{"Epoch", func(c *publisher.Config) { c.Epoch = "" }},
		{"LearnRate", func(c *publisher.Config) { c.LearnRate = -1 }},
	} {
		w := newWorld()
		cfg := w.config(&process{world: w})
		test.change(&cfg)
		p, err := publisher.New(cfg)
		if p != nil || err == nil || !strings.Contains(err.Error(), "Config."+test.want) {
			t.Errorf("New = %v, %v; want an error that names %s", p, err, test.want)
		}
	}
}

func TestErrorsSayWhatHappened(t *testing.T) {
	id := revocation.NewActID()
	notDurable := &publisher.NotDurableError{Act: id, FastOnly: true, Cause: errWorld}
	if !errors.Is(notDurable, publisher.ErrNotDurable) || !errors.Is(notDurable, errWorld) ||
		!strings.Contains(notDurable.Error(), id.String()) || !strings.Contains(notDurable.Error(), errWorld.Error()) {
		t.Errorf("%v: want it to wrap ErrNotDurable and the cause, and to name both and the act", notDurable)
	}
	plain := &publisher.CognitoError{Op: "RevokeToken", Code: "timeout", Retry: true}
	if got, want := plain.Error(), "cognito RevokeToken: timeout"; got != want || errors.Unwrap(plain) != nil {
		t.Errorf("%q wraps %v, want %q and nothing", got, errors.Unwrap(plain), want)
	}
	refused := &publisher.CognitoError{Op: "RevokeToken", Code: "UnauthorizedException", Err: publisher.ErrClientRefused}
	if !errors.Is(refused, publisher.ErrClientRefused) || !strings.Contains(refused.Error(), "UnauthorizedException: ") {
		t.Errorf("%v: want it to wrap ErrClientRefused", refused)
	}
}

// Nobody hears of it at all: neither the fast path nor the stream is there.
func TestNothingWasReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.fault = func(int, string) verdict { return refuse }
		_, err := w.start(t).Revoke(t.Context(), userRequest())
		failed, ok := errors.AsType[*publisher.NotDurableError](err)
		if !ok || failed.FastOnly {
			t.Errorf("Revoke = %+v, want a NotDurableError that does not claim the fast path", err)
		}
	})
}

// The view or the stream does not answer. The caller hears of it in time, and
// the act is made durable and confirmed later all the same.
func TestAnswerInTime(t *testing.T) {
	for _, slow := range []string{put, appendAct, await} {
		t.Run(slow, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.delay[slow] = 20 * time.Second
				pr := w.start(t)
				start := time.Now()
				_, err := pr.Revoke(t.Context(), userRequest())
				if failed, ok := errors.AsType[*publisher.NotDurableError](err); !ok || !failed.FastOnly {
					t.Errorf("Revoke = %v, want a NotDurableError with FastOnly", err)
				}
				if took := time.Since(start); took != 15*time.Second {
					t.Errorf("Revoke took %v, want 15 s", took)
				}
				copies := len(w.history(fast))
				if want := map[string]int{put: 15, appendAct: 15, await: 1}[slow]; copies < want || copies > want+1 {
					t.Errorf("%d fast copies, want one a second until it was given up or acknowledged", copies)
				}
				time.Sleep(5 * time.Minute)
				stored := w.tasks()
				if slow == put {
					if len(stored) > 0 {
						t.Errorf("stored: %+v, want nothing", stored)
					}
					return
				}
				if stored[0].Act.State != revocation.StateConfirmed || stored[0].Denied.Sequence == 0 {
					t.Errorf("task = %+v, want it published and confirmed", stored[0])
				}
				checkOrder(t, w)
			})
		})
	}
}
