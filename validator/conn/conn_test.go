package conn_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed-4e8dee1b/revoked/internal/testbed"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/conn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute

func newRegistry(t *testing.T, bed *testbed.Bed) *conn.Registry {
	t.Helper()
	r, err := conn.New(conn.Config{Denylist: bed.Denylist})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// ended waits for the end of ctx and returns its cause.
func ended(ctx context.Context, t *testing.T) error {
	t.Helper()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(patience):
		t.Fatal("the context has not ended")
		return nil
	}
}

// Every kind of act ends what it refuses, names itself as the cause, and ends
// nothing else.
func TestActsEndWhatTheyRefuse(t *testing.T) {
	bed := testbed.New(t, subscriber.Config{})
	streams := newRegistry(t, bed)
	now := time.Now().Unix()
	named := func(name string) revocation.Token {
		return revocation.Token{
			Pool: "pool-of-" + name, JTI: "jti-" + name, OriginJTI: "session-" + name, Subject: "sub-" + name,
			ClientID: "client-" + name, DeviceKey: "device-" + name, Groups: []string{"staff", "group-" + name},
			IssuedAt: now, AuthTime: now, ExpiresAt: now + 3600,
		}
	}
	for _, kind := range revocation.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			// Of one pool; what the kind names differs.
			hit, other := named(kind.String()), named("other "+kind.String())
			if kind != revocation.KindPool {
				other.Pool = hit.Pool
			}
			target := revocation.Target{Kind: kind, Pool: hit.Pool}
			switch kind {
			case revocation.KindToken:
				target.ID = hit.JTI
			case revocation.KindSession:
				target.ID = hit.OriginJTI
			case revocation.KindUser:
				target.ID = hit.Subject
			case revocation.KindClient:
				target.ID = hit.ClientID
			case revocation.KindGroup:
				target.ID = hit.Groups[1]
			case revocation.KindDevice:
				target.ID = hit.DeviceKey
			}
			a := revocation.Act{Target: target}
			if kind.HasCutoff() {
				a.Basis, a.Cutoff = revocation.BasisSession, hit.IssuedAt
			}
			ctx, release := streams.Bind(t.Context(), hit, validator.FailClosed)
			defer release()
			spared, releaseSpared := streams.Bind(t.Context(), other, validator.FailClosed)
			defer releaseSpared()
			a = bed.Revoke(t, a)
			cause, ok := errors.AsType[*revocation.RevokedError](ended(ctx, t))
			if !ok || cause.Act != a.ID || cause.Kind != kind {
				t.Errorf("cause %v, want act %s of kind %s", context.Cause(ctx), a.ID, kind)
			}
			// The act's other streams were ended before a later act's: this one
			// goes through the same queue.
			late, releaseLate := streams.Bind(t.Context(), hit, validator.FailOpen)
			defer releaseLate()
			if !errors.Is(ended(late, t), revocation.ErrRevoked) {
				t.Errorf("a stream opened after the act: cause %v, want ErrRevoked", context.Cause(late))
			}
			if spared.Err() != nil {
				t.Errorf("another token's stream has ended: %v", context.Cause(spared))
			}
		})
	}
}

// A stream that opens while its token is being revoked ends all the same.
func TestNoActFallsBetween(t *testing.T) {
	bed := testbed.New(t, subscriber.Config{})
	streams := newRegistry(t, bed)
	base := bed.Claims(t, bed.SignIn(t))
	for i := range 200 {
		tok := base
		tok.OriginJTI = base.OriginJTI + strings.Repeat("x", i)
		var opening sync.WaitGroup
		for range 4 {
			opening.Go(func() {
				ctx, release := streams.Bind(context.Background(), tok, validator.FailClosed)
				defer release()
				select {
				case <-ctx.Done():
				case <-time.After(patience):
					t.Errorf("round %d: the stream of a revoked session goes on", i)
				}
			})
		}
		bed.RevokeSession(t, tok)
		opening.Wait()
	}
}

