package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

// skew is that of validators by default.
const skew = 30 * time.Second

// Examine implements [api.Examiner].
func (t *tokens) Examine(ctx context.Context, token string) (api.Examined, error) {
	var ex api.Examined
	_, err := t.strict.Validate(ctx, token)
	switch reason := validator.ReasonOf(err); reason {
	case validator.ReasonOK, validator.ReasonRevoked, validator.ReasonStale: // passed all before the denylist
	case validator.ReasonNoKeys, validator.ReasonOther:
		return ex, fmt.Errorf("%w: %w", api.ErrUnavailable, err)
	default:
		ex.Fails = append(ex.Fails, reason.String())
	}
	named, err := t.names.Validate(ctx, token)
	switch {
	case errors.Is(err, validator.ErrInvalidToken):
		return ex, nil
	case err != nil:
		return ex, fmt.Errorf("%w: %w", api.ErrUnavailable, err)
	}
	ex.Token, ex.Known, ex.ID = named.Token(), true, named.Use() == validator.IDToken
	t.examineTimes(&ex)
	return ex, nil
}

// ExamineClaims implements [api.Examiner].
func (t *tokens) ExamineClaims(claims map[string]any) api.Examined {
	tok, err := revocation.TokenFromClaims(claims, t.issuers...)
	if err != nil {
		return api.Examined{Fails: []string{validator.ReasonBadClaims.String()}}
	}
	ex := api.Examined{Token: tok, Known: true, ID: claims["token_use"] == string(validator.IDToken)}
	if !slices.Contains(t.pools, tok.Pool) {
		ex.Fails = append(ex.Fails, validator.ReasonWrongIssuer.String())
	}
	if ex.ID {
		ex.Fails = append(ex.Fails, validator.ReasonWrongUse.String())
	}
	t.examineTimes(&ex)
	return ex
}

// examineTimes adds what a check before those of times has hidden.
func (t *tokens) examineTimes(ex *api.Examined) {
	now := time.Now()
	for _, c := range []struct {
		fails  bool
		reason validator.Reason
	}{
		{ex.Token.ExpiresAt != 0 && !now.Before(time.Unix(ex.Token.ExpiresAt, 0).Add(skew)), validator.ReasonExpired},
		{time.Unix(ex.Token.IssuedAt, 0).After(now.Add(skew)), validator.ReasonNotYetValid},
	} {
		if c.fails && !slices.Contains(ex.Fails, c.reason.String()) {
			ex.Fails = append(ex.Fails, c.reason.String())
		}
	}
}
