package realpool

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// callTimeout bounds one call.
const callTimeout = 10 * time.Second

// User is a test user with the app client through which it signs in.
type User struct {
	Pool         string `json:"pool"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	// Username and Password, or RefreshToken of a sign-in.
	Username     string `json:"username"`
	Password     string `json:"password"`
	RefreshToken string `json:"refresh_token"`
	// OtherClientID is another app client of the pool, without a secret; it may
	// be empty.
	OtherClientID string `json:"other_client_id"`
	// Endpoint is the URL of an emulator; empty means Cognito's.
	Endpoint string `json:"endpoint"`
}

// String hides everything secret.
func (u User) String() string { return "a test user of " + u.Pool }

// GoString likewise.
func (u User) GoString() string { return u.String() }

// Verdict says how an answer and our rules go together.
type Verdict string

// The verdicts.
const (
	// AsAssumed: the rules hold.
	AsAssumed Verdict = "ok"
	// Differs: what the answer means must be looked at.
	Differs Verdict = "differs"
	// NotAsked: it can't be found out this way, or not this time.
	NotAsked Verdict = "not asked"
)

// Answer to one question.
type Answer struct {
	Verdict  Verdict `json:"verdict"`
	Question string  `json:"question"`
	Answer   string  `json:"answer"`
	// Means says what it means for our rules.
	Means string `json:"means"`
}

type pool struct {
	user     User
	endpoint string
	http     *http.Client
	answers  []Answer
}

func (p *pool) add(v Verdict, question, answer, means string) {
	p.answers = append(p.answers, Answer{v, question, answer, means})
}

// check returns where to ask.
func (u User) check() (endpoint string, err error) {
	region, _, found := strings.Cut(u.Pool, "_")
	switch {
	case !found || region == "":
		return "", errors.New("pool is not a user pool id such as eu-west-1_AbC123")
	case u.ClientID == "":
		return "", errors.New("client_id is missing")
	case u.RefreshToken == "" && (u.Username == "" || u.Password == ""):
		return "", errors.New("username and password, or refresh_token, are missing")
	case u.RefreshToken != "" && u.Password != "":
		return "", errors.New("both password and refresh_token are given: keep one")
	}
	if u.Endpoint == "" {
		return "https://cognito-idp." + region + ".amazonaws.com/", nil
	}
	e, err := url.Parse(u.Endpoint)
	if err != nil || e.Host == "" || e.User != nil {
		return "", errors.New("endpoint is not a URL")
	}
	if e.Scheme != "https" && e.Hostname() != "127.0.0.1" && e.Hostname() != "localhost" {
		return "", errors.New("endpoint is not https: the password would travel unencrypted")
	}
	return u.Endpoint, nil
}

// Ask asks everything. The error says that nothing could be asked: the user is
// wrong, or can't sign in. No answer and no error has a token, a password or
// the user's name.
func Ask(ctx context.Context, user User) ([]Answer, error) {
	endpoint, err := user.check()
	if err != nil {
		return nil, fmt.Errorf("realpool: %w", err)
	}
	p := &pool{user: user, endpoint: endpoint, http: &http.Client{
		Timeout: callTimeout,
		// A redirect could lead the password to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	var first tokens
	var meta called
	if user.RefreshToken != "" {
		first, meta, err = p.refresh(ctx, user.RefreshToken)
		if first.RefreshToken == "" {
			first.RefreshToken = user.RefreshToken
		}
	} else {
		first, meta, err = p.signIn(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("realpool: the test user can't be signed in: %w", err)
	}
	c, err := claimsOf(first.AccessToken)
	if err != nil {
		return nil, fmt.Errorf("realpool: %w", err)
	}
	p.issuer(c)
	p.clock(c, meta)
	newest := p.rotation(ctx, c, first)
	p.garbage(ctx)
	p.foreign(ctx, newest)
	p.parent(ctx, first, newest)
	if p.getUser(ctx, newest.AccessToken) != nil && user.Password != "" {
		// The session is spent: the rest takes another.
		if again, _, err := p.signIn(ctx); err == nil {
			newest = again
		}
	}
	p.revocation(ctx, newest)
	p.beyond()
	return p.answers, nil
}

func (p *pool) issuer(c claims) {
	const q = "issuer host of the pool's tokens"
	region, _, _ := strings.Cut(p.user.Pool, "_")
	switch c.Issuer {
	case "https://cognito-idp." + region + ".amazonaws.com/" + p.user.Pool, "https://issuer-cognito-idp." + region + ".amazonaws.com/" + p.user.Pool:
		p.add(AsAssumed, q, c.Issuer, "the validator maps it to the pool by itself")
	default:
		p.add(Differs, q, c.Issuer, "add it to pools[].issuers of every node and the service, else they refuse the pool's tokens")
	}
}

func (p *pool) clock(c claims, meta called) {
	const q = "Date header versus iat"
	if meta.date.IsZero() {
		p.add(Differs, q, "there is no Date header", "cutoffs go by the service's own clock")
		return
	}
	off := time.Duration(c.IssuedAt-meta.date.Unix()) * time.Second
	answer := fmt.Sprintf("iat is %v after the Date of the answer that brought it", off)
	if off.Abs() <= time.Second {
		p.add(AsAssumed, q, answer, "a cutoff one second after the acceptance in Cognito's clock covers every token issued before")
		return
	}
	p.add(Differs, q, answer, "cutoffs are off by as much: a token issued just before a revocation could pass, or one issued after it be refused")
}

// rotation refreshes and returns the newest tokens.
func (p *pool) rotation(ctx context.Context, before claims, first tokens) tokens {
	const q = "origin_jti across refresh and rotation"
	if before.OriginJTI == "" {
		p.add(Differs, q, "the token has no origin_jti", "enable token revocation for the app client: without it no session can be denied")
	}
	next, _, err := p.refresh(ctx, first.RefreshToken)
	if err != nil {
		p.add(NotAsked, q, "the refresh failed: "+err.Error(), "allow the app client to refresh, then ask again")
		return first
	}
	rotates := next.RefreshToken != "" && next.RefreshToken != first.RefreshToken
	if !rotates {
		next.RefreshToken = first.RefreshToken
	}
	after, err := claimsOf(next.AccessToken)
	how := "over a refresh; the app client does not rotate, so over rotation nothing was seen"
	if rotates {
		how = "over a refresh that rotated the refresh token"
	}
	switch {
	case err != nil:
		p.add(NotAsked, q, err.Error(), "nothing can be said")
	case before.OriginJTI == "":
	case after.OriginJTI != before.OriginJTI:
		p.add(Differs, q, "it changed "+how, "a denied session comes back with its next refresh: do not use kind session with this app client; user works")
	default:
		p.add(AsAssumed, q, "it stays "+how, "one entry denies the session for as long as it is refreshed")
	}
	if after.AuthTime == before.AuthTime && after.AuthTime != 0 {
		p.add(AsAssumed, "auth_time across refresh", "it stays", "the session basis refuses an old session's fresh tokens")
	} else if err == nil {
		p.add(Differs, "auth_time across refresh", fmt.Sprintf("it was %d and is %d", before.AuthTime, after.AuthTime),
			"a refresh after a user's revocation passes the session basis: until Cognito has signed the user out, fresh tokens are accepted")
	}
	return next
}

func (p *pool) garbage(ctx context.Context) {
	const q = "RevokeToken with a token that means nothing"
	err := p.revoke(ctx, p.user.ClientID, rand.Text()+rand.Text())
	code, refused := codeOf(err)
	switch {
	case err == nil:
		p.add(AsAssumed, q, "success", "success proves nothing: a session is confirmed only by more, as the rules have it")
	case refused:
		p.add(AsAssumed, q, code, "it is refused; the service takes success for no proof all the same")
	default:
		p.add(NotAsked, q, err.Error(), "ask again")
	}
}

func (p *pool) foreign(ctx context.Context, t tokens) {
	const q = "RevokeToken with a token of another app client"
	if p.user.OtherClientID == "" {
		p.add(NotAsked, q, "other_client_id was not given", "give an app client without a secret of the same pool")
		return
	}
	err := p.revoke(ctx, p.user.OtherClientID, t.RefreshToken)
	code, refused := codeOf(err)
	switch {
	case err == nil:
		if _, _, err := p.refresh(ctx, t.RefreshToken); err == nil {
			p.add(AsAssumed, q, "success without an effect", "success proves nothing: a session is confirmed only by more, as the rules have it")
			return
		}
		p.add(Differs, q, "success, and the token is revoked or used up", "one client can end sessions of another at Cognito")
	case refused:
		p.add(AsAssumed, q, code, "one client can't end sessions of another; the service calls it a refused client")
	default:
		p.add(NotAsked, q, err.Error(), "ask again")
	}
}

func (p *pool) parent(ctx context.Context, first, newest tokens) {
	const q = "RevokeToken on a refresh token that was rotated"
	if first.RefreshToken == newest.RefreshToken {
		p.add(NotAsked, q, "the app client does not rotate", "ask with one that does, if you have any")
		return
	}
	if err := p.getUser(ctx, newest.AccessToken); err != nil {
		p.add(NotAsked, q, "what becomes of the session could not be seen: "+err.Error(), "the token needs the scope aws.cognito.signin.user.admin")
		return
	}
	err := p.revoke(ctx, p.user.ClientID, first.RefreshToken)
	code, refused := codeOf(err)
	if err != nil && !refused {
		p.add(NotAsked, q, err.Error(), "ask again")
		return
	}
	answer := "success"
	if refused {
		answer = code
	}
	if err := p.getUser(ctx, newest.AccessToken); err == nil {
		p.add(AsAssumed, q, answer+", and the session lives on", "only the newest refresh token ends a session at Cognito: the service revokes that one; by an older one the session stands denied at nodes")
	} else if code, refused := codeOf(err); refused {
		p.add(AsAssumed, q, answer+", and access tokens of the session are refused ("+code+")", "an older refresh token ends the session too")
	} else {
		p.add(NotAsked, q, answer+"; what became of the session can't be seen: "+err.Error(), "ask again")
	}
}

func (p *pool) revocation(ctx context.Context, t tokens) {
	const q, second, user = "RevokeToken with the newest refresh token", "second RevokeToken with the same token", "GetUser with an access token whose session was revoked"
	before := p.getUser(ctx, t.AccessToken)
	if before != nil {
		p.add(NotAsked, user, "GetUser refuses the token before: "+before.Error(), "the token needs the scope aws.cognito.signin.user.admin, and its session must live")
	}
	if err := p.revoke(ctx, p.user.ClientID, t.RefreshToken); err != nil {
		p.add(Differs, q, err.Error(), "sessions can't be ended at Cognito with this app client: they stand denied at nodes")
		p.add(NotAsked, second, "the first one failed", "see there")
		return
	}
	p.add(AsAssumed, q, "success", "the session is ended at Cognito")
	after := p.getUser(ctx, t.AccessToken)
	code, refused := codeOf(after)
	switch {
	case before != nil: // said already
	case refused:
		p.add(AsAssumed, user, code, "it proves that a session was ended: the service confirms by it, and nodes may ask while stale")
	case after != nil:
		p.add(NotAsked, user, after.Error(), "ask again")
	default:
		p.add(Differs, user, "it is accepted", "GetUser proves no revocation: sessions stay open, and asking Cognito while stale lets revoked sessions in")
	}
	err := p.revoke(ctx, p.user.ClientID, t.RefreshToken)
	code, refused = codeOf(err)
	switch {
	case err == nil:
		p.add(AsAssumed, second, "success", "repeating the call is safe")
	case refused:
		p.add(Differs, second, code, "a repeated call is refused: a leg that was done but not recorded is shown as failed, and the act stands longer than it must")
	default:
		p.add(NotAsked, second, err.Error(), "ask again")
	}
}

// beyond names what a test user can't find out.
func (p *pool) beyond() {
	for _, q := range []struct{ question, why, means string }{
		{"claims of machine-to-machine tokens", "it takes an app client with client_credentials and the pool's domain", "the rules count on no origin_jti and no username: revoke by client or token"},
		{"tokens after AdminDeleteUser, and after a password change, at GetUser", "the first takes AWS credentials, and both spoil the test user", "try it with a user to throw away"},
		{"shape and delay of CloudTrail's entries", "it takes the account's CloudTrail", "nothing in revoked reads CloudTrail"},
		{"HTTP status of TooManyRequestsException", "it would take the account's quota away from its users", "the service goes by the code, never by the status"},
	} {
		p.add(NotAsked, q.question, q.why, q.means)
	}
}

// codeOf returns the code of Cognito's refusal.
func codeOf(err error) (string, bool) {
	r, refused := errors.AsType[*refusal](err)
	if !refused {
		return "", false
	}
	return r.Error(), true
}
