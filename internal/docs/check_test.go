package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/docs"
)

// program stands for one of ours.
func program() *cobra.Command {
	nothing := func(*cobra.Command, []string) {}
	root := &cobra.Command{Use: "prog", Short: "Do things"}
	root.PersistentFlags().StringP("output", "o", "table", "output format")
	epoch := &cobra.Command{Use: "epoch", Short: "Look at the epoch"}
	accept := &cobra.Command{Use: "accept [EPOCH]", Short: "Accept it", Run: nothing}
	accept.Flags().Bool("yes", false, "do not ask")
	epoch.AddCommand(accept)
	root.AddCommand(epoch)
	return root
}

// write makes a repository of files and reads it.
func write(t *testing.T, files map[string]string) (*docs.Repo, *docs.Source) {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "~~~", "```")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	repo, err := docs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	source, err := repo.Source()
	if err != nil {
		t.Fatal(err)
	}
	return repo, source
}

// Every kind of untruth is found, and the truth beside it is not.
func TestUntruthsAreFound(t *testing.T) {
	files := map[string]string{
		"Makefile":                     "build: ## it\n\tgo build\n",
		"code.go":                      "package code\n\nimport \"os\"\n\nvar settings struct {\n\tURL string `env:\"REVOKED_URL\"`\n}\n\nfunc f() {\n\tprintln(os.Getenv(\"NATS_CREDS\"), \"revocation_view_age_seconds\")\n}\n",
		"code_test.go":                 "package code\n\nimport \"testing\"\n\nfunc TestTrue(t *testing.T) {}\n",
		"deploy/prometheus/rules.yaml": "groups:\n- rules:\n  - alert: RevokedDown\n",
		"docs/other.md":                "# Title\n\n## `make` it, twice!\n\n## Again\n\n## Again\n",
	}
	tests := []struct{ name, text, want string }{
		{"page", "[a](other.md) [b](gone.md)", "[b](gone.md): there is no such file"},
		{"folder", "[a](../deploy/) [b](../../x)", "there is no such file"},
		{"heading", "[a](other.md#make-it-twice) [b](other.md#again-1) [c](other.md#again-2)", "[c](other.md#again-2): that page has no such heading"},
		{"heading of the page itself", "# One\n[a](#one) [b](#two)", "[b](#two): that page has no such heading"},
		{"heading in code", "~~~sh\n# one\n~~~\n[a](#one)", "that page has no such heading"},
		{"link by reference", "[a]: gone.md", "there is no such file"},
		{"link to a test", "[`TestTrue`](../code_test.go) [TestFalse](../code_test.go)", "that file has no such test"},
		{"plain http", "[a](http://example.com)", "use https"},
		{"go", "~~~go\nprintln(os.Getenv(\"NATS_CREDS\"), \"revocation_view_age_seconds\")\n~~~\n~~~go\nprintln(1)\n~~~", ":5: this Go code is in no file"},
		{"test", "`TestTrue`, `TestFalse`", "there is no test TestFalse"},
		{"metric", "`revocation_view_age_seconds{a=\"b\"}`, `revocation_view_*`, `revocation_view_age_seconds_bucket`, `revocation_view_years`", "there is no metric revocation_view_years"},
		{"metrics by prefix", "`revocation_vieww_*`", "there is no metric revocation_vieww_*"},
		{"variable", "`REVOKED_URL` `NATS_CREDS` `AWS_REGION` `REVOKED_URI`", "nothing reads the variable REVOKED_URI"},
		{"variable in a block", "~~~sh\nREVOKED_URI=x prog\n~~~", ":2: nothing reads the variable REVOKED_URI"},
		{"alert", "`RevokedDown`, `RevokedUp`", "there is no alert RevokedUp"},
		{"target", "`make build`, `make bulid`", "there is no target to make bulid"},
		{"targets", "~~~sh\ncd x && make build VERSION=1 tset # make it\n~~~", "there is no target to make tset"},
		{"command", "`prog epoch accept`, `prog epoch acept`", "prog epoch has no command acept"},
		{"flag", "`prog -o json epoch accept --yes EPOCH`, `prog epoch accept --force`", "prog epoch accept has no flag --force"},
		{"flag of another command", "`prog --yes`", "prog has no flag --yes"},
		{"shell", "~~~sh\nexport A=1\nB=2 bin/prog epoch \\\n  acept # comment\n~~~", ":3: prog epoch acept"},
		{"in a pipe and a substitution", "~~~sh\necho $(prog epoch accept | wc) | prog -o json eboch\n~~~", "prog has no command eboch"},
		{"console", "~~~console\n$ prog epoch accept > file\nprog eboch\n$ prog eboch\n~~~", ":4: prog eboch"},
		{"fence in a list", "1. a\n\n   ~~~sh\n   prog eboch\n   ~~~", ":4: prog eboch"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files["docs/page.md"] = tt.text
			repo, source := write(t, files)
			found := append(repo.Links(), repo.Names(source)...)
			found = append(found, repo.Commands(program())...)
			code, err := repo.GoBlocks()
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, code...)
			if len(found) != 1 || !strings.Contains(found[0].String(), tt.want) || found[0].Page != "docs/page.md" {
				t.Errorf("found %q, want one with %q", found, tt.want)
			}
		})
	}
}

// Configurations are loaded as the programs would.
func TestWrongConfigurationsAreFound(t *testing.T) {
	for _, text := range []string{
		"nats: {url: a, urls: b}\n",
		"rules: [{path: /, scope: [a]}]\n",
		"pools: [{id: nonsense}]\n",
		"api_key: hunter2\n",
		"api_keys: [{id: ci, role: wizard}]\npools: [{id: eu-west-1_AbC123}]\n",
		"a: [\n",
	} {
		if err := loads(t, text); err == nil {
			t.Errorf("this configuration passes:\n%s", text)
		}
	}
	for _, text := range []string{
		"nats: {url: nats://a:4222}\n",
		"rules: [{path: /, scopes: [a]}]\n",
		"api_keys: [{id: ci, role: operator, sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae}]\npools: [{id: eu-west-1_AbC123, clients: [{id: web}]}]\n",
		"pools: [{id: eu-west-1_AbC123, clients: [web]}]\nrules: [{path: /}]\ncheck: {listen: ['unix:/run/c.sock']}\n",
	} {
		if err := loads(t, text); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}
