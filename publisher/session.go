package publisher

import (
	"context"
	"errors"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Presented is what an app presents to end its own session. The client has
// been authenticated by the caller.
type Presented struct {
	Pool, ClientID string
	RefreshToken   string
	// AccessToken, if given, was verified by the caller and is unexpired and
	// not refused; Session is its origin_jti. It is authority for its own
	// session, whatever RefreshToken is.
	AccessToken, Session string
	// Address is where the request came from, for limits on learning.
	Address string
	// Operator is kept with the task.
	Operator string
}

// RevokeSession revokes the session of a refresh token. Given the refresh
// token alone, which is opaque, it learns the session by refreshing once,
// within the budget for that. A repeated request does not refresh again.
//
// Errors: those of [Publisher.Revoke]; [ErrUnknownToken], [ErrBusy],
// [ErrNoLearning] and [ErrNoSession], after which nothing has happened; a [*CognitoError] if
// Cognito could not be asked.
func (p *Publisher) RevokeSession(ctx context.Context, in Presented) (Status, error) {
	grant := Grant{ClientID: in.ClientID, RefreshToken: in.RefreshToken, AccessToken: in.AccessToken}
	session := in.Session
	if in.AccessToken == "" {
		var err error
		if session, grant, err = p.learnSession(ctx, in); err != nil {
			return Status{}, err
		}
	}
	if session == "" {
		return Status{}, ErrNoSession
	}
	s, err := p.Revoke(ctx, Request{
		Target:   revocation.Target{Kind: revocation.KindSession, Pool: in.Pool, ID: session},
		Grant:    &grant,
		Operator: in.Operator,
	})
	if err == nil {
		p.learned.drop(in)
	}
	return s, err
}

// learnSession refreshes once and returns the session that the fresh access
// token names, with the newest refresh token of it.
func (p *Publisher) learnSession(ctx context.Context, in Presented) (string, Grant, error) {
	// A caller who goes away does not stop it: a client that rotates has a new
	// refresh token from here on, which nobody but us holds.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), acceptTimeout)
	defer cancel()
	pool, known := p.cfg.Pools[in.Pool]
	if !known {
		return "", Grant{}, &RequestError{Field: "pool", Problem: "is not one of the configured user pools"}
	}
	refreshed, again := p.learned.get(in)
	if !again {
		if p.cfg.NoLearning {
			return "", Grant{}, ErrNoLearning
		}
		if !p.learn.take(in.Pool+" "+in.ClientID, in.Address) {
			return "", Grant{}, ErrBusy
		}
		var err error
		refreshed, err = pool.Cognito.Refresh(ctx, in.ClientID, in.RefreshToken)
		switch {
		case errors.Is(err, ErrInvalidGrant), errors.Is(err, ErrUnsupportedToken):
			return "", Grant{}, ErrUnknownToken
		case err != nil:
			return "", Grant{}, err
		}
		p.learned.keep(in, refreshed)
	}
	tok, err := p.cfg.Identify(ctx, refreshed.AccessToken)
	if err != nil {
		return "", Grant{}, err
	}
	if tok.Pool != in.Pool || tok.ClientID != in.ClientID {
		return "", Grant{}, ErrUnknownToken
	}
	grant := Grant{
		ClientID: in.ClientID, RefreshToken: refreshed.RefreshToken,
		AccessToken: refreshed.AccessToken, Fresh: true,
	}
	return tok.OriginJTI, grant, nil
}

// AwaitCognito waits until the first attempt to tell Cognito of an act has
// ended, or ctx has, and returns the status as it is then.
func (p *Publisher) AwaitCognito(ctx context.Context, id revocation.ActID) (Status, error) {
	for {
		attempted := p.attempted()
		s, err := p.Get(context.WithoutCancel(ctx), id)
		if err != nil || s.Cognito.State != LegPending || s.Cognito.Attempts > 0 {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, nil
		case <-attempted:
		}
	}
}

// progressed wakes those who wait for an attempt to end.
func (p *Publisher) progressed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.progress)
	p.progress = make(chan struct{})
}

// attempted returns a channel that is closed when the next attempt ends.
func (p *Publisher) attempted() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.progress
}
