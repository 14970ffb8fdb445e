package validator_test

import (
	"testing"

	"github.com/seed-4e8dee1b/revoked/validator"
)

func TestStalePolicyText(t *testing.T) {
	var zero validator.StalePolicy
	if zero != validator.FailClosed {
		t.Errorf("the zero policy is %v, want fail-closed", zero)
	}
	for _, want := range []validator.StalePolicy{validator.FailClosed, validator.FailOpen, validator.AskCognito} {
		text, err := want.MarshalText()
		if err != nil {
			t.Fatalf("%v.MarshalText: %v", want, err)
		}
		var got validator.StalePolicy
		if err := got.UnmarshalText(text); err != nil || got != want {
			t.Errorf("UnmarshalText(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "open", "FAIL-OPEN", "fail-open "} {
		got := validator.FailClosed
		if err := got.UnmarshalText([]byte(text)); err == nil || got != validator.FailClosed {
			t.Errorf("UnmarshalText(%q) = %v, %v, want an error and no change", text, got, err)
		}
	}
}
