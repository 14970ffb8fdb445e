package cognitotest_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

func TestKeyRotation(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	old := must(w.pool.SignIn(w.client.ID, "ada"))
	oldKey, _ := verified(t, w.pool, old.AccessToken)
	if err := w.pool.RotateKeys(); err != nil {
		t.Fatal(err)
	}
	newKey, _ := verified(t, w.pool, must(w.pool.SignIn(w.client.ID, "ada")).AccessToken)
	if newKey == oldKey {
		t.Errorf("still signing with %s", oldKey)
	}
	verified(t, w.pool, old.AccessToken)
	if err := w.srv.Check(old.AccessToken); err != nil {
		t.Errorf("token of the earlier key: %v", err)
	}
	w.pool.RetireKeys()
	wantError(t, "token of a retired key", w.srv.Check(old.AccessToken), "NotAuthorizedException")
	var set struct{ Keys []struct{ Kid string } }
	getJSON(t, w.pool.JWKSURL(), &set)
	if len(set.Keys) != 2 || set.Keys[0].Kid != newKey {
		t.Errorf("keys %v, want two with %s first", set.Keys, newKey)
	}
	if got := w.srv.Requests("/" + w.pool.ID() + "/.well-known/jwks.json"); got != 4 {
		t.Errorf("%d requests for the keys counted, want 4", got)
	}
}

func TestPoolsDoNotShareKeys(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	other := must(w.srv.CreatePool(cognitotest.PoolConfig{IssuerStyle: cognitotest.IssuerUpdated}))
	if want := "https://issuer-cognito-idp.eu-west-1.amazonaws.com/" + other.ID(); other.Issuer() != want {
		t.Errorf("issuer %s, want %s", other.Issuer(), want)
	}
	forged := other.Mint(cognitotest.MintOptions{ClientID: w.client.ID, Username: "ada", Subject: w.ada.Subject, Extra: map[string]any{"iss": w.pool.Issuer()}})
	wantError(t, "token signed by another pool", w.srv.Check(forged), "NotAuthorizedException")
}

func TestMint(t *testing.T) {
	w := newWorld(t, atEpoch)
	expired := w.pool.Mint(cognitotest.MintOptions{
		ClientID: w.client.ID, Username: "ada",
		IssuedAt: epoch.Add(-2 * time.Hour), ExpiresAt: epoch.Add(-time.Hour), AuthTime: epoch.Add(-3 * time.Hour),
		OriginJTI: "o", JTI: "j", Scope: "openid a/b", DeviceKey: "d", Groups: []string{"g"},
		Extra: map[string]any{"custom": 7, "event_id": nil},
	})
	_, got := verified(t, w.pool, expired)
	if diff := cmp.Diff(claims{
		"iss": w.pool.Issuer(), "sub": w.ada.Subject, "client_id": w.client.ID, "username": "ada", "token_use": "access",
		"iat": float64(epoch.Unix() - 7200), "exp": float64(epoch.Unix() - 3600), "auth_time": float64(epoch.Unix() - 10800),
		"origin_jti": "o", "jti": "j", "scope": "openid a/b", "device_key": "d", "cognito:groups": []any{"g"}, "custom": 7.0,
	}, got); diff != "" {
		t.Errorf("expired token (-want +got):\n%s", diff)
	}
	wantError(t, "expired token", w.srv.Check(expired), "NotAuthorizedException")

	_, machine := verified(t, w.pool, w.pool.Mint(cognitotest.MintOptions{ClientID: "robot", Scope: "orders/read"}))
	delete(machine, "jti")
	if diff := cmp.Diff(claims{
		"iss": w.pool.Issuer(), "sub": "robot", "client_id": "robot", "token_use": "access", "version": 2.0,
		"scope": "orders/read", "iat": float64(epoch.Unix()), "exp": float64(epoch.Unix() + 3600),
	}, machine); diff != "" {
		t.Errorf("token of a client (-want +got):\n%s", diff)
	}

	accessKey, _ := verified(t, w.pool, expired)
	idKey, id := verified(t, w.pool, w.pool.Mint(cognitotest.MintOptions{ClientID: w.client.ID, Username: "nobody", TokenUse: "id"}))
	if idKey == accessKey || id["aud"] != w.client.ID || id["cognito:username"] != "nobody" || len(id["sub"].(string)) != 36 {
		t.Errorf("ID token %v signed by %s, want aud, cognito:username, a random sub and the ID key", id, idKey)
	}
}

// TestMintedTokenOfASession proves that a minted token falls with the
// session that it names.
func TestMintedTokenOfASession(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	tokens := w.signIn(t)
	_, c := verified(t, w.pool, *tokens.AccessToken)
	minted := w.pool.Mint(cognitotest.MintOptions{ClientID: w.client.ID, Username: "ada", OriginJTI: c["origin_jti"].(string)})
	if err := w.getUser(&minted); err != nil {
		t.Fatalf("GetUser: %v", err)
	}
	if err := w.revoke(tokens.RefreshToken); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "GetUser", w.getUser(&minted), "NotAuthorizedException", "Access Token has been revoked")
}
