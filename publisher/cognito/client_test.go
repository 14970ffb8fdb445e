package cognito_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

const day = 24 * time.Hour

func TestDescribeClient(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	for name, test := range map[string]struct {
		config cognitotest.ClientConfig
		want   cognito.ClientSettings
	}{
		"defaults": {cognitotest.ClientConfig{}, cognito.ClientSettings{
			RevocationEnabled: true, AccessValidity: time.Hour, IDValidity: time.Hour, RefreshValidity: 30 * day}},
		"own validity": {cognitotest.ClientConfig{AccessValidity: 5 * time.Minute, IDValidity: day, RefreshValidity: 90 * time.Minute},
			cognito.ClientSettings{RevocationEnabled: true, AccessValidity: 5 * time.Minute, IDValidity: day, RefreshValidity: 90 * time.Minute}},
		"rotating": {cognitotest.ClientConfig{RotateRefreshTokens: true, RotationGrace: 30 * time.Second}, cognito.ClientSettings{
			RevocationEnabled: true, AccessValidity: time.Hour, IDValidity: time.Hour, RefreshValidity: 30 * day,
			Rotation: true, RotationGrace: 30 * time.Second}},
		"revocation off": {cognitotest.ClientConfig{DisableTokenRevocation: true}, cognito.ClientSettings{
			AccessValidity: time.Hour, IDValidity: time.Hour, RefreshValidity: 30 * day}},
	} {
		t.Run(name, func(t *testing.T) {
			client := must(w.emulated.CreateClient(test.config))
			got, err := w.pool.DescribeClient(t.Context(), client.ID)
			if err != nil {
				t.Fatalf("DescribeClient: %v", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("DescribeClient (-want +got):\n%s", diff)
			}
		})
	}
	_, err := w.pool.DescribeClient(t.Context(), "nobody")
	wantError(t, "DescribeClient of no client", err,
		publisher.CognitoError{Op: "DescribeUserPoolClient", Code: "ResourceNotFoundException"})
}

// Units, as Cognito sends them.
func TestDescribeClientUnits(t *testing.T) {
	for name, test := range map[string]struct {
		client string
		want   cognito.ClientSettings // zero if unreadable
	}{
		"nothing set": {`{}`, cognito.ClientSettings{AccessValidity: time.Hour, IDValidity: time.Hour, RefreshValidity: 30 * day}},
		"zeros": {`{"AccessTokenValidity":0,"IdTokenValidity":0,"RefreshTokenValidity":0,"TokenValidityUnits":{"AccessToken":"minutes","RefreshToken":"minutes"}}`,
			cognito.ClientSettings{AccessValidity: time.Hour, IDValidity: time.Hour, RefreshValidity: 30 * day}},
		"default units": {`{"AccessTokenValidity":2,"IdTokenValidity":3,"RefreshTokenValidity":4,"TokenValidityUnits":{}}`,
			cognito.ClientSettings{AccessValidity: 2 * time.Hour, IDValidity: 3 * time.Hour, RefreshValidity: 4 * day}},
		"all units": {`{"AccessTokenValidity":300,"IdTokenValidity":10,"RefreshTokenValidity":3650,
			"TokenValidityUnits":{"AccessToken":"seconds","IdToken":"minutes","RefreshToken":"days"}}`,
			cognito.ClientSettings{AccessValidity: 5 * time.Minute, IDValidity: 10 * time.Minute, RefreshValidity: 3650 * day}},
		"rotation off": {`{"RefreshTokenRotation":{"Feature":"DISABLED","RetryGracePeriodSeconds":9}}`,
			cognito.ClientSettings{AccessValidity: time.Hour, IDValidity: time.Hour, RefreshValidity: 30 * day}},
		"new unit": {`{"AccessTokenValidity":1,"TokenValidityUnits":{"AccessToken":"fortnights"}}`, cognito.ClientSettings{}},
		"negative": {`{"RefreshTokenValidity":-1}`, cognito.ClientSettings{}},
		"overflow": {`{"RefreshTokenValidity":2147483647}`, cognito.ClientSettings{}},
		"missing":  {`null`, cognito.ClientSettings{}},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{"UserPoolClient":` + test.client + `}`))
			}))
			defer endpoint.Close()
			w := newWorld(t, cognitotest.Config{}, func(c *cognito.Config) { c.Endpoint = endpoint.URL })
			got, err := w.pool.DescribeClient(t.Context(), w.public.ID)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("DescribeClient (-want +got):\n%s", diff)
			}
			if (test.want != cognito.ClientSettings{}) {
				if err != nil {
					t.Errorf("DescribeClient: %v", err)
				}
				return
			}
			wantError(t, "DescribeClient", err,
				publisher.CognitoError{Op: "DescribeUserPoolClient", Code: cognito.CodeUnreadable, Retry: true})
		})
	}
}
