package service

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/publisher/members"
	"github.com/seed-4e8dee1b/revoked/publisher/prober"
)

func TestOutcomesOfRevocations(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "accepted"},
		{&publisher.RequestError{Field: "pool"}, "invalid"},
		{fmt.Errorf("x: %w", publisher.ErrUnknownToken), "invalid"},
		{publisher.ErrNoSession, "invalid"},
		{publisher.ErrBusy, "busy"},
		{&publisher.NotDurableError{}, "not_durable"},
		{&publisher.CognitoError{Code: "timeout", Retry: true}, "cognito"},
		{api.ErrUnavailable, "unavailable"},
		{context.Canceled, "failed"},
	} {
		if got := outcomeOf(c.err); got != c.want {
			t.Errorf("outcome of %v = %s, want %s", c.err, got, c.want)
		}
	}
}

// A throttled call is told from one that failed: other people mend it.
func TestOutcomesOfCallsToCognito(t *testing.T) {
	c := countedCognito{calls: newCognitoCalls()}
	for _, call := range []struct {
		err  error
		want string
	}{
		{nil, "ok"},
		{&publisher.CognitoError{Code: "TooManyRequestsException", Retry: true}, "throttled"},
		{&publisher.CognitoError{Code: "InternalErrorException", Retry: true}, "retry"},
		{&publisher.CognitoError{Code: "NotAuthorizedException"}, "refused"},
		{&publisher.CognitoError{Code: "limited", Retry: true, Unsent: true}, "unsent"},
		{errors.New("what package cognito never returns"), "retry"},
	} {
		before := testutil.ToFloat64(c.calls.WithLabelValues(opSignOutUser, call.want))
		c.count(opSignOutUser, call.err)
		if got := testutil.ToFloat64(c.calls.WithLabelValues(opSignOutUser, call.want)); got != before+1 {
			t.Errorf("%v: %s counted %v times, want one more than %v", call.err, call.want, got, before)
		}
	}
}

// A reason that a node of a later version gives makes no label of its own.
func TestReceiptsAreCounted(t *testing.T) {
	n := newReceiptNumbers()
	series := testutil.CollectAndCount(n)
	n.count(members.Receipt{Met: true, Enforced: 3, Total: 3})
	n.count(members.Receipt{Enforced: 1, Total: 3, Stragglers: []members.Straggler{{Reason: "unknown(9)"}, {Reason: members.ReasonSilent}}})
	for label, got := range map[string]float64{
		"met": testutil.ToFloat64(n.receipts.WithLabelValues("met")), "unmet": testutil.ToFloat64(n.receipts.WithLabelValues("unmet")),
		"other": testutil.ToFloat64(n.stragglers.WithLabelValues(otherReason)), "silent": testutil.ToFloat64(n.stragglers.WithLabelValues("silent")),
	} {
		if got != 1 {
			t.Errorf("%s = %v, want 1", label, got)
		}
	}
	if got := testutil.ToFloat64(n.nodes.WithLabelValues("enforced")); got != 4 {
		t.Errorf("enforced = %v, want 4", got)
	}
	if got := testutil.CollectAndCount(n); got != series {
		t.Errorf("%d series, want %d as before", got, series)
	}
}

// Whatever services nodes name, the series are bounded, and each has all that
// the rules about it divide by, even if no node of it ever proves anything.
func TestServicesOfTheProber(t *testing.T) {
	n := newProbeNumbers(prometheus.NewRegistry())
	missed := func(i int) {
		n.count(prober.Outcome{Result: prober.Incomplete, Services: []prober.Service{{Name: fmt.Sprint("service-", i), Missing: 1}}})
	}
	for i := range 2 * maxProbeServices {
		missed(i)
	}
	missed(0)
	for name, vec := range map[string]prometheus.Collector{"enforce_seconds": n.took, "missed_total": n.missed} {
		if got := testutil.CollectAndCount(vec); got != maxProbeServices+1 {
			t.Errorf("%s has %d series, want %d and one for the others", name, got, maxProbeServices)
		}
	}
	for label, want := range map[string]float64{"service-0": 2, "service-1": 1, otherServices: maxProbeServices} {
		if got := testutil.ToFloat64(n.missed.WithLabelValues(label)); got != want {
			t.Errorf("missed of %s = %v, want %v", label, got, want)
		}
	}
}
