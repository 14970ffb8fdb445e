package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// callers are what the demo uses as an app, an administrator and an API's
// client would: plain HTTP.
type callers struct {
	http    *http.Client
	cognito string // base URL of the emulator
	public  string // base URL of the revoke service for apps
	admin   string // base URL of the revoke service for operators
	apiKey  string
}

// awsCall posts one operation of Cognito's JSON API and decodes the answer
// into out. Cognito's error code is in the error.
func (c *callers) awsCall(ctx context.Context, op string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cognito+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+op)
	code, answer, err := c.do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if code != http.StatusOK {
		var refusal struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		json.Unmarshal(answer, &refusal) // an unreadable refusal is one all the same
		return fmt.Errorf("%s: %s: %s", op, refusal.Type, refusal.Message)
	}
	return json.Unmarshal(answer, out)
}

// tokens of one sign-in.
type tokens struct{ access, refresh string }

// signIn signs a user in with a password.
func (c *callers) signIn(ctx context.Context, client, user, password string) (tokens, error) {
	var out struct {
		AuthenticationResult struct{ AccessToken, RefreshToken string }
	}
	err := c.awsCall(ctx, "InitiateAuth", map[string]any{
		"AuthFlow":       "USER_PASSWORD_AUTH",
		"ClientId":       client,
		"AuthParameters": map[string]string{"USERNAME": user, "PASSWORD": password},
	}, &out)
	return tokens{out.AuthenticationResult.AccessToken, out.AuthenticationResult.RefreshToken}, err
}

// getUser asks Cognito whether it still accepts an access token.
func (c *callers) getUser(ctx context.Context, access string) error {
	return c.awsCall(ctx, "GetUser", map[string]string{"AccessToken": access}, new(struct{}))
}

// revokeAtCognito calls Cognito's own revocation, and nobody else.
func (c *callers) revokeAtCognito(ctx context.Context, client, refresh string) error {
	return c.awsCall(ctx, "RevokeToken", map[string]string{"ClientId": client, "Token": refresh}, new(struct{}))
}

// refresh asks Cognito's token endpoint for new tokens and returns the OAuth
// error code, empty if it gave some.
func (c *callers) refresh(ctx context.Context, client, refresh string) (string, error) {
	code, body, err := c.form(ctx, c.cognito+"/oauth2/token", url.Values{
		"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {refresh},
	})
	if err != nil || code == http.StatusOK {
		return "", err
	}
	var refusal struct{ Error string }
	err = json.Unmarshal(body, &refusal)
	return refusal.Error, err
}

// revokeSession sends the two form fields that Cognito's revocation endpoint
// takes to ours instead.
func (c *callers) revokeSession(ctx context.Context, client, refresh string) error {
	code, body, err := c.form(ctx, c.public+"/oauth2/revoke", url.Values{"token": {refresh}, "client_id": {client}})
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("/oauth2/revoke answered %d: %s", code, body)
	}
	return err
}

// accepted is what /v1/revocations answers; only the fields that the demo
// looks at.
type accepted struct {
	ID        string `json:"id"`
	NotBefore string `json:"not_before"`
	Cognito   struct {
		State string `json:"state"`
	} `json:"cognito"`
}

// revoke asks for a revocation as an operator.
func (c *callers) revoke(ctx context.Context, request map[string]string) (accepted, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return accepted{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.admin+"/v1/revocations", bytes.NewReader(body))
	if err != nil {
		return accepted{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.apiKey)
	code, answer, err := c.do(req)
	if err != nil {
		return accepted{}, err
	}
	if code != http.StatusCreated {
		return accepted{}, fmt.Errorf("/v1/revocations answered %d: %s", code, answer)
	}
	var r accepted
	return r, json.Unmarshal(answer, &r)
}

// ask calls a sample node with a token and returns the status.
func (c *callers) ask(ctx context.Context, node, access string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, node+"/", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+access)
	code, _, err := c.do(req)
	return code, err
}

// stats reads the figures of a sample node.
func (c *callers) stats(ctx context.Context, node string) (NodeStats, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, node+"/stats", nil)
	if err != nil {
		return NodeStats{}, err
	}
	_, body, err := c.do(req)
	if err != nil {
		return NodeStats{}, err
	}
	var s NodeStats
	return s, json.Unmarshal(body, &s)
}

func (c *callers) form(ctx context.Context, address string, values url.Values) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(values.Encode()))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.do(req)
}

func (c *callers) do(req *http.Request) (int, []byte, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, body, err
}

// revocation reads the status of a revocation.
func (c *callers) revocation(ctx context.Context, id string) (accepted, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.admin+"/v1/revocations/"+id, nil)
	if err != nil {
		return accepted{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.apiKey)
	code, answer, err := c.do(req)
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("/v1/revocations/%s answered %d: %s", id, code, answer)
	}
	var r accepted
	if err == nil {
		err = json.Unmarshal(answer, &r)
	}
	return r, err
}
