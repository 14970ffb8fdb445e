package cognito_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// Whatever goes wrong, and even if Cognito repeats what it was sent, no error
// and no log line holds a token, a secret, a sub or a user name, although the
// caller's AWS configuration asks for requests to be logged.
func TestNothingSecretInErrorsAndLogs(t *testing.T) {
	const secret, sub = "sentinel-of-the-secret", "sentinel-of-the-sub"
	const claims = "eyJleHAiOjk5OTk5OTk5OTksInNjb3BlIjoib3BlbmlkIn0" // userInfo is asked
	const refresh, access = "sentinel.of.the.refresh.token", "sentinel." + claims + ".access"
	echo := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var body bytes.Buffer
			_, _ = body.ReadFrom(r.Body)
			said := body.String() + r.Header.Get("Authorization") + " username sentinel-of-the-name " + r.URL.String()
			if code == "" {
				w.WriteHeader(status)
				_, _ = w.Write([]byte("<html>" + said))
				return
			}
			w.Header().Set("X-Amzn-Requestid", "1")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": said, "error": said})
		}
	}
	drop := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	var out bytes.Buffer
	for name, handler := range map[string]http.HandlerFunc{
		"refused":    echo(400, "NotAuthorizedException"),
		"throttled":  echo(400, "TooManyRequestsException"),
		"unknown":    echo(418, "SomethingNewException"),
		"unreadable": echo(403, ""),
		"page":       echo(200, ""),
		"dropped":    drop,
	} {
		endpoint := httptest.NewServer(handler)
		defer endpoint.Close()
		w := newWorld(t, cognitotest.Config{}, func(c *cognito.Config) {
			c.Endpoint, c.UserInfoURL = endpoint.URL, endpoint.URL
			c.Clients = []cognito.Client{{ID: "client", Secret: secret}}
			c.Logger = zerolog.New(&out).Level(zerolog.TraceLevel)
			if name == "dropped" {
				c.MaxAttempts = 2 // throttled calls are repeated only after a second
			}
			c.AWS.ClientLogMode = aws.LogRequestWithBody | aws.LogResponseWithBody | aws.LogRetries | aws.LogSigning
			fmt.Fprintf(&out, "%v %+v %#v\n", c.Clients, *c, c.Clients[0])
		})
		for call, do := range map[string]func(context.Context) error{
			"RevokeToken": func(ctx context.Context) error { return w.pool.RevokeToken(ctx, "client", refresh) },
			"SignOutUser": func(ctx context.Context) error { return w.pool.SignOutUser(ctx, sub) },
			"Refresh": func(ctx context.Context) error {
				_, err := w.pool.Refresh(ctx, "client", refresh)
				return err
			},
			"AccessTokenRevoked": func(ctx context.Context) error {
				_, err := w.pool.AccessTokenRevoked(ctx, access)
				return err
			},
			"GetUser": func(ctx context.Context) error {
				_, err := w.pool.AccessTokenRevoked(ctx, refresh) // not a JWT
				return err
			},
		} {
			err := do(t.Context())
			if err == nil {
				t.Errorf("%s, %s: no error", name, call)
			}
			fmt.Fprintf(&out, "%s %s %v %+v %#v\n", name, call, err, err, err)
		}
	}
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "sentinel") || strings.Contains(line, claims) {
			t.Errorf("leaked: %s", line)
		}
	}
	if !strings.Contains(out.String(), `"code":"TooManyRequestsException"`) {
		t.Errorf("refusals are not logged at Debug:\n%s", out.String())
	}
}
