package api

import (
	"context"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// request makes the publisher's request of an order, verifying the token first
// if there is one.
func (a *admin) request(ctx context.Context, o order) (publisher.Request, error) {
	req := publisher.Request{
		Target:      revocation.Target{Kind: o.kind, Pool: o.pool, ID: o.id},
		Basis:       o.basis,
		Cutoff:      o.cutoff,
		ExpiresAt:   o.expiresAt,
		KeepUntil:   o.keepUntil,
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
	req.Target.ExceptSession = o.exceptSession
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
	case revocation.KindUser:
		target.ID = tok.Subject
	case revocation.KindClient:
		target.ID = tok.ClientID
	case revocation.KindDevice:
		if target.ID = tok.DeviceKey; target.ID == "" {
			return target, unprocessable(ProblemNoDeviceKey, "token",
				"The token has no device_key: only access tokens of remembered devices have one.")
		}
	}
	return target, nil
}
