package cognito

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/seed-4e8dee1b/revoked/publisher"
)

// maxUserInfo bounds an answer of the userInfo endpoint: a user has at most
// 50 attributes of 2 KiB.
const maxUserInfo = 256 << 10

// askUserInfo settles the question by the userInfo endpoint (developer guide,
// "userInfo endpoint"). Its 401 covers expired, revoked and disabled alike,
// so it counts only while the token certainly lasts.
func (p *Pool) askUserInfo(ctx context.Context, accessToken string, c claims) (bool, error) {
	revoked := false
	err := p.bounded(ctx, opUserInfo, func(ctx context.Context) error {
		refused, err := p.getUserInfo(ctx, accessToken)
		if err == nil && refused && !c.lasts(p.Now()) {
			return failure(opUserInfo.name, CodeExpired)
		}
		revoked = refused
		return err
	})
	return revoked, err
}

// getUserInfo reports whether the endpoint refuses the token as one that
// "is expired, disabled, or deleted, or the user has globally signed out".
func (p *Pool) getUserInfo(ctx context.Context, accessToken string) (refused bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.config.UserInfoURL, nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("Authorization", "Bearer "+accessToken)
	resp, err := p.oauth.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxUserInfo))
	if err != nil {
		return false, err
	}
	var answer struct {
		Sub         string `json:"sub"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	readable := json.Unmarshal(body, &answer) == nil
	reason := strings.ToLower(resp.Header.Get("WWW-Authenticate") + " " + answer.Error + " " + answer.Description)
	switch {
	case resp.StatusCode == http.StatusOK && readable && answer.Sub != "":
		return false, nil
	case resp.StatusCode == http.StatusUnauthorized && strings.Contains(reason, "scope"):
		return false, failure(opUserInfo.name, CodeScope)
	case resp.StatusCode == http.StatusUnauthorized && strings.Contains(reason, "signed out"):
		return true, nil
	case resp.StatusCode == http.StatusUnauthorized && strings.Contains(reason, "invalid_token"):
		// Such as a token of another pool: a wrong Config.UserInfoURL must
		// not make every token look revoked.
		return false, &publisher.CognitoError{Op: opUserInfo.name, Code: "invalid_token"}
	case resp.StatusCode == http.StatusBadRequest && strings.Contains(reason, "invalid_request"):
		return false, &publisher.CognitoError{Op: opUserInfo.name, Code: "invalid_request"}
	case resp.StatusCode == http.StatusTooManyRequests:
		return false, &publisher.CognitoError{Op: opUserInfo.name, Code: "TooManyRequestsException", Retry: true}
	}
	return false, failure(opUserInfo.name, CodeUnreadable)
}
