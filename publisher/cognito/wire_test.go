package cognito_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// What comes back is not an answer of Cognito's.
func TestUnreadableAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
	}{
		"firewall":           {403, "<html>Request blocked</html>"},
		"empty 403":          {403, ""},
		"gateway":            {502, "<html>Bad gateway</html>"},
		"login page":         {200, "<html>Sign in to the network</html>"},
		"cut off":            {200, `{"AuthenticationResult":{"AccessToken":"x"`},
		"no tokens":          {200, `{}`},
		"a challenge":        {200, `{"ChallengeName":"NEW_PASSWORD_REQUIRED"}`},
		"empty access token": {200, `{"AuthenticationResult":{"AccessToken":""}}`},
		"error without code": {400, `{"message":"no"}`},
		"list":               {400, `[]`},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			}))
			defer proxy.Close()
			w := newWorld(t, cognitotest.Config{}, func(c *cognito.Config) { c.Endpoint = proxy.URL })
			_, err := w.pool.Refresh(t.Context(), w.public.ID, "x")
			wantError(t, "Refresh", err, publisher.CognitoError{
				Op: "GetTokensFromRefreshToken", Code: cognito.CodeUnreadable, Retry: true,
			})
			if _, at := w.pool.Offset(); !at.IsZero() {
				t.Errorf("learnt the time from an answer that is not Cognito's")
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	closed := httptest.NewServer(nil)
	closed.Close()
	nowhere := must(cognito.New(w.config(func(c *cognito.Config) { c.Endpoint = closed.URL })))
	w.srv.Fail("RevokeToken", cognitotest.Failure{Drop: true})
	for name, pool := range map[string]*cognito.Pool{"no listener": nowhere, "dropped": w.pool} {
		err := pool.RevokeToken(t.Context(), w.public.ID, "x")
		wantError(t, name, err, publisher.CognitoError{Op: "RevokeToken", Code: cognito.CodeUnreachable, Retry: true})
	}
}

// A dropped connection, an internal error of either status and a throttled
// call are sent again, the same act or not.
func TestRetries(t *testing.T) {
	for name, failure := range map[string]cognitotest.Failure{
		"dropped":      {Drop: true},
		"lost answer":  {Drop: true, AfterEffect: true},
		"internal 400": {Code: "InternalErrorException", Status: 400},
		"internal 500": {Code: "InternalErrorException"},
		"throttled":    {Code: "TooManyRequestsException"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, cognitotest.Config{}, func(c *cognito.Config) { c.MaxAttempts = 3 })
			failure.Count = 1
			w.srv.Fail("RevokeToken", failure)
			tokens := w.signIn(w.public)
			if err := w.pool.RevokeToken(t.Context(), w.public.ID, tokens.RefreshToken); err != nil {
				t.Errorf("RevokeToken: %v", err)
			}
			if calls := w.srv.Calls("RevokeToken"); calls != 2 {
				t.Errorf("sent %d times, want 2", calls)
			}
			if got, want := w.pool.Stats(), (cognito.Stats{Attempts: 2}); got != want {
				t.Errorf("Stats = %+v, want %+v", got, want)
			}
		})
	}
}

func TestTimeouts(t *testing.T) {
	w := newWorld(t, cognitotest.Config{}, func(c *cognito.Config) { c.CallTimeout = 50 * time.Millisecond })
	w.srv.Fail("RevokeToken", cognitotest.Failure{Latency: time.Minute})
	revoke := func(ctx context.Context) error { return w.pool.RevokeToken(ctx, w.public.ID, "x") }
	want := publisher.CognitoError{Op: "RevokeToken", Code: cognito.CodeTimeout, Retry: true}

	wantError(t, "our own deadline", revoke(t.Context()), want)

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	wantError(t, "the caller's deadline", revoke(ctx), want)

	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	wantError(t, "canceled meanwhile", revoke(ctx), want)
	want.Code = cognito.CodeCanceled
	wantError(t, "canceled before", revoke(ctx), want)
}

// What was sent is not cut off when the caller gives up: its answer counts.
func TestAnswerAfterTheCallerGaveUp(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	w.srv.Fail("RevokeToken", cognitotest.Failure{Latency: 200 * time.Millisecond})
	tokens := w.signIn(w.public)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := w.pool.RevokeToken(ctx, w.public.ID, tokens.RefreshToken); err != nil {
		t.Errorf("RevokeToken = %v, want the success that came after 200 ms", err)
	}
}

// The SDK closes a request's body when the answer begins, which must not cut
// an answer that is longer than one read.
func TestLongAnswersArriveWhole(t *testing.T) {
	long := `{"AuthenticationResult":{"AccessToken":"` + strings.Repeat("x", 16<<10) + `"}}`
	fast := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(long))
	}))
	defer fast.Close()
	w := newWorld(t, cognitotest.Config{}, func(c *cognito.Config) { c.Endpoint = fast.URL })
	for i := range 100 {
		if _, err := w.pool.Refresh(t.Context(), w.public.ID, "x"); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
}
