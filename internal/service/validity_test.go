package service

import (
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
)

// Too short a validity lets revoked tokens in again, so what is not known
// counts as the longest.
func TestValidity(t *testing.T) {
	const hour, day = time.Hour, 24 * time.Hour
	tests := []struct {
		name    string
		clients []Client
		want    publisher.Validity
	}{
		{"nothing known", []Client{{}}, publisher.Validity{}},
		{"all known", []Client{{AccessValidity: hour, IDValidity: 2 * hour, RefreshValidity: 5 * day}}, publisher.Validity{Token: 2 * hour, Refresh: 5 * day}},
		{
			"the longest of all",
			[]Client{{AccessValidity: 3 * hour, IDValidity: hour, RefreshValidity: day}, {AccessValidity: hour, IDValidity: hour, RefreshValidity: 9 * day}},
			publisher.Validity{Token: 3 * hour, Refresh: 9 * day},
		},
		{"no ID validity", []Client{{AccessValidity: hour, RefreshValidity: day}}, publisher.Validity{Refresh: day}},
		{
			"one client unknown",
			[]Client{{AccessValidity: hour, IDValidity: hour, RefreshValidity: day}, {}},
			publisher.Validity{},
		},
		{
			"one unknown, another beyond the default",
			[]Client{{AccessValidity: hour, IDValidity: hour, RefreshValidity: 90 * day}, {AccessValidity: hour, IDValidity: hour}},
			publisher.Validity{Token: hour, Refresh: 90 * day},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (Pool{Clients: tt.clients}).validity(); got != tt.want {
				t.Errorf("validity = %+v, want %+v (zero: the longest that Cognito allows)", got, tt.want)
			}
		})
	}
}
