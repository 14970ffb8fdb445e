package validator

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// fetchTimeout bounds one fetch, and so the longest that a request with
	// an unknown kid waits.
	fetchTimeout = 5 * time.Second
	// maxJWKSBytes and maxJWKSKeys bound what a fetch may bring. Cognito
	// publishes two keys in about 1 KB.
	maxJWKSBytes = 128 << 10
	maxJWKSKeys  = 64
)

// newHTTPClient returns a client that follows no redirect: keys are taken from
// the configured address or not at all.
func newHTTPClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// fetchKeys gets and reads a JWK set.
func fetchKeys(ctx context.Context, client *http.Client, url string) (*keySet, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxJWKSBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading keys: %w", err)
	}
	if len(body) > maxJWKSBytes {
		return nil, fmt.Errorf("keys have more than %d bytes", maxJWKSBytes)
	}
	set, err := parseKeys(body)
	if err != nil {
		return nil, err
	}
	set.fetched = time.Now()
	return set, nil
}

// parseKeys reads a JWK set (RFC 7517, section 5). Keys that are not for RS256
// are left out, one by one: a new kind of key beside the others must not be an
// outage. Two different keys under one kid are both left out, since nothing
// says which is meant. A set without any usable key is an error, so that it
// cannot replace one that has some.
func parseKeys(data []byte) (*keySet, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("reading keys: %w", err)
	}
	if len(document.Keys) > maxJWKSKeys {
		return nil, fmt.Errorf("more than %d keys", maxJWKSKeys)
	}
	set := &keySet{keys: make(map[string]*rsa.PublicKey)}
	ambiguous := make(map[string]struct{})
	for _, raw := range document.Keys {
		kid, key, err := parseJWK(raw)
		if err != nil {
			set.ignored++
			continue
		}
		if other := set.keys[kid]; other != nil && !other.Equal(key) {
			ambiguous[kid] = struct{}{}
		}
		set.keys[kid] = key
	}
	for kid := range ambiguous {
		delete(set.keys, kid)
		set.ignored++
	}
	if len(set.keys) == 0 {
		return nil, errors.New("no usable key")
	}
	return set, nil
}
