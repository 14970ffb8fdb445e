package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

const (
	maxCheckBody = 1 << 20
	maxChecks    = 1000 // of one batch; the body's limit is met first by tokens of 1 KB
)

// checkRequest is one question, or a batch of them.
type checkRequest struct {
	Token string `json:"token"`
	// With Token: the rule of this request decides; Method empty means GET.
	Method string `json:"method"`
	Path   string `json:"path"`
	// Or the caller says what the token must be.
	TokenUse []validator.TokenUse `json:"token_use"`
	Clients  []string             `json:"clients"`
	Scopes   []string             `json:"scopes"`
	Groups   []string             `json:"groups"`

	// Claims of a token that the caller has verified. It stands alone.
	Claims map[string]any `json:"claims"`

	// Checks stands alone.
	Checks []checkRequest `json:"checks"`
}

// checkAnswer is the answer to one question.
type checkAnswer struct {
	Allow bool `json:"allow"`
	// Reason is a name of the validator's, or an outcome of the rules.
	Reason string `json:"reason"`
	// Act refuses the token, if Reason is revoked.
	Act   string         `json:"act,omitempty"`
	Token *checkedClaims `json:"token,omitempty"`
}

// checkedClaims are about a token that was presented, and is allowed or only
// refused because the denylist is stale.
type checkedClaims struct {
	Pool      string             `json:"pool"`
	Use       validator.TokenUse `json:"token_use"`
	Subject   string             `json:"sub"`
	Username  string             `json:"username,omitempty"`
	ClientID  string             `json:"client_id"`
	Session   string             `json:"origin_jti,omitempty"`
	Scopes    []string           `json:"scopes,omitempty"`
	Groups    []string           `json:"groups,omitempty"`
	ExpiresAt int64              `json:"exp"`
}

// checkAPI serves POST /v1/check.
func (g *Gate) checkAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/check", func(w http.ResponseWriter, r *http.Request) {
		req, err := readCheck(http.MaxBytesReader(w, r.Body, maxCheckBody))
		if err != nil {
			status := http.StatusBadRequest
			if _, large := errors.AsType[*http.MaxBytesError](err); large {
				status = http.StatusRequestEntityTooLarge
			}
			writeJSON(w, status, problem{"about:blank", http.StatusText(status), status, err.Error()})
			return
		}
		if req.Checks == nil {
			writeJSON(w, http.StatusOK, g.answer(r.Context(), req))
			return
		}
		answers := make([]checkAnswer, len(req.Checks))
		for i, c := range req.Checks {
			answers[i] = g.answer(r.Context(), c)
		}
		writeJSON(w, http.StatusOK, struct {
			Results []checkAnswer `json:"results"`
		}{answers})
	})
	return mux
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	kind := "application/json"
	if _, wrong := body.(problem); wrong {
		kind = "application/problem+json"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) //nolint:errcheck // the caller may be gone
}

// readCheck is strict: what is not understood might have been a condition.
func readCheck(body io.Reader) (checkRequest, error) {
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	dec.UseNumber()
	var req checkRequest
	if err := dec.Decode(&req); err != nil {
		return checkRequest{}, fmt.Errorf("the body is not the JSON that is expected: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return checkRequest{}, errors.New("the body goes on after the JSON object")
	}
	if req.Checks == nil {
		return req, req.problem()
	}
	if req.asks() || req.Claims != nil {
		return checkRequest{}, errors.New("checks stands alone: put every question into it")
	}
	if len(req.Checks) > maxChecks {
		return checkRequest{}, fmt.Errorf("%d checks: at most %d", len(req.Checks), maxChecks)
	}
	for i, c := range req.Checks {
		err := c.problem()
		if c.Checks != nil {
			err = errors.New("a batch in a batch")
		}
		if err != nil {
			return checkRequest{}, fmt.Errorf("checks[%d]: %w", i, err)
		}
	}
	return req, nil
}

// asks reports whether there is anything about a token.
func (c checkRequest) asks() bool {
	return c.Token != "" || c.Method != "" || c.Path != "" || c.requires()
}

func (c checkRequest) requires() bool {
	return c.TokenUse != nil || c.Clients != nil || c.Scopes != nil || c.Groups != nil
}

func (c checkRequest) problem() error {
	switch {
	case c.Claims != nil && c.asks():
		return errors.New("claims stands alone: whoever has verified them knows the rest")
	case c.Claims != nil:
		return nil
	case c.Token == "":
		return errors.New("neither token nor claims is there")
	case c.Path == "" && c.Method != "":
		return errors.New("method without path")
	case c.Path != "" && c.requires():
		return errors.New("path stands beside token_use, clients, scopes or groups: the rule of the path says them")
	}
	for _, use := range c.TokenUse {
		if use != validator.AccessToken && use != validator.IDToken {
			return errors.New("token_use has an unknown element: access and id are known")
		}
	}
	return nil
}

// answer decides about one question.
func (g *Gate) answer(ctx context.Context, c checkRequest) checkAnswer {
	var v verdict
	switch {
	case c.Claims != nil:
		_, reason, err := g.judge.claims(c.Claims, g.poolIDs, g.issuers, time.Now())
		v = verdict{allow: reason == validator.ReasonOK, outcome: reason.String(), cause: err}
	case c.Path != "":
		method := c.Method
		if method == "" {
			method = http.MethodGet
		}
		v = g.judge.request(ctx, request{method, c.Path, []string{"Bearer " + c.Token}})
	default:
		q := requirement{uses: usesOrAccess(c.TokenUse), clients: c.Clients, scopes: c.Scopes, groups: c.Groups}
		tok, reason, err := g.judge.token(ctx, c.Token, q)
		v = verdict{allow: reason == validator.ReasonOK, outcome: reason.String(), tok: tok, cause: err}
	}
	g.numbers.count(viaCheck, v)
	ans := checkAnswer{Allow: v.allow, Reason: v.outcome, Token: describe(v.tok)}
	if revoked, ok := errors.AsType[*revocation.RevokedError](v.cause); ok {
		ans.Act = revoked.Act.String()
	}
	return ans
}

func describe(tok *validator.Verified) *checkedClaims {
	if tok == nil {
		return nil
	}
	claims := tok.Token()
	return &checkedClaims{
		Pool: claims.Pool, Use: tok.Use(), Subject: claims.Subject, Username: tok.Username(),
		ClientID: claims.ClientID, Session: claims.OriginJTI, Scopes: tok.Scopes(), Groups: claims.Groups,
		ExpiresAt: claims.ExpiresAt,
	}
}
