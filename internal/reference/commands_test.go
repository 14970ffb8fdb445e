package reference

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

func TestCalls(t *testing.T) {
	tests := []struct {
		line string
		want [][]string
	}{
		{"tool get x --wait all", [][]string{{"tool", "get", "x", "--wait", "all"}}},
		{`A=b tool get "x y" 'z|' # why`, [][]string{{"A=b", "tool", "get", "x y", "z|"}}},
		{"echo x | tool get < in > out", [][]string{{"echo", "x"}, {"tool", "get"}}},
		{"tool get > out --wait all", [][]string{{"tool", "get", "--wait", "all"}}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, calls(tt.line)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.line, diff)
		}
	}
}

func TestExamplesAreTaken(t *testing.T) {
	root := &cobra.Command{Use: "tool", Run: func(*cobra.Command, []string) {}}
	get := &cobra.Command{Use: "get ID", Args: cobra.ExactArgs(1), Run: func(*cobra.Command, []string) {}}
	get.Flags().Bool("all", false, "")
	get.Flags().Duration("wait", 0, "")
	root.PersistentFlags().StringP("output", "o", "", "")
	root.AddCommand(get)
	tests := []struct {
		line string
		ok   bool
	}{
		{"tool get x", true},
		{"X=y tool get x --all -o json --wait 2s | jq .", true},
		{"other thing --nope", true},
		{"tool get x --nope", false},
		{"tool get", false},
		{"tool get x y", false},
		{"echo | tool gett x", false},
	}
	for _, tt := range tests {
		if err := takes(root, tt.line); (err == nil) != tt.ok {
			t.Errorf("%s: %v, want it taken: %v", tt.line, err, tt.ok)
		}
	}
	if get.Flags().Changed("all") {
		t.Error("looking at an example set a flag")
	}
	if err := takes(root, "tool gett x"); errors.Is(err, nil) {
		t.Error("a misspelt command is taken")
	}
}

func TestWords(t *testing.T) {
	tests := []struct{ text, want string }{
		{"set REVOKED_URL or --url to http://127.0.0.1:8081", "set `REVOKED_URL` or `--url` to `http://127.0.0.1:8081`"},
		{"a|b <c> *d*", `a\|b \<c> \*d\*`},
		{"the `code|here` stays, origin_jti too", "the `code\\|here` stays, `origin_jti` too"},
		{"/v1/explain and/or (api_keys)", "`/v1/explain` and/or (`api_keys`)"},
	}
	for _, tt := range tests {
		if got := words(tt.text); got != tt.want {
			t.Errorf("words(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}
