package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/freeze"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// ReceiptsConfig configures [RunReceipts].
type ReceiptsConfig struct {
	Out io.Writer
	// Revokectl is the command that asks for receipts.
	Revokectl string
	// Nodes is how many processes there are.
	Nodes int
}

// RunReceipts shows receipts over a fleet of node processes, of which one is
// frozen for a while, in the words of revokectl, and fails unless every receipt
// says what it must and no node accepts a token after it was counted.
func RunReceipts(ctx context.Context, cfg ReceiptsConfig) error {
	stack, err := Start(ctx, Config{Logger: zerolog.Nop()})
	if err != nil {
		return err
	}
	defer stack.Close()
	r := &receipts{cfg: cfg, stack: stack, callers: stack.callers()}
	defer func() {
		for _, n := range r.nodes {
			n.stop()
		}
	}()
	for i := range cfg.Nodes {
		p, err := startProcess(ctx, stack.nodeConfig(i))
		if err != nil {
			return err
		}
		r.nodes = append(r.nodes, &sample{process: p})
	}
	return r.play(ctx)
}

// receipts is one run.
type receipts struct {
	cfg     ReceiptsConfig
	stack   *Stack
	callers *callers
	nodes   []*sample
}

// sample is a node process that may be frozen.
type sample struct {
	*process
	frozen bool
}

func (s *sample) freeze() error {
	s.frozen = true
	return freeze.Stop(s.cmd.Process)
}

func (s *sample) thaw() error {
	s.frozen = false
	return freeze.Continue(s.cmd.Process)
}

func (r *receipts) play(ctx context.Context) error {
	n := len(r.nodes)
	all := fmt.Sprintf(`(?m)^enforced +%d/%d, p99 [0-9.]+ ms, p50 [0-9.]+ ms$`, n, n)
	young, err := r.session(ctx)
	if err != nil {
		return err
	}
	r.say("The service has just started: nodes that are silent may be unknown to it, so nothing is proven yet.")
	if err := r.ask(ctx, young, 5, `(?m)^not proven +this replica`, "revoke", "session", "--token-stdin", "--wait", "all", "--timeout", "3s"); err != nil {
		return err
	}
	r.say("It listens for one lease (85 s): a node that it has not heard by then refuses what it can't vouch for.")
	if err := r.listened(ctx); err != nil {
		return err
	}
	for range 3 {
		s, err := r.session(ctx)
		if err != nil {
			return err
		}
		if err := r.ask(ctx, s, 0, all, "revoke", "session", "--token-stdin", "--wait", "all"); err != nil {
			return err
		}
		if err := r.everyNodeRefuses(ctx, s); err != nil {
			return err
		}
	}

	frozen := r.nodes[n/2]
	r.say("kill -STOP %d   # sample/%s", frozen.cmd.Process.Pid, frozen.cfg.Name)
	if err := frozen.freeze(); err != nil {
		return err
	}
	s, err := r.session(ctx)
	if err != nil {
		return err
	}
	id := ""
	less := fmt.Sprintf(`(?s)enforced +%d/%d.*straggler +sample/%s: `, n-1, n, frozen.cfg.Name)
	if err := r.askFor(ctx, &id, s, 5, less, "revoke", "session", "--token-stdin", "--wait", "all", "--timeout", "5s"); err != nil {
		return err
	}
	if err := r.everyNodeRefuses(ctx, s); err != nil {
		return err
	}
	r.say("kill -CONT %d", frozen.cmd.Process.Pid)
	if err := frozen.thaw(); err != nil {
		return err
	}
	if err := r.ask(ctx, s, 0, fmt.Sprintf(`(?m)^enforced +%d/%d,`, n, n), "get", id, "--wait", "all"); err != nil {
		return err
	}
	if err := r.everyNodeRefuses(ctx, s); err != nil {
		return err
	}
	r.say("PASS: every receipt held, and no node accepted a token after it was counted.")
	return nil
}

func (r *receipts) say(text string, args ...any) {
	fmt.Fprintf(r.cfg.Out, "\n# "+text+"\n", args...)
}

func (r *receipts) session(ctx context.Context) (tokens, error) {
	return r.callers.signIn(ctx, cognitotest.DemoClientID, "ada", cognitotest.DemoPassword)
}

// listened waits until the service has listened for long enough to say "all".
func (r *receipts) listened(ctx context.Context) error {
	s, err := r.session(ctx)
	if err != nil {
		return err
	}
	id := ""
	if err := r.run(ctx, &id, s, "revoke", "session", "--token-stdin"); err != nil {
		return err
	}
	for end := time.Now().Add(4 * time.Minute); ; {
		if r.run(ctx, nil, s, "get", id, "--wait", "all", "--timeout", "15s") == nil {
			return nil
		}
		if ctx.Err() != nil || time.Now().After(end) {
			return errors.New("no receipt is met after four minutes")
		}
	}
}

// run calls revokectl in silence.
func (r *receipts) run(ctx context.Context, id *string, s tokens, args ...string) error {
	out, code, err := r.revokectl(ctx, s, args...)
	if err == nil && code != 0 {
		err = fmt.Errorf("revokectl %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	if id != nil {
		*id = idIn(out)
	}
	return err
}

func (r *receipts) ask(ctx context.Context, s tokens, code int, want string, args ...string) error {
	return r.askFor(ctx, nil, s, code, want, args...)
}

// askFor calls revokectl, shows what it says, and checks that.
func (r *receipts) askFor(ctx context.Context, id *string, s tokens, code int, want string, args ...string) error {
	line := "revokectl " + strings.Join(args, " ")
	if strings.Contains(line, "--token-stdin") {
		line += " < token.jwt"
	}
	fmt.Fprintf(r.cfg.Out, "\n$ %s\n", line)
	out, got, err := r.revokectl(ctx, s, args...)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.cfg.Out, "%s[exit code %d]\n", out, got)
	if got != code || !regexp.MustCompile(want).MatchString(out) {
		return fmt.Errorf("%s: want exit code %d and %s", line, code, want)
	}
	if id != nil {
		*id = idIn(out)
	}
	return nil
}

func (r *receipts) revokectl(ctx context.Context, s tokens, args ...string) (string, int, error) {
	cmd := exec.CommandContext(ctx, r.cfg.Revokectl, args...)
	cmd.Env = append(os.Environ(), "REVOKED_URL="+r.callers.admin, "REVOKED_API_KEY="+r.callers.apiKey)
	cmd.Stdin = strings.NewReader(s.access)
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), exit.ExitCode(), nil
	}
	return string(out), 0, err
}

var idLine = regexp.MustCompile(`(?m)^id +([0-9a-f]{32})$`)

func idIn(out string) string {
	if m := idLine.FindStringSubmatch(out); m != nil {
		return m[1]
	}
	return ""
}

// everyNodeRefuses asks every node that can answer.
func (r *receipts) everyNodeRefuses(ctx context.Context, s tokens) error {
	asked := 0
	for _, n := range r.nodes {
		if n.frozen {
			continue
		}
		code, err := r.callers.ask(ctx, n.url, s.access)
		if err != nil {
			return err
		}
		if code != http.StatusUnauthorized {
			return fmt.Errorf("node %s answers %d after its receipt", n.cfg.Name, code)
		}
		asked++
	}
	fmt.Fprintf(r.cfg.Out, "(asked with the token: 401 from %d of %d)\n", asked, asked)
	return nil
}
