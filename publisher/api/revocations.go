package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	defaultLimit = 50
	maxLimit     = 500
)

// create serves POST /v1/revocations.
func (a *admin) create(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := detached(r)
	defer cancel()
	status, err := a.carryOut(ctx, w, r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	logFrom(r).Info().Stringer("act_id", status.Act.ID).Stringer("kind", status.Act.Target.Kind).Msg("revoked by an operator")
	w.Header().Set("Location", "/v1/revocations/"+status.Act.ID.String())
	writeJSON(w, "application/json", http.StatusCreated, represent(status, callerOf(r).role))
}

func (a *admin) carryOut(ctx context.Context, w http.ResponseWriter, r *http.Request) (publisher.Status, error) {
	body, err := readJSON(w, r)
	if err != nil {
		return publisher.Status{}, err
	}
	o, err := parseOrder(body)
	if err != nil {
		return publisher.Status{}, err
	}
	c := callerOf(r)
	if err := c.permits(roleFor(o.kind), "revoke a "+o.kind.String()); err != nil {
		return publisher.Status{}, err
	}
	req, err := a.request(ctx, o)
	if err != nil {
		return publisher.Status{}, err
	}
	req.Operator = c.operator
	status, err := a.cfg.Revoker.Revoke(ctx, req)
	if wrong, ok := errors.AsType[*publisher.RequestError](err); ok && o.token != "" && wrong.Field != "pool" {
		// The target came from the token, so it is the token that is wrong.
		return status, unprocessable(ProblemInvalidField, "token", "The "+wrong.Field+" of the token "+wrong.Problem+".")
	}
	return status, err
}

// request makes the publisher's request of an order, verifying the token first
// if there is one.
func (a *admin) request(ctx context.Context, o order) (publisher.Request, error) {
	req := publisher.Request{
		Target:      revocation.Target{Kind: o.kind, Pool: o.pool, ID: o.id},
		ExpiresAt:   o.expiresAt,
		SkipCognito: o.skipCognito,
		Reason:      o.reason,
	}
	if o.token != "" {
		tok, err := a.cfg.Tokens.Name(ctx, o.token)
		if err != nil {
			return publisher.Request{}, err
		}
		if req.Target, err = targetOf(o, tok.Claims); err != nil {
			return publisher.Request{}, err
		}
		if o.kind == revocation.KindToken {
			req.ExpiresAt = tok.Claims.ExpiresAt
		}
	}
	if req.Target.Pool == "" {
		if len(a.cfg.Pools) > 1 {
			return publisher.Request{}, unprocessable(ProblemUnknownPool, "pool", "Several user pools are configured: name one.")
		}
		req.Target.Pool = a.cfg.Pools[0]
	}
	return req, nil
}

// targetOf returns what a verified token names. A session is never widened to
// a user, nor narrowed to a token, in silence.
func targetOf(o order, tok revocation.Token) (revocation.Target, error) {
	target := revocation.Target{Kind: o.kind, Pool: tok.Pool}
	if o.pool != "" && o.pool != tok.Pool {
		return target, unprocessable(ProblemUnknownPool, "pool", "The token is of another user pool.")
	}
	switch o.kind {
	case revocation.KindToken:
		if target.ID = tok.JTI; target.ID == "" {
			return target, unprocessable(ProblemNoTokenID, "token", "The token has no jti, so nodes cannot tell it from others.")
		}
	case revocation.KindSession:
		if target.ID = tok.OriginJTI; target.ID == "" {
			p := unprocessable(ProblemNoSessionID, "token",
				"The token has no origin_jti. Revoke this one token, or everything of its user.")
			p.Choices = []string{revocation.KindToken.String(), revocation.KindUser.String()}
			return target, p
		}
	default:
		target.ID = tok.Subject
	}
	return target, nil
}

// list serves GET /v1/revocations.
func (a *admin) list(w http.ResponseWriter, r *http.Request) {
	limit := defaultLimit
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			a.refuse(w, r, malformed("limit", "The limit is not a number from 1 to 500."))
			return
		}
		limit = n
	}
	found, err := a.cfg.Revoker.List(r.Context(), publisher.Query{Limit: limit})
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	page := struct {
		Revocations []representation `json:"revocations"`
	}{make([]representation, len(found))}
	for i, s := range found {
		page.Revocations[i] = represent(s, callerOf(r).role)
	}
	writeJSON(w, "application/json", http.StatusOK, page)
}

// get serves GET /v1/revocations/{id}.
func (a *admin) get(w http.ResponseWriter, r *http.Request) {
	id, err := revocation.ParseActID(r.PathValue("id"))
	if err != nil {
		a.refuse(w, r, publisher.ErrNotFound)
		return
	}
	status, err := a.cfg.Revoker.Get(r.Context(), id)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	writeJSON(w, "application/json", http.StatusOK, represent(status, callerOf(r).role))
}
