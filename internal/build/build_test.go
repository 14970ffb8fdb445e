package build

import (
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFill(t *testing.T) {
	checkout := &debug.BuildInfo{
		Main:     debug.Module{Version: "(devel)"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-11-24T09:00:00Z"}},
	}
	tests := []struct {
		name     string
		told     Info
		recorded *debug.BuildInfo
		want     Info
	}{
		{"go install", Info{}, &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, Info{Version: "v1.2.3"}},
		{"go build in a checkout", Info{}, checkout, Info{Commit: "abc", Date: "2026-11-24T09:00:00Z"}},
		{"the linker was told", Info{Version: "v2.0.0", Commit: "def"}, checkout, Info{Version: "v2.0.0", Commit: "def"}},
		{"nothing is known", Info{}, &debug.BuildInfo{}, Info{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.told
			got.fill(tt.recorded)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestString(t *testing.T) {
	tests := []struct {
		info Info
		want string
	}{
		{Info{Version: "dev", Go: "go1.26.0", Wire: 1}, "dev (go1.26.0, wire format 1)"},
		{
			Info{Version: "v1.2.3", Commit: "0123456789abcdef", Date: "2026-11-24T09:00:00Z", Go: "go1.26.0", Wire: 1},
			"v1.2.3 (commit 0123456789ab of 2026-11-24T09:00:00Z, go1.26.0, wire format 1)",
		},
		{Info{Version: "v1.2.3", Commit: "abc", Go: "go1.26.0", Wire: 1}, "v1.2.3 (commit abc, go1.26.0, wire format 1)"},
	}
	for _, tt := range tests {
		if got := tt.info.String(); got != tt.want {
			t.Errorf("%+v = %q, want %q", tt.info, got, tt.want)
		}
	}
}
