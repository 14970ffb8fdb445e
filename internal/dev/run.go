package dev

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// The addresses that [Run] prefers, so that the lines it prints can be kept.
const (
	runNATSPort = 4222
	runPublic   = "127.0.0.1:8080"
	runAdmin    = "127.0.0.1:8081"
	runMetrics  = "127.0.0.1:9090"
	runNode     = "127.0.0.1:300%d" // by the number of the node
)

// Run starts a stack and three sample nodes, writes to out what to try, and
// leaves everything up until ctx ends. With probe above zero the service revokes
// a canary as often, and measures how soon the nodes enforce it. It logs to log.
func Run(ctx context.Context, out io.Writer, log zerolog.Logger, probe time.Duration) error {
	cfg := Config{
		NATSPort:   runNATSPort,
		Cognito:    free(CognitoAddr),
		PublicAddr: free(runPublic),
		AdminAddr:  free(runAdmin),
		Metrics:    free(runMetrics),
		Probe:      probe,
		Logger:     log,
	}
	if free(fmt.Sprint("127.0.0.1:", runNATSPort)) == "" {
		cfg.NATSPort = 0
	}
	stack, err := Start(ctx, cfg)
	if err != nil {
		return err
	}
	defer stack.Close()
	d := &demo{stack: stack}
	defer d.stopNodes()
	for i := range demoNodes {
		node := stack.nodeConfig(i)
		node.Listen = anyPort(free(fmt.Sprintf(runNode, i+1)))
		if err := d.startNode(ctx, i, node); err != nil {
			return err
		}
	}
	d.explain(out)
	<-ctx.Done()
	fmt.Fprintln(out, "\nstopping")
	return nil
}

// free returns addr if nobody listens there, else "": any port will do then.
func free(addr string) string {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return ""
	}
	ln.Close()
	return addr
}

// explain writes addresses, users and lines to try.
func (d *demo) explain(out io.Writer) {
	s, c := d.stack, d.stack.callers()
	fmt.Fprintf(out, `
Everything is up on loopback (Ctrl-C stops it; nothing is kept):

  Cognito emulator  %[1]s   user pool %[2]s, client %[3]s
  revoke service    %[4]s   for apps: POST /oauth2/revoke
                    %[5]s   for operators: /v1/revocations
                    %[6]s   /livez /readyz /metrics
  NATS JetStream    %[7]s
`, c.cognito, s.demo.Pool.ID(), cognitotest.DemoClientID, c.public, c.admin, s.service.MetricsURL(), s.servers[0].URL())
	for i, n := range d.nodes {
		fmt.Fprintf(out, "  API node %d        %s   GET / needs a token, /readyz, /metrics and /stats do not\n", i+1, n.url)
	}
	fmt.Fprintf(out, `  users             %[1]s and %[2]s, password %[3]s

Sign in, and ask a node (200):
  TOKENS=$(curl -s %[4]s/ -H 'Content-Type: application/x-amz-json-1.1' \
    -H 'X-Amz-Target: AWSCognitoIdentityProviderService.InitiateAuth' \
    -d '{"AuthFlow":"USER_PASSWORD_AUTH","ClientId":"%[5]s","AuthParameters":{"USERNAME":"%[1]s","PASSWORD":"%[3]s"}}')
  ACCESS=$(echo "$TOKENS" | sed 's/.*"AccessToken":"\([^"]*\)".*/\1/')
  REFRESH=$(echo "$TOKENS" | sed 's/.*"RefreshToken":"\([^"]*\)".*/\1/')
  curl -i %[6]s/ -H "Authorization: Bearer $ACCESS"

Revoke the session, and ask again (401):
  curl -i %[7]s/oauth2/revoke -d client_id=%[5]s -d token="$REFRESH"
  curl -i %[6]s/ -H "Authorization: Bearer $ACCESS"

Or sign %[2]s out everywhere, as an operator:
  export REVOKED_URL=%[8]s REVOKED_API_KEY=%[9]s
  %[11]s revoke user %[10]s --reason "laptop stolen"
  %[11]s list
`, s.demo.Ada.Username, s.demo.Grace.Username, cognitotest.DemoPassword, c.cognito, cognitotest.DemoClientID,
		d.nodes[0].url, c.public, c.admin, s.apiKey, s.demo.Grace.Subject, beside("revokectl"))
}

// beside returns how to call another of our programs: with the path by which
// this one was called, if it is there, as after make build.
func beside(name string) string {
	dir, _ := filepath.Split(os.Args[0])
	if _, err := os.Stat(dir + name); dir == "" || err != nil {
		return name
	}
	return quoted(dir + name)
}

// quoted returns path as a shell takes it.
func quoted(path string) string {
	if !strings.ContainsFunc(path, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("/._-+:@%,", c)
	}) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
