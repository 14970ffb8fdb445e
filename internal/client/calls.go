package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	typeJSON   = "application/json"
	typeNDJSON = "application/x-ndjson"
	// maxResultLine bounds the result of one line of a batch.
	maxResultLine = 256 << 10
)

// Revoke asks for one revocation, once. The package documentation says what
// may have happened when it returns an error.
func (c *Client) Revoke(ctx context.Context, r Request) (Revocation, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return Revocation{}, fmt.Errorf("client: encoding the request: %w", err)
	}
	ans, err := c.send(ctx, call{http.MethodPost, c.endpoint("revocations"), body, typeJSON, r.Once})
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

// RevokeAll sends a batch, once: lines of JSON, each a [Request]. each is called
// with the result of every line, in their order, as they arrive; its error ends
// the call. once is the Idempotency-Key, and may be empty.
//
// After an error, lines whose results did not arrive may have been carried out
// all the same, up to 64 of them.
func (c *Client) RevokeAll(ctx context.Context, lines []byte, once string, each func(LineResult) error) error {
	ans, body, err := c.begin(ctx, call{http.MethodPost, c.endpoint("revocations"), lines, typeNDJSON, once})
	if err != nil {
		return err
	}
	defer body.Close()
	if ans.contentType != typeNDJSON {
		return ans.unreadable(fmt.Errorf("the answer declares to be %q, not %s", ans.contentType, typeNDJSON))
	}
	in := bufio.NewScanner(body)
	in.Buffer(nil, maxResultLine)
	for in.Scan() {
		var res LineResult
		if err := json.Unmarshal(in.Bytes(), &res); err != nil || res.Line < 1 || (res.Revocation == nil) == (res.Problem == nil) {
			return ans.unreadable(errors.New("a line of the answer is not as expected"))
		}
		res.Raw = bytes.Clone(in.Bytes())
		if err := each(res); err != nil {
			return err
		}
	}
	if err := in.Err(); err != nil {
		return ans.unreadable(fmt.Errorf("the answer broke off: %w", err))
	}
	return nil
}

// Get returns one revocation. An unknown one is a [*ProblemError] with status
// 404.
func (c *Client) Get(ctx context.Context, id revocation.ActID) (Revocation, error) {
	ans, err := c.read(ctx, get(c.endpoint("revocations", id.String())))
	if err != nil {
		return Revocation{}, err
	}
	return ans.revocation(id)
}

// Lift undoes one revocation, once. It is safe to repeat.
func (c *Client) Lift(ctx context.Context, id revocation.ActID, reason string) (Revocation, error) {
	u := c.endpoint("revocations", id.String())
	if reason != "" {
		u.RawQuery = url.Values{"reason": {reason}}.Encode()
	}
	ans, err := c.send(ctx, call{method: http.MethodDelete, url: u})
	if err != nil {
		return Revocation{}, err
	}
	return ans.revocation(id)
}

// revocation decodes the one with the given id.
func (a answer) revocation(id revocation.ActID) (Revocation, error) {
	var rev Revocation
	if err := a.decode(&rev); err != nil {
		return Revocation{}, err
	}
	if rev.ID != id.String() {
		return Revocation{}, a.unreadable(errors.New("it is another revocation, or none"))
	}
	return rev, nil
}

// List returns a page of revocations, the newest first.
func (c *Client) List(ctx context.Context, q Query) (Page, error) {
	u := c.endpoint("revocations")
	values := make(url.Values)
	for _, p := range []struct{ name, value string }{
		{"kind", q.Kind}, {"pool", q.Pool}, {"id", q.ID}, {"state", q.State}, {"after", q.After},
	} {
		if p.value != "" {
			values.Set(p.name, p.value)
		}
	}
	if q.Limit > 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	u.RawQuery = values.Encode()
	ans, err := c.read(ctx, get(u))
	if err != nil {
		return Page{}, err
	}
	var page Page
	if err := ans.decode(&page); err != nil {
		return Page{}, err
	}
	if page.Revocations == nil {
		return Page{}, ans.unreadable(errors.New("it has no list of revocations"))
	}
	return page, nil
}

// Explain asks what nodes do with a token, and why.
func (c *Client) Explain(ctx context.Context, r ExplainRequest) (Explanation, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return Explanation{}, fmt.Errorf("client: encoding the request: %w", err)
	}
	ans, err := c.read(ctx, call{method: http.MethodPost, url: c.endpoint("explain"), body: body, contentType: typeJSON})
	if err != nil {
		return Explanation{}, err
	}
	var e Explanation
	if err := ans.decode(&e); err != nil {
		return Explanation{}, err
	}
	if e.Verdict == "" {
		return Explanation{}, ans.unreadable(errors.New("it has no verdict"))
	}
	e.Raw = ans.body
	return e, nil
}
