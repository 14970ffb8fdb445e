package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"strings"
)

// AdminConfig configures [NewAdmin].
type AdminConfig struct {
	Common
	// APIKey is what callers present as a bearer token. Required, unless
	// InsecureNoAuth is set.
	APIKey string
	// InsecureNoAuth serves anybody who asks for a loopback host name. It is
	// for development on one machine.
	InsecureNoAuth bool
	// Pools are the configured user pools. If there is exactly one, requests
	// need not name it.
	Pools []string
}

// admin is the handler for operators.
type admin struct {
	cfg AdminConfig
	key [sha256.Size]byte
}

// NewAdmin returns the handler for operators. An error names the field.
func NewAdmin(cfg AdminConfig) (http.Handler, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	switch {
	case cfg.APIKey == "" && !cfg.InsecureNoAuth:
		return nil, errors.New("api: AdminConfig.APIKey is empty")
	case cfg.APIKey != "" && cfg.InsecureNoAuth:
		return nil, errors.New("api: AdminConfig.InsecureNoAuth is set beside an APIKey")
	case len(cfg.Pools) == 0:
		return nil, errors.New("api: AdminConfig.Pools is empty")
	}
	a := &admin{cfg: cfg, key: sha256.Sum256([]byte(cfg.APIKey))}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/revocations", a.create)
	mux.HandleFunc("GET /v1/revocations", a.list)
	mux.HandleFunc("GET /v1/revocations/{id}", a.get)
	guard := a.requireKey
	if cfg.InsecureNoAuth {
		guard = requireLoopbackHost
	}
	return cfg.observed("admin", mux, guard, func(w http.ResponseWriter, status int) {
		p := &problem{Type: ProblemNotFound, Status: http.StatusNotFound, Detail: "There is no such resource."}
		if status == http.StatusMethodNotAllowed {
			p = &problem{Type: ProblemMethod, Status: status, Detail: "The Allow header has the methods of this resource."}
		}
		p.write(w)
	}), nil
}

// operator is who asked, as kept with a revocation.
func (a *admin) operator() string {
	if a.cfg.InsecureNoAuth {
		return "anonymous"
	}
	return "api key"
}

// requireKey lets requests with the API key pass (RFC 6750, section 2.1).
func (a *admin) requireKey(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		challenge, detail := `Bearer realm="revoked"`, "Send Authorization: Bearer and the API key."
		header := r.Header.Values("Authorization")
		if len(header) > 0 {
			scheme, key, _ := strings.Cut(header[0], " ")
			given := sha256.Sum256([]byte(strings.TrimLeft(key, " ")))
			if subtle.ConstantTimeCompare(given[:], a.key[:]) == 1 && len(header) == 1 && strings.EqualFold(scheme, "Bearer") {
				next.ServeHTTP(w, r)
				return
			}
			challenge, detail = challenge+`, error="invalid_token"`, "The API key is not the one that is configured."
		}
		w.Header().Set("WWW-Authenticate", challenge)
		(&problem{Type: ProblemUnauthorized, Status: http.StatusUnauthorized, Detail: detail}).write(w)
	})
}

// requireLoopbackHost stands in for the key on a loopback listener: a web page
// whose name its owner has pointed at 127.0.0.1 (DNS rebinding) could send any
// request there, but not with our name in Host.
func requireLoopbackHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = strings.Trim(r.Host, "[]")
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			(&problem{
				Type: ProblemForbidden, Status: http.StatusForbidden,
				Detail: "Without an API key only localhost is served.",
			}).write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}
