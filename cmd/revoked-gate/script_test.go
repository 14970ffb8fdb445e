package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"revoked-gate": main})
}

// TestScripts runs the command as a process of its own. Beyond the commands of
// testscript there are:
//
//	exits CODE COMMAND...  runs a command, which must exit with CODE
//	absolute FILE          replaces SOCKET in FILE by the path of gate.sock
//	await SOCKET           waits until a gate answers on the unix socket
//	terminate              sends SIGTERM to the command in the background
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			// The race detector makes every process linger for a second.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": func(ts *testscript.TestScript, _ bool, args []string) {
				err := ts.Exec(args[1], args[2:]...)
				code := 0
				if exit, ok := errors.AsType[*exec.ExitError](err); ok {
					code = exit.ExitCode()
				} else {
					ts.Check(err)
				}
				if strconv.Itoa(code) != args[0] {
					ts.Fatalf("%v exits with %d, want %s", args[1:], code, args[0])
				}
			},
			"absolute": func(ts *testscript.TestScript, _ bool, args []string) {
				text := strings.ReplaceAll(ts.ReadFile(args[0]), "SOCKET", ts.MkAbs("gate.sock"))
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
			},
			"await": func(ts *testscript.TestScript, _ bool, args []string) {
				client := &http.Client{Transport: unixTransport(ts.MkAbs(args[0]))}
				defer client.CloseIdleConnections()
				for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
					if resp, err := client.Get("http://gate/auth"); err == nil {
						resp.Body.Close()
						if resp.StatusCode != http.StatusForbidden {
							ts.Fatalf("GET /auth without a description: %s, want 403", resp.Status)
						}
						return
					}
				}
				ts.Fatalf("nobody answers at %s", args[0])
			},
			"terminate": func(ts *testscript.TestScript, _ bool, _ []string) {
				cmds := ts.BackgroundCmds()
				ts.Check(cmds[len(cmds)-1].Process.Signal(syscall.SIGTERM))
			},
		},
	})
}

func unixTransport(path string) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
}
