package cognitotest_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"go.uber.org/goleak"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

func (w *world) signOut() error {
	_, err := w.aws.AdminUserGlobalSignOut(context.Background(), &cip.AdminUserGlobalSignOutInput{UserPoolId: new(w.pool.ID()), Username: &w.ada.Username})
	return err
}

func TestLimit(t *testing.T) {
	w := newWorld(t, atEpoch)
	w.srv.Limit(cognitotest.UserUpdate, 2)
	call := func(want ...bool) {
		t.Helper()
		for i, allowed := range want {
			err := w.signOut()
			_, throttled := errors.AsType[*types.TooManyRequestsException](err)
			if throttled == allowed || err != nil && !throttled {
				t.Errorf("call %d: %v, want allowed %v", i+1, err, allowed)
			}
		}
	}
	call(true, true, false)
	w.srv.Advance(500 * time.Millisecond)
	call(true, false)
	w.srv.Advance(time.Hour) // no more than a second's worth is saved up
	call(true, true, false)
	if _, err := w.aws.AdminDisableUser(context.Background(), &cip.AdminDisableUserInput{UserPoolId: new(w.pool.ID()), Username: &w.ada.Username}); err == nil {
		t.Errorf("another call of the category was allowed")
	}
	if _, err := w.aws.AdminGetUser(context.Background(), &cip.AdminGetUserInput{UserPoolId: new(w.pool.ID()), Username: &w.ada.Username}); err != nil {
		t.Errorf("a call of another category: %v", err)
	}
	w.srv.Limit(cognitotest.UserUpdate, 0)
	call(true, true, true, true)
	if got := w.srv.Calls("AdminUserGlobalSignOut"); got != 12 {
		t.Errorf("%d calls counted, want 12", got)
	}
}

func TestFail(t *testing.T) {
	const op = "AdminUserGlobalSignOut"
	for _, test := range []struct {
		name    string
		failure cognitotest.Failure
		want    string // in the error; empty for success
		effect  bool
	}{
		{"refusal", cognitotest.Failure{Code: "NotAuthorizedException", Message: "no"}, "StatusCode: 400", false},
		{"internal error", cognitotest.Failure{Code: "InternalErrorException"}, "StatusCode: 500", false},
		{"status", cognitotest.Failure{Code: "TooManyRequestsException", Status: 429}, "StatusCode: 429", false},
		{"firewall page", cognitotest.Failure{Body: "<html>", Status: 403}, "deserialization", false},
		{"after the effect", cognitotest.Failure{Code: "InternalErrorException", AfterEffect: true}, "InternalErrorException", true},
		{"cut before the effect", cognitotest.Failure{Drop: true}, "EOF", false},
		{"cut after the effect", cognitotest.Failure{Drop: true, AfterEffect: true}, "EOF", true},
		{"slow", cognitotest.Failure{Latency: time.Nanosecond}, "", true},
		{"slow after the effect", cognitotest.Failure{Latency: time.Nanosecond, AfterEffect: true}, "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, cognitotest.Config{})
			tokens := w.signIn(t)
			test.failure.Count = 1
			w.srv.Fail(op, test.failure)
			err := w.signOut()
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if effect := w.getUser(tokens.AccessToken) != nil; effect != test.effect {
				t.Errorf("signed out: %v, want %v", effect, test.effect)
			}
			if err := w.signOut(); err != nil {
				t.Errorf("the call after: %v", err)
			}
			if got := w.srv.Calls(op); got != 2 {
				t.Errorf("%d calls counted, want 2", got)
			}
		})
	}
}

func TestFailuresQueueAndHeal(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	const op = "AdminUserGlobalSignOut"
	w.srv.Fail(op, cognitotest.Failure{Code: "NotAuthorizedException", Count: 2})
	w.srv.Fail(op, cognitotest.Failure{Code: "InternalErrorException"})
	for i, code := range []string{"NotAuthorizedException", "NotAuthorizedException", "InternalErrorException", "InternalErrorException"} {
		wantCode(t, "call "+string(rune('1'+i)), w.signOut(), code, "")
	}
	w.srv.Heal(op)
	if err := w.signOut(); err != nil {
		t.Errorf("after Heal: %v", err)
	}
}

// TestLatencyEndsEarly waits for nothing: a minute of latency is cut short
// by the caller first, by Close then.
func TestLatencyEndsEarly(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	w.srv.Fail("RevokeToken", cognitotest.Failure{Latency: time.Minute, Count: 1})
	w.srv.Fail("RevokeToken", cognitotest.Failure{Latency: time.Minute, AfterEffect: true})
	spared, revoked := w.signIn(t), w.signIn(t)
	call := func(ctx context.Context, refreshToken *string) error {
		_, err := w.aws.RevokeToken(ctx, &cip.RevokeTokenInput{Token: refreshToken, ClientId: &w.client.ID})
		return err
	}
	failed := make(chan error, 1) // one call at a time

	ctx, cancel := context.WithCancel(context.Background())
	go func() { failed <- call(ctx, spared.RefreshToken) }()
	waitFor(t, func() bool { return w.srv.Calls("RevokeToken") == 1 })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("canceled call: %v", err)
	}
	w.wantAlive(t, spared)

	go func() { failed <- call(context.Background(), revoked.RefreshToken) }()
	waitFor(t, func() bool { return w.srv.Check(*revoked.AccessToken) != nil })
	w.srv.Close()
	if err := <-failed; err == nil {
		t.Errorf("the call was answered by a closed server")
	}
}

// waitFor polls a condition that another goroutine is about to make true.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the condition did not come true within 10 s")
		}
	}
}

func TestCloseEndsEverything(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	srv := must(cognitotest.Start(cognitotest.Config{}))
	idle := must(net.Dial("tcp", strings.TrimPrefix(srv.URL(), "http://")))
	defer idle.Close()
	for range 2 {
		srv.Close()
	}
	if n, err := idle.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes from a connection that should be closed", n)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(srv.URL(), "http://")); err == nil {
		t.Errorf("the server still listens")
	}
}

func TestOwnListener(t *testing.T) {
	srv := must(cognitotest.New(cognitotest.Config{URL: "https://cognito.test"}))
	defer srv.Close()
	pool := must(srv.CreatePool(cognitotest.PoolConfig{ID: "us-east-2_Abc", IssuerStyle: cognitotest.IssuerLocal}))
	if got, want := pool.Issuer(), "https://cognito.test/us-east-2_Abc"; got != want {
		t.Errorf("issuer %s, want %s", got, want)
	}
	nowhere := must(cognitotest.New(cognitotest.Config{}))
	defer nowhere.Close()
	if _, err := nowhere.CreatePool(cognitotest.PoolConfig{IssuerStyle: cognitotest.IssuerLocal}); err == nil {
		t.Errorf("a local issuer without a URL was accepted")
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			tokens := must(w.pool.SignIn(w.client.ID, "ada"))
			_, _ = w.refresh(&tokens.RefreshToken)
			_ = w.getUser(&tokens.AccessToken)
			_ = w.revoke(&tokens.RefreshToken)
			_ = w.signOut()
			_ = w.pool.Mint(cognitotest.MintOptions{ClientID: w.client.ID, Username: "ada"})
			w.srv.Advance(time.Millisecond)
			w.srv.Limit(cognitotest.UserRead, 1e6)
			w.srv.Fail("GetUser", cognitotest.Failure{Count: 1})
		})
	}
	if err := w.pool.RotateKeys(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}
