package cognitotest_test

import (
	"context"
	"testing"

	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
)

func TestRevokeTokenKillsOneSession(t *testing.T) {
	w := newWorld(t, atEpoch)
	first, other := w.signIn(t), w.signIn(t)
	renewed, err := w.refresh(first.RefreshToken)
	if err != nil {
		t.Fatalf("refresh before revocation: %v", err)
	}
	for range 2 { // the second call finds nothing to do and succeeds as well
		if err := w.revoke(first.RefreshToken); err != nil {
			t.Fatalf("RevokeToken: %v", err)
		}
	}
	_, err = w.refresh(first.RefreshToken)
	wantCode(t, "refresh", err, "NotAuthorizedException", "Refresh Token has been revoked")
	for _, access := range []*string{first.AccessToken, renewed.AccessToken} {
		wantCode(t, "GetUser", w.getUser(access), "NotAuthorizedException", "Access Token has been revoked")
	}
	if err := w.getUser(other.AccessToken); err != nil {
		t.Errorf("GetUser with another session's token: %v", err)
	}
	if _, err := w.refresh(other.RefreshToken); err != nil {
		t.Errorf("refresh of another session: %v", err)
	}
}

func TestAdminUserGlobalSignOut(t *testing.T) {
	w := newWorld(t, atEpoch)
	tokens := w.signIn(t)
	for range 2 {
		if _, err := w.aws.AdminUserGlobalSignOut(context.Background(), &cip.AdminUserGlobalSignOutInput{
			UserPoolId: new(w.pool.ID()), Username: &w.ada.Subject,
		}); err != nil {
			t.Fatalf("AdminUserGlobalSignOut: %v", err)
		}
	}
	_, err := w.refresh(tokens.RefreshToken)
	wantCode(t, "refresh", err, "NotAuthorizedException", "Refresh Token has been revoked")
	wantCode(t, "GetUser", w.getUser(tokens.AccessToken), "NotAuthorizedException", "Access Token has been revoked")
}
