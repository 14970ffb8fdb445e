package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Revoke asks for one revocation, once. The package documentation says what
// may have happened when it returns an error.
func (c *Client) Revoke(ctx context.Context, r Request) (Revocation, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return Revocation{}, fmt.Errorf("client: encoding the request: %w", err)
	}
	ans, err := c.send(ctx, http.MethodPost, c.endpoint(), body)
	if err != nil {
		return Revocation{}, err
	}
	var rev Revocation
	if err := ans.decode(&rev); err != nil {
		return Revocation{}, err
	}
	if rev.ID == "" {
		return Revocation{}, ans.unreadable(errors.New("the revocation has no id"))
	}
	rev.Waiting = ans.status == http.StatusAccepted
	return rev, nil
}

// Get returns one revocation. An unknown one is a [*ProblemError] with status
// 404.
func (c *Client) Get(ctx context.Context, id revocation.ActID) (Revocation, error) {
	ans, err := c.read(ctx, c.endpoint(id.String()))
	if err != nil {
		return Revocation{}, err
	}
	var rev Revocation
	if err := ans.decode(&rev); err != nil {
		return Revocation{}, err
	}
	if rev.ID != id.String() {
		return Revocation{}, ans.unreadable(errors.New("it is another revocation, or none"))
	}
	return rev, nil
}

// List returns up to limit revocations, the newest first; 0 leaves the number
// to the service.
func (c *Client) List(ctx context.Context, limit int) ([]Revocation, error) {
	u := c.endpoint()
	if limit > 0 {
		u.RawQuery = url.Values{"limit": {strconv.Itoa(limit)}}.Encode()
	}
	ans, err := c.read(ctx, u)
	if err != nil {
		return nil, err
	}
	var body struct {
		Revocations []Revocation `json:"revocations"`
	}
	if err := ans.decode(&body); err != nil {
		return nil, err
	}
	if body.Revocations == nil {
		return nil, ans.unreadable(errors.New("it has no list of revocations"))
	}
	return body.Revocations, nil
}
