package main

import (
	"context"
	"os"
	"strings"
	"testing"
)

// TestMain lets the test binary be the children of a drill.
func TestMain(m *testing.M) {
	if os.Getenv("DRILL_CHILD") != "" {
		os.Exit(run(context.Background(), os.Args[1:]))
	}
	m.Run()
}

// Some rows of one scenario; make crash-matrix has all of them, also those that
// wait for 20 s until a request that has died has lost its claim on the task.
func TestKilledBetweenEffects(t *testing.T) {
	picked := map[string]bool{
		"before Tasks.Put #1": true, "after Tasks.Put #2": true, "before Cognito.SignOutUser #1": true,
		"after Cognito.SignOutUser #1": true, "after Bus.AppendAct #2": true,
	}
	var out strings.Builder
	err := crashMatrix(t.Context(), &out, func(scenario string, p point) bool { return scenario == "user" && picked[p.String()] })
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "\nuser "); got != len(picked) {
		t.Errorf("%d rows, want %d: has the order of effects changed?", got, len(picked))
	}
}

// An effect that is in no scenario is found.
func TestMissingEffectsAreNamed(t *testing.T) {
	missing := missingEffects(map[string]bool{"Bus.Fast": true})
	for _, want := range []string{"Bus.AppendAct", "Tasks.Put", "View.AwaitEnforced", "Cognito.RevokeToken"} {
		if !strings.Contains(strings.Join(missing, " "), want) {
			t.Errorf("%s is not among the missing %v", want, missing)
		}
	}
	for _, not := range []string{"Bus.Fast", "Tasks.Get"} {
		if strings.Contains(strings.Join(missing, " "), not) {
			t.Errorf("%s is among the missing %v", not, missing)
		}
	}
}
