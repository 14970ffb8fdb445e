package cognitotest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// fuzzWorld is an emulator without a listener, with one of everything.
func fuzzWorld(f *testing.F) (*cognitotest.Server, cognitotest.DemoPool) {
	f.Helper()
	srv := must(cognitotest.New(cognitotest.Config{URL: "http://cognito.test"}))
	f.Cleanup(srv.Close)
	return srv, must(srv.SeedDemo())
}

// FuzzAPI: no body makes an operation panic or blame itself.
func FuzzAPI(f *testing.F) {
	srv, demo := fuzzWorld(f)
	tokens := must(demo.Pool.SignIn(demo.Client.ID, "ada"))
	f.Add("RevokeToken", `{"Token":"`+tokens.RefreshToken+`","ClientId":"`+demo.Client.ID+`"}`)
	f.Add("InitiateAuth", `{"AuthFlow":"REFRESH_TOKEN_AUTH","ClientId":"`+demo.Client.ID+`","AuthParameters":{"REFRESH_TOKEN":"a.b.c.d.e"}}`)
	f.Add("GetUser", `{"AccessToken":"`+tokens.AccessToken+`"}`)
	f.Add("ListUsers", `{"UserPoolId":"eu-west-1_Demo12345","Filter":"sub = \"x\"","Limit":1}`)
	f.Add("UpdateUserPoolClient", `{"UserPoolId":"eu-west-1_Demo12345","ClientId":"demovaultclient0000000000b","RefreshTokenRotation":{}}`)
	f.Fuzz(func(t *testing.T, op, body string) {
		req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+op)
		req.Header.Set("Authorization", sigV4)
		wantNoBlame(t, srv, req, body)
	})
}

// wantNoBlame fails the test if the emulator calls the request an error of
// its own.
func wantNoBlame(t *testing.T, srv *cognitotest.Server, req *http.Request, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	srv.Handler().ServeHTTP(w, req)
	if w.Code >= 500 {
		t.Errorf("%s %v %s: status %d, %s", req.URL, req.Header, body, w.Code, w.Body)
	}
}

// FuzzOAuth does the same with forms and queries.
func FuzzOAuth(f *testing.F) {
	srv, demo := fuzzWorld(f)
	tokens := must(demo.Pool.SignIn(demo.Client.ID, "ada"))
	f.Add("/oauth2/token", "grant_type=refresh_token&client_id="+demo.Client.ID+"&refresh_token="+tokens.RefreshToken)
	f.Add("/oauth2/revoke", "token=x&client_id="+demo.Client.ID)
	f.Add("/login", "client_id="+demo.Client.ID+"&redirect_uri=http://localhost:8080/callback&response_type=code")
	f.Add("/oauth2/userInfo", "")
	f.Fuzz(func(t *testing.T, path, form string) {
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, " ?#%\x00\r\n\t") {
			t.Skip("not a path")
		}
		req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form))
		req.URL.Path, req.URL.RawQuery = path, form
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		wantNoBlame(t, srv, req, form)
	})
}

// FuzzCheck: only what the pool signed is accepted.
func FuzzCheck(f *testing.F) {
	srv, demo := fuzzWorld(f)
	good := must(demo.Pool.SignIn(demo.Client.ID, "ada")).AccessToken
	signed := good[:strings.LastIndex(good, ".")]
	f.Add(good)
	f.Add(strings.ToUpper(good))
	f.Add("..")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		if srv.Check(token) == nil && !strings.HasPrefix(token, signed+".") {
			t.Errorf("accepted %q", token)
		}
	})
}
