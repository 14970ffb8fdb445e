package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

// tokens verifies tokens in the two ways that the API asks for.
type tokens struct {
	strict *validator.Validator // authority: unexpired access tokens, with the denylist
	names  *validator.Validator // anything properly signed

	pools   []string            // immutable
	issuers []revocation.Issuer // immutable; beyond those of real pools
}

func newTokens(cfg Config, deny validator.Denylist) (*tokens, error) {
	strict := validator.Config{Denylist: deny, Logger: cfg.Logger}
	names := validator.Config{
		InsecureSkipDenylist: true, InsecureIgnoreExpiry: true,
		// Fresh from Cognito, whose clock may be ahead.
		Skew: revocation.MaxLeeway, Logger: cfg.Logger,
	}
	t := &tokens{}
	for _, p := range cfg.Pools {
		t.pools = append(t.pools, p.ID)
		for _, url := range p.Issuers {
			t.issuers = append(t.issuers, revocation.Issuer{URL: url, Pool: p.ID})
		}
		pool := validator.Pool{ID: p.ID, AnyClient: true, Issuers: p.Issuers, JWKSURL: p.JWKSURL, InsecureHTTP: p.InsecureHTTP}
		strict.Pools = append(strict.Pools, pool)
		pool.TokenUses = []validator.TokenUse{validator.AccessToken, validator.IDToken}
		names.Pools = append(names.Pools, pool)
	}
	var err error
	if t.strict, err = validator.New(strict); err != nil {
		return nil, fmt.Errorf("service: %w", err)
	}
	if t.names, err = validator.New(names); err != nil {
		t.strict.Close()
		return nil, fmt.Errorf("service: %w", err)
	}
	return t, nil
}

func (t *tokens) close() {
	t.strict.Close()
	t.names.Close()
}

// ready returns nil once the keys of every pool are known.
func (t *tokens) ready() error {
	if err := t.strict.Ready(); err != nil {
		return err
	}
	return t.names.Ready()
}

// Authority implements [api.Tokens].
func (t *tokens) Authority(ctx context.Context, token string) (api.Token, error) {
	tok, err := t.strict.Validate(ctx, token)
	switch {
	case err == nil:
		return api.Token{Claims: tok.Token()}, nil
	case errors.Is(err, revocation.ErrRevoked):
		// Who it belonged to: everything but the denylist was fine with it.
		named, nameErr := t.Name(ctx, token)
		if nameErr != nil {
			return api.Token{}, nameErr
		}
		return named, fmt.Errorf("%w: %w", api.ErrInvalidToken, err)
	}
	return api.Token{}, verdict(err)
}

// Name implements [api.Tokens].
func (t *tokens) Name(ctx context.Context, token string) (api.Token, error) {
	tok, err := t.names.Validate(ctx, token)
	if err != nil {
		return api.Token{}, verdict(err)
	}
	return api.Token{Claims: tok.Token(), ID: tok.Use() == validator.IDToken}, nil
}

// identify says which session a refresh has led to. Cognito has issued the
// token a moment ago; whether the denylist refuses it does not matter.
func (t *tokens) identify(ctx context.Context, token string) (revocation.Token, error) {
	tok, err := t.names.Validate(ctx, token)
	if err != nil {
		// Not ErrInvalidToken: it is not the caller's token that is wrong.
		return revocation.Token{}, fmt.Errorf("%w: the access token that cognito gave: %w", api.ErrUnavailable, err)
	}
	return tok.Token(), nil
}

// verdict translates the validator's errors into those of the API.
func verdict(err error) error {
	if errors.Is(err, validator.ErrInvalidToken) || errors.Is(err, validator.ErrInsufficientScope) {
		return fmt.Errorf("%w: %w", api.ErrInvalidToken, err)
	}
	return fmt.Errorf("%w: %w", api.ErrUnavailable, err) // no keys, stale, ctx
}
