package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestCORS(t *testing.T) {
	const allowed, other = "https://app.example.com", "https://evil.example.com"
	preflight := func(w *world, h http.Handler, path, origin string) answer {
		r := httptest.NewRequestWithContext(w.t.Context(), http.MethodOptions, path, nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", http.MethodPost)
		return serve(h, r)
	}
	t.Run("an allowed origin", func(t *testing.T) {
		w := newWorld(t)
		a := preflight(w, w.public, "/oauth2/revoke", allowed)
		if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Origin") != allowed ||
			!strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Authorization") {
			t.Errorf("preflight = %v", a)
		}
		a = w.form(url.Values{"token": {refresh}, "client_id": {app}}, header("Origin", allowed))
		if a.header.Get("Access-Control-Allow-Origin") != allowed || !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "Revoked-Local") {
			t.Errorf("answer = %v", a)
		}
		a = w.form(url.Values{"token": {refresh}, "client_id": {"nobody"}}, header("Origin", allowed))
		if a.status != http.StatusUnauthorized || a.header.Get("Access-Control-Allow-Origin") != allowed {
			t.Errorf("refusal = %v, want one that the script may read", a)
		}
	})
	for _, origin := range []string{other, "null", "https://app.example.com.evil.com", "HTTPS://APP.EXAMPLE.COM", "*"} {
		t.Run("origin "+origin, func(t *testing.T) {
			w := newWorld(t)
			a := preflight(w, w.public, "/oauth2/revoke", origin)
			if a.status != http.StatusMethodNotAllowed || a.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("preflight = %v", a)
			}
			a = w.form(url.Values{"token": {refresh}, "client_id": {app}}, header("Origin", origin))
			if a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Vary") != "Origin" {
				t.Errorf("answer = %v", a)
			}
		})
	}
	t.Run("never for operators", func(t *testing.T) {
		w := newWorld(t)
		a := preflight(w, w.admin, "/v1/revocations", allowed)
		if a.status != http.StatusUnauthorized || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("preflight = %v", a)
		}
	})
}
