package service_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// What was accepted is known after a restart, and what Cognito was not told
// before is told by the next process, with the refresh token that was stored.
func TestRestartFinishesWhatWasLeft(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	tokens := b.signIn(b.demo.Client, b.demo.Ada)
	b.cognito.Fail("RevokeToken", cognitotest.Failure{Code: "InternalErrorException"})
	a := b.oauthRevoke(b.demo.Client.ID, "", url.Values{"token": {tokens.RefreshToken}, "access_token": {tokens.AccessToken}})
	wantAnswer(t, a, "denied", "pending")
	var before struct {
		Revocations []struct{ ID string }
	}
	b.admin("GET", "/v1/revocations", nil, &before)
	if len(before.Revocations) != 1 {
		t.Fatalf("%d revocations are listed, want 1", len(before.Revocations))
	}
	if err := b.svc.Close(); err != nil {
		t.Fatal(err)
	}
	b.cognito.Heal("RevokeToken")
	b.start(b.config())
	b.awaitReady()
	path := "/v1/revocations/" + before.Revocations[0].ID
	waitFor(t, "Cognito to be told", func() bool {
		return strings.Contains(b.admin("GET", path, nil, nil).body, `"state":"confirmed"`)
	})
	if text := b.get(b.svc.MetricsURL(), "/metrics").body; !strings.Contains(text, `revoked_service_tasks{state="pending"} 0`) ||
		!strings.Contains(text, "revoked_service_tasks_stored 1") {
		t.Errorf("metrics lack the tasks:\n%s", text)
	}
}

// A refusal that only a person can mend raises the number of dead letters, and
// the act stands.
func TestDeadLetterStandsAndAlarms(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	tokens := b.signIn(b.demo.Client, b.demo.Ada)
	b.cognito.Fail("RevokeToken", cognitotest.Failure{Code: "UnauthorizedException"})
	a := b.oauthRevoke(b.demo.Client.ID, "", url.Values{"token": {tokens.RefreshToken}, "access_token": {tokens.AccessToken}})
	wantAnswer(t, a, "denied", "failed")
	b.awaitRefused(t, tokens.AccessToken)
	waitFor(t, "the dead letter to be counted", func() bool {
		return strings.Contains(b.get(b.svc.MetricsURL(), "/metrics").body, `revoked_service_tasks{state="dead_letter"} 1`)
	})
}
