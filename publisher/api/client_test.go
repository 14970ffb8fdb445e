package api_test

import (
	"net/http"
	"net/url"
	"testing"
)

func TestClientAuthentication(t *testing.T) {
	q := url.QueryEscape
	tests := []struct {
		name   string
		id     string // client_id in the body
		edit   func(*http.Request)
		client string // that is found; empty: refused
		status int
	}{
		{"public", app, header("X"), app, 200},
		{"public with an empty secret", "", basic(app, ""), app, 200},
		{"confidential", "", basic(q(vault), q(secret)), vault, 200},
		{"confidential, named twice", vault, basic(q(vault), q(secret)), vault, 200},
		{"unknown", "nobody", header("X"), "", 401},
		{"unknown with a secret", "", basic("nobody", "x"), "", 401},
		{"confidential without secret", vault, header("X"), "", 401},
		{"confidential with an empty secret", "", basic(vault, ""), "", 401},
		{"wrong secret", "", basic(vault, "wrong"), "", 401},
		{"secret that is not form-encoded", "", basic(vault, secret), "", 401},
		{"public with a secret", "", basic(app, "x"), "", 401},
		{"two different clients", app, basic(q(vault), q(secret)), "", 401},
		{"bearer token", app, header("Authorization", "Bearer x"), "", 401},
		{"Basic without base64", app, header("Authorization", "Basic !!"), "", 401},
		{"Basic without id", "", basic("", secret), "", 401},
		{"Basic with a broken escape", "", basic("%zz", secret), "", 401},
		{"two Authorization headers", "", header("Authorization", "Basic eDp5", "Basic eDp5"), "", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			a := w.form(url.Values{"token": {refresh}, "client_id": {tt.id}}, tt.edit)
			if tt.client == "" {
				code := "invalid_client"
				if tt.status == http.StatusBadRequest {
					code = "invalid_request"
				}
				a.wantOAuthError(t, tt.status, code)
				w.fake.quiet(t)
				return
			}
			if a.status != tt.status || len(w.fake.sessions) != 1 || w.fake.sessions[0].ClientID != tt.client {
				t.Errorf("answer = %v, presented %+v, want %d for client %s", a, w.fake.sessions, tt.status, tt.client)
			}
		})
	}
}

// The confidential client's tokens are worth nothing without its secret, also
// for somebody who names another client.
func TestTokenOfTheConfidentialClient(t *testing.T) {
	w := newWorld(t)
	wantRevoked(t, w.form(url.Values{"token": {accessVault}, "client_id": {app}}), "unknown", "")
	w.form(url.Values{"token": {accessVault}, "client_id": {vault}}).wantOAuthError(t, http.StatusUnauthorized, "invalid_client")
	w.fake.quiet(t)
}
