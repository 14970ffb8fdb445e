package service_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"testing"
)

func base64url(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRefreshTokenAloneEndsItsSession(t *testing.T) {
	b := newBench(t)
	tokens := b.signIn(b.demo.Client, b.demo.Ada)
	other := b.signIn(b.demo.Client, b.demo.Ada)
	b.accepts(tokens.AccessToken)

	a := b.oauthRevoke(b.demo.Client.ID, "", url.Values{"token": {tokens.RefreshToken}})
	if a.status != http.StatusOK || a.body != "" || a.header.Get("Revoked-Local") != "denied" || a.header.Get("Revoked-Cognito") != "done" {
		t.Fatalf("revoke = %v, want an empty 200, denied and done", a)
	}
	b.awaitRefused(tokens.AccessToken)
	b.awaitRefused(tokens.IDToken)
	b.accepts(other.AccessToken)
	if b.cognito.Check(tokens.AccessToken) == nil {
		t.Error("Cognito accepts the access token after Revoked-Cognito: done")
	}
}
