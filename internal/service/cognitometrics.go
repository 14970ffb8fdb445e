package service

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
)

func newCognitoCalls() *prometheus.CounterVec {
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "revoked_service_cognito_calls_total",
		Help: "Calls to Cognito by outcome: ok, throttled and retry (may succeed later), refused (will not), unsent (held back by our own limits, tried later).",
	}, []string{"op", "outcome"})
	for _, op := range []string{opRefresh, opRevokeToken, opAccessTokenRevoked, opSignOutUser} {
		for _, outcome := range []string{"ok", "throttled", "retry", "refused", "unsent"} { // present from the start, for rates
			calls.WithLabelValues(op, outcome)
		}
	}
	return calls
}

// limitCollector shows what our own limits do to calls to Cognito.
type limitCollector struct{ s *Service }

var (
	limitLabels = []string{"account", "region", "category"}

	attemptsDesc = prometheus.NewDesc("revoked_service_cognito_attempts_total", "Requests sent to Cognito, retries included.", []string{"pool"}, nil)
	waitingDesc  = prometheus.NewDesc("revoked_service_cognito_quota_waiting", "Calls that wait for their turn in a quota category of Cognito's.", limitLabels, nil)
	waitedDesc   = prometheus.NewDesc("revoked_service_cognito_quota_wait_seconds_total", "Time that calls have waited for their turn, all together.", limitLabels, nil)
	heldBackDesc = prometheus.NewDesc("revoked_service_cognito_quota_refused_total", "Calls that were not sent because their turn would have come too late.", limitLabels, nil)
	breakerDesc  = prometheus.NewDesc("revoked_service_cognito_breaker_state",
		"1 for the state of a quota category's breaker; open means that Cognito does not answer and calls are delayed.", append(slices.Clip(limitLabels), "state"), nil)
)

// Describe implements [prometheus.Collector].
func (limitCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{attemptsDesc, waitingDesc, waitedDesc, heldBackDesc, breakerDesc} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c limitCollector) Collect(ch chan<- prometheus.Metric) {
	for id, pool := range c.s.pools {
		if counted, ok := pool.Cognito.(countedCognito); ok {
			ch <- prometheus.MustNewConstMetric(attemptsDesc, prometheus.CounterValue, float64(counted.pool.Stats().Attempts), id)
		}
	}
	for scope, limiter := range c.s.limiters {
		for _, st := range limiter.Stats() {
			labels := []string{scope.account, scope.region, st.Category}
			ch <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(st.Waiting), labels...)
			ch <- prometheus.MustNewConstMetric(waitedDesc, prometheus.CounterValue, st.Waited.Seconds(), labels...)
			ch <- prometheus.MustNewConstMetric(heldBackDesc, prometheus.CounterValue, float64(st.Refused), labels...)
			for _, state := range cognito.BreakerStates() {
				ch <- prometheus.MustNewConstMetric(breakerDesc, prometheus.GaugeValue, bit(st.Breaker == state), append(slices.Clip(labels), string(state))...)
			}
		}
	}
}

// Operations, as metrics name them.
const (
	opRefresh            = "refresh"
	opRevokeToken        = "revoke_token"
	opAccessTokenRevoked = "access_token_revoked"
	opSignOutUser        = "sign_out_user"
)

// countedCognito is a pool whose calls are counted.
type countedCognito struct {
	pool  *cognito.Pool
	calls *prometheus.CounterVec // by op and outcome
}

func (c countedCognito) count(op string, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "refused"
		refusal, ok := errors.AsType[*publisher.CognitoError](err)
		switch {
		case ok && refusal.Unsent:
			outcome = "unsent"
		case ok && cognito.IsThrottle(refusal.Code):
			outcome = "throttled"
		case !ok || refusal.Retry:
			outcome = "retry"
		}
	}
	c.calls.WithLabelValues(op, outcome).Inc()
}

// Now implements [publisher.Cognito].
func (c countedCognito) Now() time.Time { return c.pool.Now() }

// Refresh implements [publisher.Cognito].
func (c countedCognito) Refresh(ctx context.Context, clientID, refreshToken string) (publisher.Refreshed, error) {
	out, err := c.pool.Refresh(ctx, clientID, refreshToken)
	c.count(opRefresh, err)
	return out, err
}

// RevokeToken implements [publisher.Cognito].
func (c countedCognito) RevokeToken(ctx context.Context, clientID, refreshToken string) error {
	err := c.pool.RevokeToken(ctx, clientID, refreshToken)
	c.count(opRevokeToken, err)
	return err
}

// AccessTokenRevoked implements [publisher.Cognito].
func (c countedCognito) AccessTokenRevoked(ctx context.Context, accessToken string) (bool, error) {
	revoked, err := c.pool.AccessTokenRevoked(ctx, accessToken)
	c.count(opAccessTokenRevoked, err)
	return revoked, err
}

// SignOutUser implements [publisher.Cognito].
func (c countedCognito) SignOutUser(ctx context.Context, sub string) error {
	err := c.pool.SignOutUser(ctx, sub)
	c.count(opSignOutUser, err)
	return err
}
