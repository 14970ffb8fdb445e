package service

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"
)

// Calls about a pool are signed by the role of its account, and quotas are shared
// by pools of one account and Region only.
func TestPoolsOfSeveralAccounts(t *testing.T) {
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account := regexp.MustCompile(`\d{12}`).FindString(r.FormValue("RoleArn"))
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
			<AccessKeyId>ASIA%s</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration>
			</Credentials></AssumeRoleResult></AssumeRoleResponse>`, account+r.FormValue("ExternalId"), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(sts.Close)
	var mu sync.Mutex
	var signers []string
	cognito := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		signers = append(signers, regexp.MustCompile(`Credential=(\w+)/`).FindStringSubmatch(r.Header.Get("Authorization"))[1])
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"NotAuthorizedException","message":"no"}`)
	}))
	t.Cleanup(cognito.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cognito.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIASERVICE", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_CA_BUNDLE": authority, "AWS_ENDPOINT_URL_STS": sts.URL,
	} {
		t.Setenv(name, value)
	}

	cfg := Default()
	client := func(id string) []Client { return []Client{{ID: id}} }
	const role = "arn:aws:iam::210987654321:role/revoked"
	cfg.Pools = []Pool{
		{ID: "eu-west-1_Own000001", Endpoint: cognito.URL, Clients: client("a")},
		{ID: "eu-west-1_Other0001", Endpoint: cognito.URL, RoleARN: role, Clients: client("b")},
		{ID: "eu-west-1_Other0002", Endpoint: cognito.URL, RoleARN: role, ExternalID: "EXT", Clients: client("c")},
		{ID: "us-east-1_Other0003", Endpoint: cognito.URL, RoleARN: role, Clients: client("d")},
	}
	s := &Service{cfg: cfg}
	s.numbers = newNumbers(s)
	pools, err := s.newPools(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"AKIASERVICE", "ASIA210987654321", "ASIA210987654321EXT", "ASIA210987654321"} {
		signers = nil
		err := pools[cfg.Pools[i].ID].Cognito.SignOutUser(t.Context(), "00000000-0000-4000-8000-000000000001")
		if len(signers) == 0 || signers[0] != want {
			t.Errorf("%s: signed by %v (%v), want %s", cfg.Pools[i].ID, signers, err, want)
		}
	}
	for _, scope := range []quotaScope{{"own", "eu-west-1"}, {"210987654321", "eu-west-1"}, {"210987654321", "us-east-1"}} {
		if s.limiters[scope] == nil {
			t.Errorf("no limits for %+v", scope)
		}
	}
	if len(s.limiters) != 3 {
		t.Errorf("limits for %d accounts and Regions, want 3", len(s.limiters))
	}
}
