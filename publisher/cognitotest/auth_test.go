package cognitotest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// TestClaims pins the whole claim set of a sign-in by the API, ids apart.
func TestClaims(t *testing.T) {
	w := newWorld(t, atEpoch)
	tokens := w.signIn(t)
	accessKey, access := verified(t, w.pool, *tokens.AccessToken)
	idKey, id := verified(t, w.pool, *tokens.IdToken)
	if accessKey == idKey {
		t.Errorf("access and ID token are both signed by %s", accessKey)
	}
	if access["origin_jti"] != id["origin_jti"] || access["jti"] == id["jti"] {
		t.Errorf("ids of the access token %v %v, of the ID token %v %v: want one origin_jti and two jti",
			access["origin_jti"], access["jti"], id["origin_jti"], id["jti"])
	}
	for _, c := range []claims{access, id} {
		for _, name := range []string{"jti", "origin_jti", "event_id"} {
			if s, _ := c[name].(string); len(s) != 36 {
				t.Errorf("%s is %v, want a UUID", name, c[name])
			}
			delete(c, name)
		}
	}
	at, in1h := float64(epoch.Unix()), float64(epoch.Add(time.Hour).Unix())
	groups := []any{"admins"}
	if diff := cmp.Diff(claims{
		"iss": "https://cognito-idp.eu-west-1.amazonaws.com/" + w.pool.ID(), "sub": w.ada.Subject,
		"client_id": w.client.ID, "username": "ada", "cognito:groups": groups,
		"scope": "aws.cognito.signin.user.admin", "token_use": "access",
		"auth_time": at, "iat": at, "exp": in1h,
	}, access); diff != "" {
		t.Errorf("access token (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(claims{
		"iss": w.pool.Issuer(), "sub": w.ada.Subject, "aud": w.client.ID,
		"cognito:username": "ada", "cognito:groups": groups, "token_use": "id",
		"email": "ada@example.com", "email_verified": true,
		"auth_time": at, "iat": at, "exp": in1h,
	}, id); diff != "" {
		t.Errorf("ID token (-want +got):\n%s", diff)
	}
	if *tokens.TokenType != "Bearer" || tokens.ExpiresIn != 3600 {
		t.Errorf("token type %s, expires in %d; want Bearer, 3600", *tokens.TokenType, tokens.ExpiresIn)
	}
}

func TestRefreshTokenLooksLikeJWE(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	parts := strings.Split(*w.signIn(t).RefreshToken, ".")
	if len(parts) != 5 {
		t.Fatalf("refresh token has %d parts, want 5", len(parts))
	}
	const want = `{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}`
	if got := string(unbase64(t, parts[0])); got != want {
		t.Errorf("header %s, want %s", got, want)
	}
}

func TestRefreshKeepsTheSession(t *testing.T) {
	w := newWorld(t, atEpoch)
	tokens := w.signIn(t)
	_, before := verified(t, w.pool, *tokens.AccessToken)
	w.srv.Advance(50 * time.Minute)
	renewed, err := w.refresh(tokens.RefreshToken)
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	if renewed.RefreshToken != nil {
		t.Errorf("refresh without rotation returned a new refresh token")
	}
	_, after := verified(t, w.pool, *renewed.AccessToken)
	for _, name := range []string{"origin_jti", "auth_time", "sub"} {
		if before[name] != after[name] {
			t.Errorf("%s changed from %v to %v", name, before[name], after[name])
		}
	}
	for _, name := range []string{"jti", "iat", "exp"} {
		if before[name] == after[name] {
			t.Errorf("%s is still %v", name, after[name])
		}
	}
	if _, other := verified(t, w.pool, *w.signIn(t).AccessToken); other["origin_jti"] == before["origin_jti"] {
		t.Errorf("another sign-in has the same origin_jti %v", other["origin_jti"])
	}

	w.srv.Advance(30 * 24 * time.Hour)
	_, err = w.refresh(tokens.RefreshToken)
	wantCode(t, "refresh after 30 days", err, "NotAuthorizedException", "Refresh Token has expired")
	wantCode(t, "GetUser after 30 days", w.getUser(tokens.AccessToken), "NotAuthorizedException", "Access Token has expired")
}

func TestTokensWithoutRevocationHaveNoIDs(t *testing.T) {
	w := newWorld(t, atEpoch)
	client := must(w.pool.CreateClient(cognitotest.ClientConfig{
		DisableTokenRevocation: true,
		AccessValidity:         10 * time.Minute, IDValidity: 20 * time.Minute, RefreshValidity: 2 * time.Hour,
	}))
	tokens := must(w.pool.SignIn(client.ID, "ada"))
	for token, validity := range map[string]time.Duration{tokens.AccessToken: 10 * time.Minute, tokens.IDToken: 20 * time.Minute} {
		_, c := verified(t, w.pool, token)
		if c["jti"] != nil || c["origin_jti"] != nil {
			t.Errorf("%s token has jti %v, origin_jti %v; want neither", c["token_use"], c["jti"], c["origin_jti"])
		}
		if got := c["exp"].(float64) - c["iat"].(float64); got != validity.Seconds() {
			t.Errorf("%s token is valid for %v s, want %v", c["token_use"], got, validity)
		}
	}
	wantError(t, "RevokeToken", w.pool.RevokeToken(client.ID, tokens.RefreshToken), "UnsupportedOperationException")
	w.srv.Advance(2*time.Hour - time.Second)
	must(w.pool.Refresh(client.ID, tokens.RefreshToken))
	w.srv.Advance(time.Second)
	_, err := w.pool.Refresh(client.ID, tokens.RefreshToken)
	wantError(t, "refresh at the limit", err, "NotAuthorizedException")
}

