package cognitotest

import (
	"net/http"
)

// routes is the whole HTTP surface. Pools share the OAuth paths, which find
// the pool by the client or the token; a real pool has a domain of its own.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", s.serveAPI)
	mux.HandleFunc("GET /{pool}/.well-known/jwks.json", s.serveJWKS)
	return s.always(mux)
}

// always does what every response needs: the Date of the emulator's clock,
// and CORS as open as Cognito's, whose callers are mostly browsers.
func (s *Server) always(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.counters.requested(r.URL.Path)
		header := w.Header()
		header.Set("Date", s.date())
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Access-Control-Expose-Headers", "x-amzn-requestid, x-amzn-errortype, x-amzn-errormessage, date")
		if r.Method == http.MethodOptions {
			header.Set("Access-Control-Allow-Methods", "GET, POST")
			header.Set("Access-Control-Allow-Headers", "*, authorization")
			header.Set("Access-Control-Max-Age", "172800")
			return
		}
		next.ServeHTTP(w, r)
	})
}
