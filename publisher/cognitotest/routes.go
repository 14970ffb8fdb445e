package cognitotest

import (
	"encoding/json"
	"net/http"
)

// routes is the whole HTTP surface. Pools share the OAuth paths, which find
// the pool by the client or the token; a real pool has a domain of its own.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, route := range []struct {
		method, path string
		serve        http.HandlerFunc
	}{
		{"POST", "/{$}", s.serveAPI},
		{"GET", "/{pool}" + pathJWKS, s.guarded(pathJWKS, "", s.serveJWKS)},
		{"GET", "/{pool}" + pathDiscovery, s.guarded(pathDiscovery, "", s.serveDiscovery)},
		{"POST", pathToken, s.serveToken},
		{"POST", pathRevoke, s.guarded(pathRevoke, UserToken, s.serveRevoke)},
		{"GET", pathUserInfo, s.guarded(pathUserInfo, UserRead, s.serveUserInfo)},
		{"POST", pathUserInfo, s.guarded(pathUserInfo, UserRead, s.serveUserInfo)},
	} {
		mux.HandleFunc(route.method+" "+route.path, readableAnywhere(route.serve))
	}
	mux.HandleFunc("OPTIONS /", readableAnywhere(preflight))

	// Pages work with cookies and are no other site's to read.
	mux.HandleFunc("GET "+pathAuthorize, s.guarded(pathAuthorize, "", s.serveAuthorize))
	mux.HandleFunc("GET "+pathLogin, s.guarded(pathLogin, "", s.serveLogin))
	mux.HandleFunc("POST "+pathLogin, s.guarded(pathLogin, UserAuthentication, s.submitLogin))
	mux.HandleFunc("GET "+pathLogout, s.guarded(pathLogout, "", s.serveLogout))

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.counters.requested(r.URL.Path)
		w.Header().Set("Date", s.date())
		mux.ServeHTTP(w, r)
	})
}

// Paths that are operations to [Server.Fail] and [Server.Calls]. The first
// two stand behind each pool's id.
const (
	pathJWKS      = "/.well-known/jwks.json"
	pathDiscovery = "/.well-known/openid-configuration"
	pathAuthorize = "/oauth2/authorize"
	pathToken     = "/oauth2/token"
	pathRevoke    = "/oauth2/revoke"
	pathUserInfo  = "/oauth2/userInfo"
	pathLogin     = "/login"
	pathLogout    = "/logout"
)

// guarded puts [Server.guard] in front of an endpoint that reports errors as
// OAuth does.
func (s *Server) guarded(name string, category Category, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.guard(w, r, endpoint{name, category, writeOAuthError}, next)
	}
}

// readableAnywhere allows every origin, as Cognito does for callers in
// browsers: none of these endpoints looks at a cookie.
func readableAnywhere(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "x-amzn-requestid, x-amzn-errortype, x-amzn-errormessage, date")
		next(w, r)
	}
}

func preflight(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
	w.Header().Set("Access-Control-Allow-Headers", "*, authorization")
	w.Header().Set("Access-Control-Max-Age", "172800")
}

// writeDocument sends v as plain JSON.
func writeDocument(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails
}