func TestSecretHash(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	mac := hmac.New(sha256.New, []byte(w.vault.Secret))
	mac.Write([]byte("ada" + w.vault.ID))
	right := base64.StdEncoding.EncodeToString(mac.Sum(nil))

	for _, test := range []struct {
		name, client, hash, want string
	}{
		{"right", w.vault.ID, right, ""},
		{"missing", w.vault.ID, "", "SECRET_HASH was not received"},
		{"wrong", w.vault.ID, "AAAA", "Unable to verify secret hash"},
		{"client without a secret", w.client.ID, right, "Unable to verify secret hash"},
	} {
		t.Run(test.name, func(t *testing.T) {
			parameters := map[string]string{"USERNAME": "ada", "PASSWORD": password}
			if test.hash != "" {
				parameters["SECRET_HASH"] = test.hash
			}
			sign := func(flow types.AuthFlowType) (*cip.InitiateAuthOutput, error) {
				return w.aws.InitiateAuth(context.Background(), &cip.InitiateAuthInput{
					AuthFlow: flow, ClientId: &test.client, AuthParameters: parameters,
				})
			}
			out, err := sign(types.AuthFlowTypeUserPasswordAuth)
			if test.want != "" {
				wantCode(t, "InitiateAuth", err, "NotAuthorizedException", test.want)
				return
			}
			if err != nil {
				t.Fatalf("InitiateAuth: %v", err)
			}
			parameters["REFRESH_TOKEN"] = *out.AuthenticationResult.RefreshToken
			if _, err := sign(types.AuthFlowTypeRefreshTokenAuth); err != nil {
				t.Errorf("refresh: %v", err)
			}
			delete(parameters, "SECRET_HASH")
			_, err = sign(types.AuthFlowTypeRefreshTokenAuth)
			wantCode(t, "refresh without hash", err, "NotAuthorizedException", "SECRET_HASH was not received")
		})
	}
}

func TestSignInRefusals(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	must(w.pool.CreateUser(cognitotest.UserConfig{Username: "eve", Password: password}))
	if err := w.pool.DisableUser("eve"); err != nil {
		t.Fatal(err)
	}
	discreet := must(w.pool.CreateClient(cognitotest.ClientConfig{HideMissingUsers: true}))
	narrow := must(w.pool.CreateClient(cognitotest.ClientConfig{AuthFlows: []string{"ALLOW_USER_SRP_AUTH"}}))
	for _, test := range []struct {
		name, client, user, password string
		flow                         types.AuthFlowType
		code, text                   string
	}{
		{"wrong password", w.client.ID, "ada", "wrong", "USER_PASSWORD_AUTH", "NotAuthorizedException", "Incorrect username or password."},
		{"no such user", w.client.ID, "bob", "x", "USER_PASSWORD_AUTH", "UserNotFoundException", "User does not exist."},
		{"no such user, hidden", discreet.ID, "bob", "x", "USER_PASSWORD_AUTH", "NotAuthorizedException", "Incorrect username or password."},
		{"disabled user", w.client.ID, "eve", password, "USER_PASSWORD_AUTH", "NotAuthorizedException", "User is disabled."},
		{"flow off", narrow.ID, "ada", password, "USER_PASSWORD_AUTH", "InvalidParameterException", "flow not enabled"},
		{"unknown flow", w.client.ID, "ada", password, "CUSTOM_AUTH", "InvalidParameterException", "not supported"},
		{"admin flow", w.client.ID, "ada", password, "ADMIN_USER_PASSWORD_AUTH", "InvalidParameterException", "not supported"},
		{"no such client", "nobody", "ada", password, "USER_PASSWORD_AUTH", "ResourceNotFoundException", "nobody"},
		{"no password", w.client.ID, "ada", "", "USER_PASSWORD_AUTH", "InvalidParameterException", "PASSWORD"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := w.aws.InitiateAuth(context.Background(), &cip.InitiateAuthInput{
				AuthFlow: test.flow, ClientId: &test.client,
				AuthParameters: map[string]string{"USERNAME": test.user, "PASSWORD": test.password},
			})
			wantCode(t, "InitiateAuth", err, test.code, test.text)
		})
	}
}

func TestAdminInitiateAuth(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	in := &cip.AdminInitiateAuthInput{
		AuthFlow: types.AuthFlowTypeAdminUserPasswordAuth, UserPoolId: new(w.pool.ID()), ClientId: &w.client.ID,
		AuthParameters: map[string]string{"USERNAME": "ada", "PASSWORD": password},
	}
	out, err := w.aws.AdminInitiateAuth(context.Background(), in)
	if err != nil {
		t.Fatalf("AdminInitiateAuth: %v", err)
	}
	if err := w.getUser(out.AuthenticationResult.AccessToken); err != nil {
		t.Errorf("GetUser: %v", err)
	}
	other := must(w.srv.CreatePool(cognitotest.PoolConfig{}))
	in.UserPoolId = new(other.ID())
	_, err = w.aws.AdminInitiateAuth(context.Background(), in)
	wantCode(t, "AdminInitiateAuth in another pool", err, "ResourceNotFoundException", w.client.ID)
}
