package cognitotest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// rotate calls GetTokensFromRefreshToken.
func (w *world) rotate(client *cognitotest.Client, refreshToken string) (*types.AuthenticationResultType, error) {
	in := &cip.GetTokensFromRefreshTokenInput{RefreshToken: &refreshToken, ClientId: &client.ID}
	if client.Secret != "" {
		in.ClientSecret = &client.Secret
	}
	out, err := w.aws.GetTokensFromRefreshToken(context.Background(), in)
	if err != nil {
		return nil, err
	}
	return out.AuthenticationResult, nil
}

func TestRotation(t *testing.T) {
	w := newWorld(t, atEpoch)
	client := must(w.pool.CreateClient(cognitotest.ClientConfig{
		GenerateSecret: true, RotateRefreshTokens: true, RotationGrace: 10 * time.Second,
		RefreshValidity: time.Hour, DisableTokenRevocation: true,
	}))
	first := must(w.pool.SignIn(client.ID, "ada"))
	_, before := verified(t, w.pool, first.AccessToken)

	second, err := w.rotate(client, first.RefreshToken)
	if err != nil {
		t.Fatalf("GetTokensFromRefreshToken: %v", err)
	}
	if second.RefreshToken == nil || *second.RefreshToken == first.RefreshToken {
		t.Fatalf("rotation returned no new refresh token")
	}
	// Rotation brings the ids even though revocation is off.
	if _, after := verified(t, w.pool, *second.AccessToken); before["origin_jti"] == nil || after["origin_jti"] != before["origin_jti"] {
		t.Errorf("origin_jti was %v, is %v", before["origin_jti"], after["origin_jti"])
	}

	w.srv.Advance(10*time.Second - time.Nanosecond)
	if _, err := w.rotate(client, first.RefreshToken); err != nil {
		t.Errorf("old token within the grace period: %v", err)
	}
	w.srv.Advance(time.Nanosecond)
	_, err = w.rotate(client, first.RefreshToken)
	if _, reused := errors.AsType[*types.RefreshTokenReuseException](err); !reused {
		t.Errorf("old token after the grace period: %v, want RefreshTokenReuseException", err)
	}

	w.srv.Advance(time.Hour) // the new token has inherited what was left of the first one's hour
	_, err = w.rotate(client, *second.RefreshToken)
	wantCode(t, "new token after the first one's validity", err, "NotAuthorizedException", "expired")
}

func TestRotationRefusesTheOldFlow(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	client := must(w.pool.CreateClient(cognitotest.ClientConfig{RotateRefreshTokens: true}))
	tokens := must(w.pool.SignIn(client.ID, "ada"))
	_, err := w.aws.InitiateAuth(context.Background(), &cip.InitiateAuthInput{
		AuthFlow: types.AuthFlowTypeRefreshTokenAuth, ClientId: &client.ID,
		AuthParameters: map[string]string{"REFRESH_TOKEN": tokens.RefreshToken},
	})
	wantCode(t, "REFRESH_TOKEN_AUTH", err, "InvalidParameterException", "GetTokensFromRefreshToken")
	_, err = w.pool.CreateClient(cognitotest.ClientConfig{
		RotateRefreshTokens: true, AuthFlows: []string{"ALLOW_REFRESH_TOKEN_AUTH"},
	})
	wantError(t, "rotation with the old flow", err, "InvalidParameterException")
}

func TestRevokingARotatedTokenKillsItsSuccessor(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	client := must(w.pool.CreateClient(cognitotest.ClientConfig{RotateRefreshTokens: true}))
	first := must(w.pool.SignIn(client.ID, "ada"))
	second := must(w.pool.Refresh(client.ID, first.RefreshToken))
	if err := w.pool.RevokeToken(client.ID, first.RefreshToken); err != nil {
		t.Fatalf("RevokeToken: %v", err)
	}
	_, err := w.rotate(client, second.RefreshToken)
	wantCode(t, "refresh", err, "NotAuthorizedException", "Refresh Token has been revoked")
}

func TestGetTokensChecksTheClient(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	tokens := must(w.pool.SignIn(w.vault.ID, "ada"))
	_, err := w.rotate(&cognitotest.Client{ID: w.vault.ID}, tokens.RefreshToken)
	wantCode(t, "without the secret", err, "NotAuthorizedException", "secret")
	_, err = w.rotate(w.client, tokens.RefreshToken)
	wantCode(t, "another client", err, "NotAuthorizedException", "Invalid Refresh Token")
	out, err := w.rotate(w.vault, tokens.RefreshToken)
	if err != nil || out.RefreshToken != nil {
		t.Errorf("with the secret: new refresh token %v, error %v; want neither", out, err)
	}
}
