package publisher_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Whatever two replicas have made of one task, joining the versions loses
// nothing that either has reached, in whichever order they are stored.
func TestMergeLosesNothing(t *testing.T) {
	soon, late := time.Unix(100, 0), time.Unix(200, 0)
	grant := publisher.Grant{ClientID: clientID, RefreshToken: "refresh-1"}
	version := func(change func(*publisher.Task)) publisher.Task {
		v := publisher.Task{Grant: grant, KeepUntil: 1000, Due: soon}
		v.Act = revocation.Act{State: revocation.StateOpen, ExpiresAt: 1000}
		v.Cognito = publisher.Leg{State: publisher.LegPending, Attempts: 1}
		change(&v)
		return v
	}
	told := version(func(v *publisher.Task) {
		v.Cognito, v.Grant = publisher.Leg{State: publisher.LegDone, Attempts: 2}, publisher.Grant{}
	})
	for _, test := range []struct {
		name string
		a, b publisher.Task
		want func(*publisher.Task)
	}{
		{
			"told and retried", told,
			version(func(v *publisher.Task) { v.Cognito.Attempts, v.Cognito.Code, v.Due = 7, "unreachable", late }),
			func(v *publisher.Task) { v.Cognito, v.Grant = told.Cognito, publisher.Grant{} },
		},
		{
			"extended and confirmed",
			version(func(v *publisher.Task) { v.Act.ExpiresAt, v.KeepUntil = 5000, 5000 }),
			version(func(v *publisher.Task) { v.Act.State, v.Act.ExpiresAt = revocation.StateConfirmed, 900 }),
			func(v *publisher.Task) {
				v.Act.State, v.Act.ExpiresAt, v.KeepUntil = revocation.StateConfirmed, 900, 5000
			},
		},
		{
			"denied twice",
			version(func(v *publisher.Task) { v.Denied = publisher.Denied{Sequence: 9, At: late} }),
			version(func(v *publisher.Task) { v.Denied = publisher.Denied{Sequence: 8, At: soon} }),
			func(v *publisher.Task) { v.Denied = publisher.Denied{Sequence: 8, At: soon} },
		},
		{
			"denied once",
			version(func(v *publisher.Task) { v.Denied = publisher.Denied{Sequence: 9, At: late} }),
			version(func(*publisher.Task) {}),
			func(v *publisher.Task) { v.Denied = publisher.Denied{Sequence: 9, At: late} },
		},
		{
			"concluded and due",
			version(func(v *publisher.Task) { v.Due = time.Time{} }),
			version(func(v *publisher.Task) { v.Due = late }),
			func(v *publisher.Task) { v.Due = late },
		},
		{
			"due and due earlier",
			version(func(v *publisher.Task) { v.Due = late }),
			version(func(*publisher.Task) {}),
			func(*publisher.Task) {},
		},
		{
			"lifted and retried",
			version(func(v *publisher.Task) {
				v.Lift, v.Grant = publisher.Lift{At: soon, Operator: "operator-1"}, publisher.Grant{}
				v.Cognito.State, v.Act.State = publisher.LegCanceled, revocation.StateLifted
			}),
			version(func(v *publisher.Task) { v.Cognito.Attempts, v.Due = 7, late }),
			func(v *publisher.Task) {
				v.Lift, v.Grant = publisher.Lift{At: soon, Operator: "operator-1"}, publisher.Grant{}
				v.Cognito.State, v.Act.State = publisher.LegCanceled, revocation.StateLifted
			},
		},
		{
			"lifted twice",
			version(func(v *publisher.Task) { v.Lift = publisher.Lift{At: late, Operator: "operator-2"} }),
			version(func(v *publisher.Task) { v.Lift = publisher.Lift{At: soon, Operator: "operator-1"} }),
			func(v *publisher.Task) { v.Lift = publisher.Lift{At: soon, Operator: "operator-1"} },
		},
		{
			"lifted and told", told,
			version(func(v *publisher.Task) {
				v.Lift, v.Grant = publisher.Lift{At: soon}, publisher.Grant{}
				v.Cognito.State = publisher.LegCanceled
			}),
			func(v *publisher.Task) {
				v.Lift, v.Cognito, v.Grant = publisher.Lift{At: soon}, told.Cognito, publisher.Grant{}
			},
		},
		{
			"more attempts",
			version(func(v *publisher.Task) { v.Cognito.Attempts, v.Cognito.State = 3, publisher.LegFailed }),
			version(func(*publisher.Task) {}),
			func(v *publisher.Task) { v.Cognito.Attempts, v.Cognito.State = 3, publisher.LegFailed },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := version(test.want)
			if diff := cmp.Diff(want, test.a.Merge(test.b)); diff != "" {
				t.Errorf("a.Merge(b) (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, test.b.Merge(test.a)); diff != "" {
				t.Errorf("b.Merge(a) (-want +got):\n%s", diff)
			}
		})
	}
}
