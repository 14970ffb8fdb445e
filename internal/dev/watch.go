package dev

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// refused sends a revocation and returns the time from the moment at which it
// is sent to the moment at which the last node has answered 401.
func (d *demo) refused(ctx context.Context, s tokens, send func() error) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, refusalTimeout)
	defer cancel()
	errs := make([]error, len(d.nodes)+1)
	last := make([]time.Time, len(d.nodes))
	var done sync.WaitGroup
	sent := time.Now()
	for i, n := range d.nodes {
		done.Go(func() {
			for {
				code, err := d.callers.ask(ctx, n.url, s.access)
				switch {
				case ctx.Err() != nil:
					errs[i] = fmt.Errorf("node %d still accepts the token after %v", i+1, refusalTimeout)
				case err != nil:
					errs[i] = err
				case code == http.StatusOK:
					continue
				case code != http.StatusUnauthorized:
					errs[i] = fmt.Errorf("node %d answered %d", i+1, code)
				}
				last[i] = time.Now()
				return
			}
		})
	}
	errs[len(d.nodes)] = send()
	done.Wait()
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	var took time.Duration
	for _, at := range last {
		took = max(took, at.Sub(sent))
	}
	return took, nil
}

// acts returns the number of acts that each node holds.
func (d *demo) acts(ctx context.Context) ([]int, error) {
	var counts []int
	for _, n := range d.nodes {
		s, err := d.callers.stats(ctx, n.url)
		if err != nil {
			return nil, err
		}
		counts = append(counts, s.Acts)
	}
	return counts, nil
}

// awaitActs waits until the numbers of acts held are as wanted.
func (d *demo) awaitActs(ctx context.Context, timeout time.Duration, wanted func([]int) bool) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return poll(ctx, func() (bool, error) {
		now, err := d.acts(ctx)
		if err != nil {
			return false, err
		}
		if ctx.Err() == nil && !wanted(now) {
			return false, fmt.Errorf("the nodes hold %v acts", now)
		}
		return true, nil
	})
}

// awaitCognito waits until Cognito has confirmed a revocation.
func (c *callers) awaitCognito(ctx context.Context, id string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return poll(ctx, func() (bool, error) {
		r, err := c.revocation(ctx, id)
		if err == nil && r.Cognito.State != "done" {
			err = fmt.Errorf("the leg to Cognito is %q", r.Cognito.State)
		}
		return err == nil, err
	})
}

// poll repeats ask until it is done or ctx ends, and returns its last error.
func poll(ctx context.Context, ask func() (bool, error)) error {
	var last error
	for {
		done, err := ask()
		if done {
			return err
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), last)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func sleepUntil(ctx context.Context, t time.Time) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(t)):
		return nil
	}
}

// claimsOf reads the claims of a token that somebody else verifies.
func claimsOf(token string) (claims struct {
	ExpiresAt int64 `json:"exp"`
}, err error) {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	return claims, err
}

// nodeConfig is what node i is started with, broken if a step says so.
func (d *demo) nodeConfig(i int) NodeConfig {
	cfg := d.stack.nodeConfig(i)
	switch {
	case d.broken("accept"):
		cfg.Client = cognitotest.DemoVaultClientID
	case d.broken("revoke") && i == demoNodes-1:
		cfg.Sabotage = SabotageNoDenylist
	case d.broken("calls"):
		cfg.Sabotage = SabotageAskCognito
	}
	return cfg
}

// startNode starts node i, again if it ran before.
func (d *demo) startNode(ctx context.Context, i int, cfg NodeConfig) error {
	p, err := startProcess(ctx, cfg)
	if err != nil {
		return err
	}
	if i == len(d.nodes) {
		d.nodes = append(d.nodes, p)
	} else {
		d.nodes[i] = p
	}
	return nil
}

func (d *demo) stopNodes() {
	for _, n := range d.nodes {
		n.stop()
	}
}