func TestExpiryEndsStreams(t *testing.T) {
	bed := testbed.New(t, subscriber.Config{})
	r, err := conn.New(conn.Config{Denylist: bed.Denylist, Skew: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tok := bed.Claims(t, bed.SignIn(t))
	for _, exp := range []int64{time.Now().Unix() - 10, time.Now().Unix() + 1} {
		tok.ExpiresAt = exp
		ctx, release := r.Bind(t.Context(), tok, validator.FailOpen)
		if cause := ended(ctx, t); !errors.Is(cause, conn.ErrExpired) {
			t.Errorf("cause %v, want ErrExpired", cause)
		}
		if now := time.Now().Unix(); now < exp {
			t.Errorf("ended at %d, before exp %d", now, exp)
		}
		release()
	}
}

// Without news of acts a stream that fails closed ends, and one that fails open
// goes on until its token is known to be revoked.
func TestStaleDenylist(t *testing.T) {
	bed := testbed.New(t, subscriber.Config{MaxStaleness: 3 * time.Second})
	streams := newRegistry(t, bed)
	tok := bed.Claims(t, bed.SignIn(t))
	closed, release := streams.Bind(t.Context(), tok, validator.FailClosed)
	defer release()
	open, releaseOpen := streams.Bind(t.Context(), tok, validator.FailOpen)
	defer releaseOpen()
	bed.Broker.Stop()
	if cause := ended(closed, t); !errors.Is(cause, revocation.ErrStale) {
		t.Errorf("cause %v, want ErrStale", cause)
	}
	if open.Err() != nil {
		t.Errorf("the stream that fails open has ended: %v", context.Cause(open))
	}
	late, releaseLate := streams.Bind(t.Context(), tok, validator.FailClosed)
	defer releaseLate()
	if late.Err() == nil || !errors.Is(context.Cause(late), revocation.ErrStale) {
		t.Errorf("a stream opened while stale: %v, want ErrStale", context.Cause(late))
	}
	if err := bed.Broker.Restart(); err != nil {
		t.Fatal(err)
	}
	bed.RevokeSession(t, tok)
	if cause := ended(open, t); !errors.Is(cause, revocation.ErrRevoked) {
		t.Errorf("cause %v, want ErrRevoked", cause)
	}
}

// One act on a user cuts all of that user's streams, and no other one.
func TestManyStreams(t *testing.T) {
	many := testbed.Streams(t)
	others := many / 10
	bed := testbed.New(t, subscriber.Config{})
	streams := newRegistry(t, bed)
	tok := bed.Claims(t, bed.SignIn(t))
	another := tok
	another.Subject, another.OriginJTI = "somebody else", "another session"

	ended := make(chan time.Time, many)
	var running sync.WaitGroup
	before := runtime.NumGoroutine()
	releases := make([]func(), 0, many+others)
	for range many {
		ctx, release := streams.Bind(t.Context(), tok, validator.FailClosed)
		releases = append(releases, release)
		running.Go(func() { // the stream's own
			<-ctx.Done()
			ended <- time.Now()
		})
	}
	spared := make([]context.Context, others)
	for i := range spared {
		ctx, release := streams.Bind(t.Context(), another, validator.FailClosed)
		spared[i] = ctx //nolint:fatcontext // each is a context of its own
		releases = append(releases, release)
	}
	if got := runtime.NumGoroutine() - before; got > many+10 {
		t.Errorf("%d goroutines for %d streams that have one each", got, many)
	}
	sent := time.Now()
	bed.RevokeUser(t, tok)
	running.Wait()
	delays := make([]time.Duration, many)
	for i := range delays {
		delays[i] = (<-ended).Sub(sent)
	}
	slices.Sort(delays)
	t.Logf("sent to ended, %d streams of one user among %d: p50 %v, p99 %v, max %v; goroutines %d before, %d after",
		many, many+others, delays[many/2], delays[many*99/100], delays[many-1], before, runtime.NumGoroutine())
	for _, ctx := range spared {
		if ctx.Err() != nil {
			t.Fatalf("another user's stream has ended: %v", context.Cause(ctx))
		}
	}
	if streams.Open() != many+others {
		t.Errorf("%d contexts open, want %d until they are released", streams.Open(), many+others)
	}
	for _, release := range releases {
		release()
		release() // harmless
	}
	if streams.Open() != 0 {
		t.Errorf("%d contexts open after all were released", streams.Open())
	}
}

func TestClose(t *testing.T) {
	bed := testbed.New(t, subscriber.Config{})
	streams := newRegistry(t, bed)
	tok := bed.Claims(t, bed.SignIn(t))
	ctx, release := streams.Bind(t.Context(), tok, validator.FailOpen)
	defer release()
	for range 2 {
		if err := streams.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if ctx.Err() == nil || !errors.Is(context.Cause(ctx), conn.ErrClosed) {
		t.Errorf("cause after Close: %v, want ErrClosed", context.Cause(ctx))
	}
	late, releaseLate := streams.Bind(t.Context(), tok, validator.FailOpen)
	defer releaseLate()
	if !errors.Is(context.Cause(late), conn.ErrClosed) {
		t.Errorf("cause of a context bound after Close: %v, want ErrClosed", context.Cause(late))
	}
	bed.RevokeSession(t, tok) // nobody listens any more
}

func TestConfig(t *testing.T) {
	for _, test := range []struct {
		cfg  conn.Config
		want string
	}{
		{conn.Config{}, "Config.Denylist is nil"},
		{conn.Config{Denylist: new(subscriber.Subscriber), Skew: -1}, "Config.Skew is -1ns"},
		{conn.Config{Denylist: new(subscriber.Subscriber), Skew: revocation.MaxLeeway + 1}, "Config.Skew"},
	} {
		if _, err := conn.New(test.cfg); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("New = %v, want %q", err, test.want)
		}
	}
}
