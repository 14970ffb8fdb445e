package cognitotest_test

import (
	"testing"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

func TestSeedDemo(t *testing.T) {
	srv := must(cognitotest.Start(cognitotest.Config{}))
	defer srv.Close()
	demo := must(srv.SeedDemo("http://127.0.0.1:8081/callback"))
	w := &world{srv: srv, pool: demo.Pool, client: demo.Client, aws: newSDK(srv.URL())}
	_, c := verified(t, demo.Pool, *w.signIn(t).AccessToken)
	if c["iss"] != "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Demo12345" || c["sub"] != demo.Ada.Subject {
		t.Errorf("claims %v, want the demo pool and ada", c)
	}
	if groups, _ := c["cognito:groups"].([]any); len(groups) != 1 || groups[0] != "admins" {
		t.Errorf("groups %v, want admins", c["cognito:groups"])
	}
	if _, err := srv.SeedDemo(); err == nil {
		t.Errorf("a second demo pool was accepted")
	}
}
