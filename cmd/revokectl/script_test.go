package main

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/seed-4e8dee1b/revoked/internal/scripttest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"revokectl": main})
}

// serviceKey finds the service of a script.
type serviceKey struct{}

// TestScripts runs the command as a process of its own against a service of
// its own. Beyond the commands of scripttest there are:
//
//	answer FILE...         the next answers of the service, one per file, which
//	                       holds an HTTP response; "hang" never answers
//	requests FILE          all requests since the last call, as METHOD PATH BODY
//	! requests             there were none
func TestScripts(t *testing.T) {
	scripttest.Run(t, "testdata", func(env *testscript.Env) {
		s := new(fakeService)
		server := httptest.NewServer(s)
		env.Defer(server.Close)
		env.Values[serviceKey{}] = s
		env.Setenv("REVOKED_URL", server.URL)
		env.Setenv("REVOKED_API_KEY", testKey)
	}, scripttest.Commands{
		"answer":   cmdAnswer,
		"requests": cmdRequests,
	})
}

func cmdAnswer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: answer FILE...")
	}
	s := ts.Value(serviceKey{}).(*fakeService)
	for _, name := range args {
		var told []byte
		if name != "hang" {
			told = []byte(ts.ReadFile(name))
		}
		s.mu.Lock()
		s.answers = append(s.answers, told)
		s.mu.Unlock()
	}
}

func cmdRequests(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(serviceKey{}).(*fakeService)
	s.mu.Lock()
	got := s.requests
	s.requests = nil
	s.mu.Unlock()
	want := []string{}
	switch {
	case neg && len(args) == 0:
	case !neg && len(args) == 1:
		want = strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n")
	default:
		ts.Fatalf("usage: requests FILE, or ! requests")
	}
	if diff := cmp.Diff(want, append([]string{}, got...)); diff != "" {
		ts.Fatalf("requests (-want +got):\n%s", diff)
	}
}

// TestHelpHasExamples keeps the help of every command useful.
func TestHelpHasExamples(t *testing.T) {
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}
	commands := a.rootCommand().Commands()
	for i := 0; i < len(commands); i++ {
		c := commands[i]
		if c.Name() == "completion" || c.Name() == "help" {
			continue // cobra's own
		}
		commands = append(commands, c.Commands()...)
		if c.Short == "" || !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s: help with Short %q and Example %q, want both, with a call of the command", c.CommandPath(), c.Short, c.Example)
		}
	}
}
