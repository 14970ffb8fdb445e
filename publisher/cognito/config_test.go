package cognito_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

func TestConfigRefused(t *testing.T) {
	const id = "eu-west-1_AbC123"
	for want, config := range map[string]cognito.Config{
		"Config.PoolID is missing":                     {},
		"Config.PoolID \"eu-west-1\"":                  {PoolID: "eu-west-1"},
		"Config.PoolID \"a/b_c\"":                      {PoolID: "a/b_c"},
		"Config.PoolID \"x_" + strings.Repeat("a", 54): {PoolID: "x_" + strings.Repeat("a", 54)},
		"Config.Endpoint":                              {PoolID: id, Endpoint: "localhost:9229"},
		"Config.UserInfoURL":                           {PoolID: id, UserInfoURL: "auth.example.com"},
		"Config.Clients[1].ID is missing":              {PoolID: id, Clients: []cognito.Client{{ID: "a"}, {Secret: "b"}}},
		"Config.Clients[1].ID \"a\"":                   {PoolID: id, Clients: []cognito.Client{{ID: "a"}, {ID: "a"}}},
		"Config.CallTimeout":                           {PoolID: id, CallTimeout: -time.Second},
		"Config.MaxAttempts":                           {PoolID: id, MaxAttempts: -1},
		"Limits.UserUpdate":                            {PoolID: id, Limits: cognito.Limits{UserUpdate: -1}},
	} {
		pool, err := cognito.New(config)
		if pool != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%+v) = %v, %v, want an error with %q", config, pool, err, want)
		}
	}
}

// transport answers every request itself and notes the last one.
type transport struct{ last *http.Request }

func (t *transport) Do(r *http.Request) (*http.Response, error) {
	t.last = r
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

func TestRegion(t *testing.T) {
	for name, test := range map[string]struct {
		config cognito.Config
		host   string
	}{
		"of the pool":     {cognito.Config{PoolID: "eu-west-1_AbC123"}, "cognito-idp.eu-west-1.amazonaws.com"},
		"not that of AWS": {cognito.Config{PoolID: "eu-west-1_AbC123", AWS: aws.Config{Region: "us-east-1"}}, "cognito-idp.eu-west-1.amazonaws.com"},
		"of a replica":    {cognito.Config{PoolID: "eu-west-1_AbC123", Region: "eu-central-1"}, "cognito-idp.eu-central-1.amazonaws.com"},
		"of China":        {cognito.Config{PoolID: "cn-north-1_AbC123"}, "cognito-idp.cn-north-1.amazonaws.com.cn"},
	} {
		seen := &transport{}
		test.config.AWS.HTTPClient = seen
		pool := must(cognito.New(test.config))
		if pool.ID() != test.config.PoolID {
			t.Errorf("%s: ID = %q", name, pool.ID())
		}
		if err := pool.RevokeToken(t.Context(), "client", "x"); err != nil {
			t.Errorf("%s: RevokeToken: %v", name, err)
		}
		if seen.last == nil || seen.last.URL.Scheme != "https" || seen.last.URL.Host != test.host {
			t.Errorf("%s: sent %+v, want it sent to %s", name, seen.last, test.host)
		}
	}
}

// The environment reaches the pool as users of AWS expect.
func TestEnvironment(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": w.srv.URL(),
		"AWS_ACCESS_KEY_ID":                          "AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY":                      "key",
		"AWS_SHARED_CREDENTIALS_FILE":                t.TempDir() + "/none",
		"AWS_CONFIG_FILE":                            t.TempDir() + "/none",
		"AWS_MAX_ATTEMPTS":                           "9",
	} {
		t.Setenv(name, value)
	}
	pool := must(cognito.New(cognito.Config{
		PoolID: w.emulated.ID(), AWS: must(config.LoadDefaultConfig(t.Context())), MaxAttempts: 1,
	}))
	if err := pool.CheckCredentials(t.Context()); err != nil {
		t.Errorf("CheckCredentials: %v", err)
	}
	if err := pool.SignOutUser(t.Context(), w.ada.Subject); err != nil {
		t.Errorf("SignOutUser: %v", err)
	}
	w.srv.Fail("ListUsers", cognitotest.Failure{Drop: true})
	if err := pool.SignOutUser(t.Context(), w.ada.Subject); err == nil || w.srv.Calls("ListUsers") != 2 {
		t.Errorf("SignOutUser: %v after %d calls, want an error after one more", err, w.srv.Calls("ListUsers"))
	}
}
