package cognito_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// provider is a function as credentials.
type provider func(context.Context) (aws.Credentials, error)

func (p provider) Retrieve(ctx context.Context) (aws.Credentials, error) { return p(ctx) }

func TestCredentials(t *testing.T) {
	failing := provider(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no role on this machine")
	})
	empty := provider(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, nil })
	hanging := provider(func(ctx context.Context) (aws.Credentials, error) {
		<-ctx.Done()
		return aws.Credentials{}, ctx.Err()
	})
	for name, test := range map[string]struct {
		credentials aws.CredentialsProvider
		code        string // empty if they work
		retry       bool
		cause       string
	}{
		"none":      {nil, cognito.CodeNoCredentials, false, "Config.AWS.Credentials"},
		"anonymous": {aws.AnonymousCredentials{}, cognito.CodeNoCredentials, false, "Config.AWS.Credentials"},
		"cached":    {aws.NewCredentialsCache(aws.AnonymousCredentials{}), cognito.CodeNoCredentials, false, "Config.AWS.Credentials"},
		"failing":   {failing, cognito.CodeCredentials, true, "no role on this machine"},
		"empty":     {empty, cognito.CodeCredentials, true, "no keys"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, cognitotest.Config{}, func(c *cognito.Config) { c.AWS.Credentials = test.credentials })
			err := w.pool.CheckCredentials(t.Context())
			wantError(t, "CheckCredentials", err,
				publisher.CognitoError{Op: "credentials", Code: test.code, Retry: test.retry})
			if err == nil || !strings.Contains(err.Error(), test.cause) {
				t.Errorf("CheckCredentials: %v, want the cause %q", err, test.cause)
			}
			wantError(t, "SignOutUser", w.pool.SignOutUser(t.Context(), w.ada.Subject),
				publisher.CognitoError{Op: "ListUsers", Code: test.code, Retry: test.retry})
			_, err = w.pool.DescribeClient(t.Context(), w.public.ID)
			wantError(t, "DescribeClient", err,
				publisher.CognitoError{Op: "DescribeUserPoolClient", Code: test.code, Retry: test.retry})
			if stats := w.pool.Stats(); stats.Attempts != 0 || stats.Refused != 2 {
				t.Errorf("Stats = %+v, want no attempts and 2 refused", stats)
			}
			// The user's own tokens are authority enough elsewhere.
			tokens := w.signIn(w.vault)
			if _, err := w.pool.Refresh(t.Context(), w.vault.ID, tokens.RefreshToken); err != nil {
				t.Errorf("Refresh: %v", err)
			}
			if err := w.pool.RevokeToken(t.Context(), w.vault.ID, tokens.RefreshToken); err != nil {
				t.Errorf("RevokeToken: %v", err)
			}
			if revoked, err := w.pool.AccessTokenRevoked(t.Context(), tokens.AccessToken); err != nil || !revoked {
				t.Errorf("AccessTokenRevoked = %t, %v", revoked, err)
			}
		})
	}
	w := newWorld(t, cognitotest.Config{}, func(c *cognito.Config) { c.AWS.Credentials = hanging })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.pool.CheckCredentials(ctx); err == nil {
		t.Errorf("CheckCredentials with a canceled context succeeded")
	}
	works := newWorld(t, cognitotest.Config{})
	if err := works.pool.CheckCredentials(t.Context()); err != nil {
		t.Errorf("CheckCredentials: %v", err)
	}
}
