package askcognito

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed-4e8dee1b/revoked/validator"
)

// Scopes that open an access token to an endpoint (Cognito Developer Guide,
// "userInfo endpoint"; API Reference, GetUser).
const (
	scopeUserInfo = "openid"
	scopeGetUser  = "aws.cognito.signin.user.admin"
)

// maxAnswer bounds an answer: a user has at most 50 attributes of 2 KiB.
const maxAnswer = 256 << 10

// question is one that Cognito can settle.
type question struct {
	bearer  string
	subject string // whom the answer must be about
	url     string
	getUser bool // else userInfo
}

// question returns what to ask about a token, and whether anything can be.
func (a *Asker) question(bearer string, tok *validator.Verified) (question, bool) {
	pool, known := a.pools[tok.Token().Pool]
	// Cognito refuses expired tokens whether they were revoked or not, and
	// those of machines have no user.
	if !known || tok.Use() != validator.AccessToken || tok.Username() == "" || !time.Now().Before(tok.ExpiresAt()) {
		return question{}, false
	}
	q := question{bearer: bearer, subject: tok.Token().Subject}
	switch {
	case tok.HasScope(scopeUserInfo) && pool.UserInfoURL != "":
		q.url = pool.UserInfoURL
	case tok.HasScope(scopeGetUser):
		q.url, q.getUser = pool.Endpoint, true
	default:
		return question{}, false
	}
	return q, true
}

// put asks. An error says that nothing was settled.
func (q question) put(ctx context.Context, client *http.Client) (verdict, error) {
	req, err := q.request(ctx)
	if err != nil {
		return accepts, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return accepts, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return accepts, err
	}
	if q.getUser {
		return q.readGetUser(resp, body)
	}
	return q.readUserInfo(resp, body)
}

func (q question) request(ctx context.Context) (*http.Request, error) {
	if !q.getUser {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, q.url, nil)
		if err == nil {
			req.Header.Set("Authorization", "Bearer "+q.bearer)
		}
		return req, err
	}
	body, err := json.Marshal(map[string]string{"AccessToken": q.bearer})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, q.url, bytes.NewReader(body))
	if err == nil {
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
		req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService.GetUser")
	}
	return req, err
}

// readUserInfo reads the answer of the userInfo endpoint. Only what names the
// reason refuses: a wrong address must not make every token look revoked.
func (q question) readUserInfo(resp *http.Response, body []byte) (verdict, error) {
	var answer struct {
		Sub         string `json:"sub"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	readable := json.Unmarshal(body, &answer) == nil
	reason := strings.ToLower(resp.Header.Get("WWW-Authenticate") + " " + answer.Error + " " + answer.Description)
	switch {
	case resp.StatusCode == http.StatusOK && readable && answer.Sub == q.subject:
		return accepts, nil
	case resp.StatusCode == http.StatusUnauthorized && strings.Contains(reason, "signed out"):
		return refuses, nil
	}
	return accepts, fmt.Errorf("userInfo answered with status %d", resp.StatusCode)
}

// readGetUser reads the answer of GetUser. One code covers all reasons for a
// refusal, so the message decides (API Reference, GetUser).
func (q question) readGetUser(resp *http.Response, body []byte) (verdict, error) {
	var answer struct {
		Type       string                         `json:"__type"`
		Message    string                         `json:"message"`
		Attributes []struct{ Name, Value string } `json:"UserAttributes"`
	}
	readable := json.Unmarshal(body, &answer) == nil
	code := resp.Header.Get("X-Amzn-Errortype")
	if code == "" {
		code = answer.Type
	}
	code, _, _ = strings.Cut(code, ":")
	code = code[strings.LastIndexByte(code, '#')+1:]
	if resp.StatusCode == http.StatusOK && readable {
		for _, attribute := range answer.Attributes {
			if attribute.Name == "sub" && attribute.Value == q.subject {
				return accepts, nil
			}
		}
	}
	// The code decides, never the status: Cognito's have changed.
	switch {
	case code == "NotAuthorizedException" && strings.Contains(strings.ToLower(answer.Message), "revoked"),
		code == "NotAuthorizedException" && strings.Contains(strings.ToLower(answer.Message), "disabled"),
		code == "UserNotFoundException": // deleted
		return refuses, nil
	}
	return accepts, fmt.Errorf("GetUser answered with status %d, code %q", resp.StatusCode, code)
}

// withoutURL takes the address out of an error of the HTTP client.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
