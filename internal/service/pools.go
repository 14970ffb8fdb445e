package service

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito/awsconfig"
)

// quotaScope is what Cognito's quotas hold for.
type quotaScope struct{ account, region string }

// own is the account of pools without a role: that of the service's credentials.
const own = "own"

// newPools makes the adapters for Cognito. Pools of one account and Region share
// a limiter.
func (s *Service) newPools(ctx context.Context) (map[string]publisher.Pool, error) {
	s.limiters = make(map[quotaScope]*cognito.Limiter)
	pools := make(map[string]publisher.Pool)
	for _, p := range s.cfg.Pools {
		scope := quotaScope{p.account(), p.region()}
		limiter := s.limiters[scope]
		if limiter == nil {
			var err error
			if limiter, err = cognito.NewLimiter(s.cfg.limits()); err != nil {
				return nil, err
			}
			s.limiters[scope] = limiter
		}
		adapter := cognito.Config{
			PoolID: p.ID, Region: p.Region, Endpoint: p.Endpoint, UserInfoURL: p.UserInfoURL,
			Limiter: limiter, Logger: s.cfg.Logger,
		}
		if p.emulated() {
			adapter.AWS = awsconfig.Emulator(p.region())
		} else {
			var err error
			if adapter.AWS, err = awsconfig.Load(ctx, p.region()); err != nil {
				return nil, err
			}
			if p.RoleARN != "" {
				adapter.AWS = awsconfig.Assume(adapter.AWS, awsconfig.Role{ARN: p.RoleARN, ExternalID: p.ExternalID})
			}
		}
		for _, c := range p.Clients {
			if c.Secret != "" {
				adapter.Clients = append(adapter.Clients, cognito.Client{ID: c.ID, Secret: string(c.Secret)})
			}
		}
		pool, err := cognito.New(adapter)
		if err != nil {
			return nil, err
		}
		pools[p.ID] = publisher.Pool{
			Cognito:  countedCognito{pool: pool, calls: s.numbers.cognitoCalls},
			Validity: p.validity(),
		}
	}
	return pools, nil
}

// limits leaves the budget for learning sessions to the publisher, which spends
// it at once or refuses; the adapter's own limit only keeps bursts of it apart.
func (c Config) limits() cognito.Limits {
	return cognito.Limits{
		UserAuthentication: 2 * c.LearnRate,
		UserUpdate:         c.UserUpdateRate,
		UserToken:          c.UserTokenRate,
		UserList:           c.UserListRate,
		UserRead:           c.UserReadRate,
	}
}

// region returns the Region to call.
func (p Pool) region() string {
	if p.Region != "" {
		return p.Region
	}
	return p.ID[:max(0, strings.LastIndexByte(p.ID, '_'))]
}

// account returns the id of the account whose role is assumed, or "own".
func (p Pool) account() string {
	parts := strings.Split(p.RoleARN, ":") // arn:aws:iam::123456789012:role/name
	if len(parts) < 5 {
		return own
	}
	return parts[4]
}

// emulated reports whether calls go to an emulator: AWS takes none over plain
// HTTP.
func (p Pool) emulated() bool {
	u, err := url.Parse(p.Endpoint)
	return err == nil && u.Scheme == "http"
}

// validity is the longest of all clients. If one of them leaves it out, it
// could be Cognito's maximum, or its default.
func (p Pool) validity() publisher.Validity {
	var v publisher.Validity
	tokenKnown, refreshKnown := len(p.Clients) > 0, len(p.Clients) > 0
	for _, c := range p.Clients {
		tokenKnown = tokenKnown && c.AccessValidity != 0 && c.IDValidity != 0
		refreshKnown = refreshKnown && c.RefreshValidity != 0
		v.Token = max(v.Token, c.AccessValidity, c.IDValidity)
		v.Refresh = max(v.Refresh, c.RefreshValidity)
	}
	if !tokenKnown {
		v.Token = 0 // the publisher's default is Cognito's maximum
	}
	if !refreshKnown && v.Refresh < defaultRefreshValidity {
		v.Refresh = 0
	}
	return v
}

// defaultRefreshValidity is Cognito's, and the publisher's, for refresh tokens.
const defaultRefreshValidity = 30 * 24 * time.Hour
