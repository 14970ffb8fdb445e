package cognito_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

const refusedByUserInfo = `error="invalid_token", error_description="Access token is expired, disabled, or deleted, or the user has globally signed out."`

// A 401 is proof only in Cognito's own words, for a token that certainly
// lasts.
func TestUserInfoAnswers(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	token := w.signInOAuth("ada", "openid").AccessToken
	refusal := func(code string, retry bool) *publisher.CognitoError {
		return &publisher.CognitoError{Op: "userInfo", Code: code, Retry: retry}
	}
	ahead := time.Now().Add(2 * time.Hour).UTC().Format(http.TimeFormat)
	for name, test := range map[string]struct {
		status  int
		header  map[string]string
		body    string
		revoked bool
		err     *publisher.CognitoError
	}{
		"accepted":              {200, nil, `{"sub":"x"}`, false, nil},
		"signed out":            {401, map[string]string{"WWW-Authenticate": refusedByUserInfo}, "", true, nil},
		"signed out, in body":   {401, nil, `{"error":"invalid_token","error_description":"... the user has globally signed out."}`, true, nil},
		"signed out or expired": {401, map[string]string{"WWW-Authenticate": refusedByUserInfo, "Date": ahead, "X-Amz-Cognito-Request-Id": "1"}, "", false, refusal(cognito.CodeExpired, false)},
		"a proxy's clock":       {401, map[string]string{"WWW-Authenticate": refusedByUserInfo, "Date": ahead}, "", true, nil},
		"another pool":          {401, nil, `{"error":"invalid_token","error_description":"Unable to verify token signature"}`, false, refusal("invalid_token", false)},
		"no openid":             {401, nil, `{"error":"invalid_token","error_description":"Access token does not contain openid scope"}`, false, refusal(cognito.CodeScope, false)},
		"a proxy's 401":         {401, map[string]string{"WWW-Authenticate": "Basic"}, "log in first", false, refusal(cognito.CodeUnreadable, true)},
		"a proxy's 200":         {200, nil, "<html>", false, refusal(cognito.CodeUnreadable, true)},
		"somebody's JSON":       {200, nil, `{"ok":true}`, false, refusal(cognito.CodeUnreadable, true)},
		"bad request":           {400, map[string]string{"WWW-Authenticate": `error="invalid_request"`}, "", false, refusal("invalid_request", false)},
		"throttled":             {429, nil, "", false, refusal("TooManyRequestsException", true)},
		"firewall":              {403, nil, "<html>", false, refusal(cognito.CodeUnreadable, true)},
		"broken":                {500, nil, "", false, refusal(cognito.CodeUnreadable, true)},
		"elsewhere":             {302, map[string]string{"Location": "/login"}, "", false, refusal(cognito.CodeUnreadable, true)},
		"a long page":           {200, nil, `{"sub":"` + strings.Repeat("x", 1<<20) + `"}`, false, refusal(cognito.CodeUnreadable, true)},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/login" || r.Header.Get("Authorization") != "Bearer "+token {
					rw.WriteHeader(http.StatusTeapot)
					return
				}
				for name, value := range test.header {
					rw.Header().Set(name, value)
				}
				rw.WriteHeader(test.status)
				_, _ = rw.Write([]byte(test.body))
			}))
			defer endpoint.Close()
			pool := must(cognito.New(w.config(func(c *cognito.Config) { c.UserInfoURL = endpoint.URL })))
			revoked, err := pool.AccessTokenRevoked(t.Context(), token)
			if revoked != test.revoked {
				t.Errorf("AccessTokenRevoked = %t, want %t", revoked, test.revoked)
			}
			if test.err != nil {
				wantError(t, "AccessTokenRevoked", err, *test.err)
			} else if err != nil {
				t.Errorf("AccessTokenRevoked: %v", err)
			}
		})
	}
}
