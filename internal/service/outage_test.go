package service_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

func (b *bench) awaitReason(t *testing.T, reason string) {
	t.Helper()
	waitFor(t, "/readyz to say "+reason, func() bool {
		a := b.get(b.svc.MetricsURL(), "/readyz")
		return a.status == http.StatusServiceUnavailable && strings.Contains(a.body, reason)
	})
}

func TestNATSComesLate(t *testing.T) {
	t.Parallel()
	b := newStoppedBench(t)
	b.nats.Stop()
	b.start(b.config())
	tokens := b.signIn(b.demo.Client, b.demo.Ada)
	byUser := map[string]string{"kind": "user", "id": b.demo.Ada.Subject}

	if a := b.get(b.svc.MetricsURL(), "/livez"); a.status != http.StatusOK {
		t.Errorf("/livez = %v, want 200", a)
	}
	b.awaitReason(t, "nats is out of reach")
	if a := b.admin(http.MethodPost, "/v1/revocations", byUser, nil); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("answer = %v, want 503 with Retry-After", a)
	}
	a := b.oauthRevoke(b.demo.Client.ID, "", url.Values{"token": {tokens.RefreshToken}})
	if a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "temporarily_unavailable") {
		t.Errorf("answer = %v, want 503 temporarily_unavailable", a)
	}

	if err := b.nats.Restart(); err != nil {
		t.Fatal(err)
	}
	b.awaitReason(t, "revoked provision")
	b.provision()
	b.awaitReady()
	if a := b.get(b.svc.MetricsURL(), "/readyz"); a.status != http.StatusOK {
		t.Errorf("/readyz = %v, want 200", a)
	}
	b.openNode()
	if a := b.admin(http.MethodPost, "/v1/revocations", byUser, nil); a.status != http.StatusCreated {
		t.Errorf("answer = %v, want 201", a)
	}
	b.awaitRefused(t, tokens.AccessToken)
	for _, line := range []string{"nats is out of reach, retrying", "revoked provision", "nats connected", "ready to revoke"} {
		if got := strings.Count(b.log.String(), line); got != 1 {
			t.Errorf("%d log lines say %q, want 1", got, line)
		}
	}
}

func TestNATSGoesAway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.nats.Stop()
	b.awaitReason(t, "nats is out of reach")
	byUser := map[string]string{"kind": "user", "id": b.demo.Ada.Subject}
	var p struct{ Type, Denied string }
	a := b.admin(http.MethodPost, "/v1/revocations", byUser, &p)
	if a.status != http.StatusServiceUnavailable || p.Type != "/problems/not_durable" || p.Denied != "no" {
		t.Errorf("answer = %v, want 503 not_durable, denied: no", a)
	}
	if err := b.nats.Restart(); err != nil {
		t.Fatal(err)
	}
	b.awaitReady()
	if a := b.admin(http.MethodPost, "/v1/revocations", byUser, nil); a.status != http.StatusCreated {
		t.Errorf("answer = %v, want 201", a)
	}
}

func TestCognitoOutOfReach(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	app := b.demo.Client
	ada, grace, other := b.signIn(app, b.demo.Ada), b.signIn(app, b.demo.Grace), b.signIn(app, b.demo.Grace)
	ops := []string{"RevokeToken", "ListUsers", "AdminGetUser", "AdminUserGlobalSignOut", "GetTokensFromRefreshToken"}
	for _, op := range ops {
		b.cognito.Fail(op, cognitotest.Failure{Drop: true})
	}

	// Nodes refuse all the same.
	var user shown
	if a := b.admin(http.MethodPost, "/v1/revocations", map[string]string{"kind": "user", "id": b.demo.Ada.Subject}, &user); a.status != http.StatusCreated {
		t.Fatalf("answer = %v", a)
	}
	b.awaitRefused(t, ada.AccessToken)
	form := url.Values{"token": {grace.RefreshToken}, "access_token": {grace.AccessToken}}
	wantAnswer(t, b.oauthRevoke(app.ID, "", form), "denied", "pending")
	b.awaitRefused(t, grace.AccessToken)

	// What needs Cognito first does not pretend.
	a := b.oauthRevoke(app.ID, "", url.Values{"token": {other.RefreshToken}})
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.header.Get("Revoked-Local") != "" {
		t.Errorf("answer = %v, want 503 with Retry-After", a)
	}
	b.accepts(t, other.AccessToken)

	waitFor(t, "a code of the failure", func() bool { return b.awaitCognito(t, user.ID, "pending").Code() == "unreachable" })
	for _, op := range ops {
		b.cognito.Heal(op)
	}
	b.awaitCognito(t, user.ID, "done")
	wantAnswer(t, b.oauthRevoke(app.ID, "", url.Values{"token": {other.RefreshToken}}), "denied", "done")
	b.awaitRefused(t, other.AccessToken)
}

// Code returns the code of the leg to Cognito.
func (s shown) Code() string { return s.Cognito.Code }

// A service without keys is ready after a while: an operator needs none.
func TestKeysMissing(t *testing.T) {
	t.Parallel()
	b := newStoppedBench(t)
	b.provision()
	cfg := b.config()
	cfg.Pools[0].JWKSURL = b.cognito.URL() + "/nothing/here.json"
	b.start(cfg)
	began := time.Now()
	b.awaitReady()
	if took := time.Since(began); took < 5*time.Second {
		t.Errorf("ready after %v, want a wait for keys", took)
	}
	if a := b.get(b.svc.MetricsURL(), "/readyz"); !strings.Contains(a.body, `"keys":`) {
		t.Errorf("/readyz = %v, want it to name the missing keys", a)
	}
	tokens := b.signIn(b.demo.Client, b.demo.Ada)
	if a := b.oauthRevoke(b.demo.Client.ID, "", url.Values{"token": {tokens.AccessToken}}); a.status != http.StatusServiceUnavailable {
		t.Errorf("by token = %v, want 503", a)
	}
	b.openNode()
	if a := b.admin(http.MethodPost, "/v1/revocations", map[string]string{"kind": "user", "id": b.demo.Ada.Subject}, nil); a.status != http.StatusCreated {
		t.Errorf("by id = %v, want 201", a)
	}
	b.awaitRefused(t, tokens.AccessToken)
}
