package cognitotest

import (
	"crypto/sha256"
	"strings"
)

// RevokeToken revokes a refresh token and every token of its session, as
// the RevokeToken call with the client's own secret does.
func (p *Pool) RevokeToken(clientID, token string) error {
	p.srv.mu.Lock()
	defer p.srv.mu.Unlock()
	c, err := p.client(clientID)
	if err != nil {
		return err
	}
	return c.revoke(c.secret, token)
}

// SignOut ends every session of a user, as AdminUserGlobalSignOut does.
func (p *Pool) SignOut(username string) error { return p.onUser(username, (*user).signOut) }

// DisableUser disables a user and revokes all tokens for good.
func (p *Pool) DisableUser(username string) error { return p.onUser(username, (*user).disable) }

// EnableUser lets a disabled user sign in again. Revoked tokens stay so.
func (p *Pool) EnableUser(username string) error { return p.onUser(username, (*user).enable) }

// DeleteUser deletes a user.
func (p *Pool) DeleteUser(username string) error { return p.onUser(username, (*user).delete) }

func (p *Pool) onUser(name string, act func(*user)) error {
	p.srv.mu.Lock()
	defer p.srv.mu.Unlock()
	u, err := p.user(name)
	if err == nil {
		act(u)
	}
	return err
}

// revoke checks in Cognito's order: the client's secret, that revocation is
// on, that the token is a refresh token. It succeeds for a token that is
// revoked already and for one that never was, as /oauth2/revoke documents
// (developer guide, "The token revocation endpoint"). The caller holds mu.
func (c *client) revoke(secret, token string) error {
	if !c.authenticates(secret) {
		return errClientSecret
	}
	if !c.revocable() {
		return errRevocationOff
	}
	if strings.Count(token, ".") != 4 { // a compact JWE has five parts, a JWT three
		return errTokenType
	}
	held := c.pool.srv.refreshTokens[sha256.Sum256([]byte(token))]
	if held == nil {
		return nil
	}
	if held.session.client != c {
		return errTokenForeign
	}
	held.session.revoked = true
	return nil
}

// signOut revokes every refresh token of the user and every other token
// issued up to now. The caller holds mu, as for the methods below.
func (u *user) signOut() {
	u.signedOut = u.pool.srv.Now()
	for _, s := range u.sessions {
		s.revoked = true
	}
	u.sessions = nil
}

func (u *user) disable() {
	u.signOut()
	u.disabled, u.modified = true, u.signedOut
}

func (u *user) enable() {
	u.disabled, u.modified = false, u.pool.srv.Now()
}

func (u *user) delete() {
	u.deleted = true
	delete(u.pool.users, u.username)
	delete(u.pool.subjects, u.sub)
}
