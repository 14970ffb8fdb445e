package gate

import (
	"context"
	"net/http"

	"github.com/seed-4e8dee1b/revoked/validator/extauthz"
)

// forwardAuth serves GET /auth, to which a proxy sends a copy of the header of
// each request: nginx by auth_request, Caddy by forward_auth, Traefik by
// ForwardAuth.
//
// The answer is 200, 401 or 403 and nothing else, since nginx turns every other
// into an error of its own; while the denylist is stale, 403 with Retry-After.
// A proxy that passes answers through asks for /auth?unavailable=503 and gets
// that status then.
func (g *Gate) forwardAuth() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/auth", func(w http.ResponseWriter, r *http.Request) {
		method, target, described := forwarded(r.Header)
		v := verdict{outcome: outcomeUndescribed}
		if described {
			v = g.judge.request(r.Context(), request{method, target, r.Header.Values("Authorization")})
		} else {
			g.sampled.Warn().Msg("X-Forwarded-Method and X-Forwarded-Uri must be there, once each: see deploy/ for how a proxy sends them")
		}
		g.numbers.count(viaForwardAuth, v)
		if !v.allow {
			refusal := v.refusal(g.cfg.Realm)
			switch refusal.Status {
			case http.StatusUnauthorized, http.StatusForbidden:
			case http.StatusBadRequest: // more than one Authorization
				refusal.Status = http.StatusUnauthorized
			default:
				if r.URL.RawQuery != "unavailable=503" {
					refusal.Status = http.StatusForbidden
				}
			}
			refusal.Write(w)
			return
		}
		for i, value := range identity(v.tok) {
			w.Header().Set(identityHeaders[i], value)
		}
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusOK)
	})
	return mux
}

// forwarded returns what the proxy says of the request. A header that is there
// twice has one value of the proxy's and one of the client's.
func forwarded(h http.Header) (method, target string, described bool) {
	methods, targets := h.Values("X-Forwarded-Method"), h.Values("X-Forwarded-Uri")
	if len(methods) != 1 || len(targets) != 1 {
		return "", "", false
	}
	return methods[0], targets[0], true
}

// extAuthz decides for Envoy.
func (g *Gate) extAuthz(ctx context.Context, r extauthz.Request) extauthz.Answer {
	v := g.judge.request(ctx, request{r.Method, r.Path, r.Authorization})
	g.numbers.count(viaExtAuthz, v)
	if !v.allow {
		refusal := v.refusal(g.cfg.Realm)
		return extauthz.Answer{Status: refusal.Status, Header: refusal.Header, Body: refusal.Body}
	}
	ans := extauthz.Answer{Allow: true, Header: make(http.Header)}
	for i, value := range identity(v.tok) {
		if value == "" {
			ans.Remove = append(ans.Remove, identityHeaders[i])
		} else {
			ans.Header.Set(identityHeaders[i], value)
		}
	}
	return ans
}
