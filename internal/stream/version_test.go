package stream

import "testing"

func TestOlder(t *testing.T) {
	for version, want := range map[string]bool{
		"2.14.0": false, "2.14.0-RC.1": false, "2.15.2": false, "3.0.0": false, "2.100.0": false,
		"2.13.9": true, "2.9.10": true, "1.99.99": true, "2.14": true, "": true, "x.y.z": true, "2.13.9-beta": true,
	} {
		if got := older(version, minServer); got != want {
			t.Errorf("older(%q) = %t, want %t", version, got, want)
		}
	}
}
