package realpool

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"crypto/hmac"
	"crypto/sha256"
)

// maxAnswer bounds an answer in bytes: three tokens are a tenth of it.
const maxAnswer = 256 << 10

// refusal is an answer that is not a success.
type refusal struct {
	status int
	code   string
}

func (r *refusal) Error() string { return fmt.Sprintf("%s (HTTP status %d)", r.code, r.status) }

// called is what an answer says beside its content.
type called struct {
	date   time.Time // of the Date header; zero without one
	status int
}

// tokens is a sign-in, or what it was refreshed to.
type tokens struct {
	AccessToken  string
	RefreshToken string
}

// call makes one call of the API that takes no signature. Errors repeat
// nothing of what was sent.
func (p *pool) call(ctx context.Context, op string, in, out any) (called, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return called{}, errors.New("the request can't be encoded")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.endpoint, bytes.NewReader(body))
	if err != nil {
		return called{}, errors.New("the endpoint is not a URL")
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+op)
	resp, err := p.http.Do(req)
	if err != nil {
		return called{}, fmt.Errorf("%s: no answer: %w", op, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return called{}, fmt.Errorf("%s: the answer broke off: %w", op, err)
	}
	meta := called{status: resp.StatusCode}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		meta.date = at
	}
	if resp.StatusCode != http.StatusOK {
		var problem struct {
			Type string `json:"__type"`
		}
		if json.Unmarshal(answer, &problem) != nil || problem.Type == "" {
			return meta, &refusal{resp.StatusCode, "an answer without a code"}
		}
		return meta, &refusal{resp.StatusCode, problem.Type[strings.LastIndexByte(problem.Type, '#')+1:]}
	}
	if out != nil && json.Unmarshal(answer, out) != nil {
		return meta, fmt.Errorf("%s: the answer can't be read", op)
	}
	return meta, nil
}

// signIn signs the user in with the password.
func (p *pool) signIn(ctx context.Context) (tokens, called, error) {
	params := map[string]string{"USERNAME": p.user.Username, "PASSWORD": p.user.Password}
	if p.user.ClientSecret != "" {
		// Developer guide, "Computing secret hash values".
		mac := hmac.New(sha256.New, []byte(p.user.ClientSecret))
		mac.Write([]byte(p.user.Username + p.user.ClientID))
		params["SECRET_HASH"] = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	var out struct {
		AuthenticationResult tokens
		ChallengeName        string
	}
	meta, err := p.call(ctx, "InitiateAuth", map[string]any{
		"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": p.user.ClientID, "AuthParameters": params,
	}, &out)
	if err == nil && out.AuthenticationResult.AccessToken == "" {
		err = fmt.Errorf("InitiateAuth: Cognito asks for %s, which a program can't answer: give the refresh token of a sign-in", out.ChallengeName)
	}
	return out.AuthenticationResult, meta, err
}

func (p *pool) refresh(ctx context.Context, refreshToken string) (tokens, called, error) {
	var out struct{ AuthenticationResult tokens }
	meta, err := p.call(ctx, "GetTokensFromRefreshToken", p.withSecret(map[string]string{
		"ClientId": p.user.ClientID, "RefreshToken": refreshToken,
	}), &out)
	if err == nil && out.AuthenticationResult.AccessToken == "" {
		err = errors.New("GetTokensFromRefreshToken: the answer has no access token")
	}
	return out.AuthenticationResult, meta, err
}

func (p *pool) revoke(ctx context.Context, clientID, token string) error {
	in := map[string]string{"ClientId": clientID, "Token": token}
	if clientID == p.user.ClientID {
		in = p.withSecret(in)
	}
	_, err := p.call(ctx, "RevokeToken", in, nil)
	return err
}

func (p *pool) getUser(ctx context.Context, accessToken string) error {
	_, err := p.call(ctx, "GetUser", map[string]string{"AccessToken": accessToken}, nil)
	return err
}

func (p *pool) withSecret(in map[string]string) map[string]string {
	if p.user.ClientSecret != "" {
		in["ClientSecret"] = p.user.ClientSecret
	}
	return in
}

// claims are what is read of a token, without verifying it: it came from the
// pool itself.
type claims struct {
	Issuer    string `json:"iss"`
	OriginJTI string `json:"origin_jti"`
	IssuedAt  int64  `json:"iat"`
	AuthTime  int64  `json:"auth_time"`
}

func claimsOf(token string) (claims, error) {
	var c claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, errors.New("the access token is not a JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return c, errors.New("the claims of the access token can't be read")
	}
	return c, nil
}
