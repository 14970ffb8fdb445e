package service_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/service"
)

// People call with the access tokens that they have, as long as these are
// neither expired nor revoked; programs with keys of which the service knows
// only hashes.
func TestCallers(t *testing.T) {
	t.Parallel()
	b := newStoppedBench(t)
	b.provision()
	const viewerKey = "key-of-a-dashboard-1"
	sum := sha256.Sum256([]byte(viewerKey))
	cfg := b.config()
	cfg.APIKeys = []service.Key{{ID: "dashboard", Role: "viewer", SHA256: service.KeyHash(hex.EncodeToString(sum[:]))}}
	cfg.Pools[0].Callers = []service.Grant{{Group: "admins", Role: "operator", Clients: []string{b.demo.Client.ID}}}
	b.start(cfg)
	b.awaitReady()
	b.secrets = append(b.secrets, viewerKey)

	ada, grace := b.signIn(b.demo.Client, b.demo.Ada), b.signIn(b.demo.Client, b.demo.Grace)
	elsewhere := b.signIn(b.demo.Vault, b.demo.Ada)
	user := map[string]string{"kind": "user", "id": b.demo.Ada.Subject}
	as := func(credential, method string, body any, out any) answer {
		return b.adminAs(credential, method, "/v1/revocations", body, out)
	}
	for _, tt := range []struct {
		name, credential string
		reads, revokes   int
	}{
		{"the viewer's key", viewerKey, 200, 403},
		{"a wrong key", viewerKey + "x", 401, 401},
		{"the token of a user without the group", grace.AccessToken, 403, 403},
		{"an ID token", ada.IDToken, 401, 401},
		{"a token of another client", elsewhere.AccessToken, 403, 403},
		{"a refresh token", ada.RefreshToken, 401, 401},
		{"a forged token", strangersToken(t, b, "a", "b"), 401, 401},
	} {
		if a := as(tt.credential, http.MethodGet, nil, nil); a.status != tt.reads {
			t.Errorf("%s reads: %v, want %d", tt.name, a, tt.reads)
		}
		if a := as(tt.credential, http.MethodPost, user, nil); a.status != tt.revokes {
			t.Errorf("%s revokes: %v, want %d", tt.name, a, tt.revokes)
		}
	}
	// Ada revokes herself, and is not let in again.
	var s struct{ Operator string }
	if a := as(ada.AccessToken, http.MethodPost, user, &s); a.status != http.StatusCreated || s.Operator != b.demo.Ada.Subject {
		t.Errorf("Ada revokes: %v, want 201 with her sub as operator", a)
	}
	waitFor(t, "the service to refuse the token", func() bool {
		return as(ada.AccessToken, http.MethodGet, nil, nil).status == http.StatusUnauthorized
	})
}
