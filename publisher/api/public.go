package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/spans"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// PublicConfig configures [NewPublic].
type PublicConfig struct {
	Common
	// Clients are the app clients that may revoke. At least one.
	Clients []Client
	// CORSOrigins are the origins, such as "https://app.example.com", whose
	// scripts may read the answers. Empty means none; "*" is not special.
	CORSOrigins []string
	// CognitoWait is how long an answer waits for Cognito, so that normally
	// the session has ended there too when the app gets its 200. Zero means
	// not at all: the header Revoked-Cognito then says pending.
	CognitoWait time.Duration
	// TrustedProxies are the networks whose X-Forwarded-For is believed. Without
	// them the peer counts as the caller's address, and a proxy's callers have
	// one share of what each address may spend on learning sessions.
	TrustedProxies []netip.Prefix
}

// public is the handler for apps.
type public struct {
	cfg     PublicConfig
	clients map[string]client // by client_id
	// turns keeps requests about one token or session apart: presented many
	// times at once it would be revoked as often, since nothing refuses it yet,
	// and anybody with an account could fill the denylist of every node.
	turns turns
}

// NewPublic returns the handler for apps. An error names the field.
func NewPublic(cfg PublicConfig) (http.Handler, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg.audited()
	p := &public{cfg: cfg, clients: make(map[string]client)}
	if len(cfg.Clients) == 0 {
		return nil, errors.New("api: PublicConfig.Clients is empty")
	}
	for _, c := range cfg.Clients {
		if _, twice := p.clients[c.ID]; twice || c.ID == "" || c.Pool == "" {
			return nil, fmt.Errorf("api: PublicConfig.Clients: %q is empty, without a pool, or there twice", c.ID)
		}
		p.clients[c.ID] = newClient(c)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/revoke", p.revoke)
	return cfg.observed("public", spans.Stranger, mux, cors(cfg.CORSOrigins), func(w http.ResponseWriter, status int) {
		http.Error(w, http.StatusText(status), status)
	}), nil
}

// revoke serves POST /oauth2/revoke.
func (p *public) revoke(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := detached(r)
	defer cancel()
	out, err := p.carryOut(ctx, w, r)
	if err != nil {
		e := oauthErrorOf(err)
		if e.status >= http.StatusInternalServerError {
			logFrom(r).Error().Err(err).Msg("request failed")
		}
		e.write(w)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Revoked-Local", string(out.local))
	if out.cognito != publisher.LegNotApplicable && out.cognito != "" {
		h.Set("Revoked-Cognito", string(out.cognito))
	}
	w.WriteHeader(http.StatusOK)
}

// local is what the header Revoked-Local says.
type local string

const (
	localDenied  local = "denied"
	localUnknown local = "unknown"
)

// outcome is what a 200 tells.
type outcome struct {
	local   local
	cognito publisher.LegState // "" if nothing is to be told
}

func (p *public) carryOut(ctx context.Context, w http.ResponseWriter, r *http.Request) (outcome, error) {
	form, err := readForm(w, r)
	if err != nil {
		return outcome{}, err
	}
	cl, err := p.authenticate(r, form)
	if err != nil {
		return outcome{}, err
	}
	token := form["token"]
	if token == "" {
		return outcome{}, invalidRequest("token is missing")
	}
	switch shapeOf(token) {
	case shapeJWT:
		if form["access_token"] != "" {
			return outcome{}, invalidRequest("access_token goes with a refresh token as token")
		}
		return p.revokeToken(ctx, r, cl, token)
	case shapeRefresh:
		return p.revokeSession(ctx, r, cl, form)
	}
	// RFC 7009, section 2.2: an invalid token is no error for the client.
	return outcome{local: localUnknown}, nil
}

// revokeToken denies one access token, which is its own authority.
func (p *public) revokeToken(ctx context.Context, r *http.Request, cl client, token string) (outcome, error) {
	free, err := p.turns.take(ctx, "token", token)
	if err != nil {
		return outcome{}, err
	}
	defer free()
	tok, err := p.cfg.Tokens.Authority(ctx, token)
	switch {
	case errors.Is(err, revocation.ErrRevoked) && cl.owns(tok):
		return outcome{local: localDenied}, nil // by an act that is there already
	case errors.Is(err, ErrInvalidToken):
		return p.refuseIDToken(ctx, cl, token)
	case err != nil:
		return outcome{}, err
	case !cl.owns(tok):
		return outcome{local: localUnknown}, nil
	case tok.Claims.JTI == "":
		logFrom(r).Warn().Str("client_id", cl.id).Msg("token without jti can't be denied: is token revocation on for the app client?")
		return outcome{local: localUnknown}, nil
	}
	status, err := p.cfg.Revoker.Revoke(ctx, publisher.Request{
		Target:    revocation.Target{Kind: revocation.KindToken, Pool: tok.Claims.Pool, ID: tok.Claims.JTI},
		ExpiresAt: tok.Claims.ExpiresAt,
		Operator:  cl.operator(),
	})
	if err != nil {
		return outcome{}, err
	}
	logFrom(r).Info().Stringer("act_id", status.Act.ID).Msg("access token revoked by its bearer")
	return outcome{local: localDenied, cognito: status.Cognito.State}, nil
}

// refuseIDToken tells the client if the token that is no authority is one of
// its own ID tokens (RFC 7009, section 2.2.1).
func (p *public) refuseIDToken(ctx context.Context, cl client, token string) (outcome, error) {
	tok, err := p.cfg.Tokens.Name(ctx, token)
	switch {
	case errors.Is(err, ErrUnavailable):
		return outcome{}, err
	case err == nil && tok.ID && cl.owns(tok):
		return outcome{}, unsupportedTokenType("an ID token revokes nothing: send the refresh token or the access token")
	}
	return outcome{local: localUnknown}, nil
}

// revokeSession ends the session of a refresh token.
func (p *public) revokeSession(ctx context.Context, r *http.Request, cl client, form map[string]string) (outcome, error) {
	in := publisher.Presented{
		Pool: cl.pool, ClientID: cl.id, RefreshToken: form["token"],
		Address: p.addressOf(r), Operator: cl.operator(),
	}
	free, err := p.turnOfSession(ctx, cl, form)
	if err != nil {
		return outcome{}, err
	}
	defer free()
	alreadyDenied := false
	if access := form["access_token"]; access != "" {
		tok, err := p.cfg.Tokens.Authority(ctx, access)
		switch {
		case errors.Is(err, revocation.ErrRevoked) && cl.owns(tok):
			// A repeated request, perhaps. What was revoked is no authority any
			// more; the refresh token speaks for itself.
			revoked, _ := errors.AsType[*revocation.RevokedError](err)
			alreadyDenied = revoked != nil && revoked.Kind == revocation.KindSession
		case errors.Is(err, ErrInvalidToken):
			// Of an app that nobody has used for an hour: it has expired, and is
			// no authority any more either.
			if err := p.expired(ctx, cl, access); err != nil {
				return outcome{}, err
			}
		case err != nil:
			return outcome{}, err
		case !cl.owns(tok):
			return outcome{}, errAccessToken
		default:
			in.AccessToken, in.Session = access, tok.Claims.OriginJTI
		}
		if in.AccessToken == "" { // the refresh token speaks alone, and takes its turn as such
			free, err := p.turns.take(ctx, "refresh", cl.id, form["token"])
			if err != nil {
				return outcome{}, err
			}
			defer free()
		}
	}
	status, err := p.cfg.Revoker.RevokeSession(ctx, in)
	switch {
	case errors.Is(err, publisher.ErrUnknownToken) && alreadyDenied:
		// The session of the access token is denied, and Cognito does not
		// accept the refresh token any more: the repeated request of above.
		return outcome{local: localDenied, cognito: publisher.LegDone}, nil
	case errors.Is(err, publisher.ErrUnknownToken):
		return outcome{local: localUnknown}, nil
	case errors.Is(err, publisher.ErrNoSession):
		logFrom(r).Warn().Str("client_id", cl.id).Msg("token without origin_jti can't be denied: is token revocation on for the app client?")
		return outcome{local: localUnknown}, nil
	case err != nil:
		return outcome{}, err
	}
	logFrom(r).Info().Stringer("act_id", status.Act.ID).Msg("session revoked by its bearer")
	return outcome{local: localDenied, cognito: p.awaitCognito(ctx, status)}, nil
}

// turnOfSession waits for the turn of the session that is to end. Of a refresh
// token that comes alone it is not known which that is.
func (p *public) turnOfSession(ctx context.Context, cl client, form map[string]string) (free func(), err error) {
	access := form["access_token"]
	if access == "" {
		return p.turns.take(ctx, "refresh", cl.id, form["token"])
	}
	// What this does not name has no authority either.
	tok, err := p.cfg.Tokens.Name(ctx, access)
	switch {
	case errors.Is(err, ErrUnavailable):
		return nil, err
	case err != nil:
		return func() {}, nil //nolint:nilerr // see above
	}
	return p.turns.take(ctx, "session", tok.Claims.Pool, tok.Claims.OriginJTI)
}

var errAccessToken = invalidRequest("access_token is not an access token of this client")

// expired returns nil if a token that is no authority was an access token of
// the client.
func (p *public) expired(ctx context.Context, cl client, access string) error {
	tok, err := p.cfg.Tokens.Name(ctx, access)
	switch {
	case errors.Is(err, ErrUnavailable):
		return err
	case err != nil, tok.ID, !cl.owns(tok):
		return errAccessToken
	}
	return nil
}

// awaitCognito waits for the first attempt to tell Cognito.
func (p *public) awaitCognito(ctx context.Context, status publisher.Status) publisher.LegState {
	if p.cfg.CognitoWait <= 0 || status.Cognito.State != publisher.LegPending {
		return status.Cognito.State
	}
	ctx, cancel := context.WithTimeout(ctx, p.cfg.CognitoWait)
	defer cancel()
	later, err := p.cfg.Revoker.AwaitCognito(ctx, status.Act.ID)
	if err != nil {
		return status.Cognito.State // what was true a moment ago
	}
	return later.Cognito.State
}
