package verdicts_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/internal/verdicts"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

var update = flag.Bool("update", false, "write docs/verdicts.md")

const page = "../../docs/verdicts.md"

func TestPageIsUpToDate(t *testing.T) {
	want := render()
	if *update {
		if err := os.WriteFile(page, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/verdicts.md differs from the table, run go test ./internal/verdicts -update (-table +page):\n%s", diff)
	}
}

// render writes the table for somebody who wants to know what is refused.
func render() []byte {
	var b bytes.Buffer
	count := 0
	for _, s := range verdicts.Table() {
		count += len(s.Cases)
	}
	fmt.Fprintf(&b, `# Verdicts

<!-- Written by go test ./internal/verdicts -update from internal/verdicts/table.go. -->

What becomes of a token, in %d cases. They are not examples but tests: each runs through the rules of package `+"`revocation`"+`, through the denylist, through `+"`subscriber.Check`"+` (the acts encoded, sent and decoded on the way) and through the HTTP middleware with a signed token, and all must agree with this page:

    go test -run Verdict ./internal/verdicts ./internal/denylist ./subscriber

All is decided at one moment, T. Times are in seconds from it. The token of each case is this access token, with the changes that the case names:

`+"```json\n%s\n```"+`

Acts are in the order in which they arrive; copies of one act have one letter. Unless a case says otherwise, an act is open (accepted, Cognito has not confirmed it), is in pool `+"`%s`"+` and ends at T+86400. The user pools that anybody knows of are %s.

- **accepted**: no act refuses the token. It still has to pass the validator's other checks.
- **refused by A**: act A refuses it. The middleware answers 401 `+"`invalid_token`"+`.
- **malformed**: the claim that is named cannot be what Cognito minted, so the token is refused whatever the acts say. The middleware answers 401 `+"`invalid_token`"+`.
- **accepted; the validator refuses it**: no act speaks against it, but our validator does, for the reason given. Who verifies tokens with another library should refuse it, too.
`, count, base(), verdicts.Pools()[0], "`"+strings.Join(verdicts.Pools(), "`, `")+"`")
	n := 0
	for _, s := range verdicts.Table() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| | Case | Token | Acts | Verdict | Why |\n|---|---|---|---|---|---|\n", s.Title, s.Intro)
		for _, c := range s.Cases {
			n++
			fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s |\n", n, c.Name, tokenText(c), actsText(c.Acts), verdictText(c), c.Why)
		}
	}
	return b.Bytes()
}

// base is the base token with its times as they are called on the page.
func base() string {
	claims := verdicts.Base()
	var lines []string
	for _, name := range []string{
		"iss", "token_use", "sub", "username", "client_id", "jti", "origin_jti", "device_key", "cognito:groups", "auth_time", "iat", "exp",
	} {
		lines = append(lines, fmt.Sprintf("  %q: %s", name, valueText(name, claims[name])))
	}
	if len(lines) != len(claims) {
		panic("a claim of the base token is not shown")
	}
	return "{\n" + strings.Join(lines, ",\n") + "\n}"
}

func tokenText(c verdicts.Case) string {
	var changes []string
	for _, name := range slices.Sorted(maps.Keys(c.Token)) {
		text := "no `" + name + "`"
		if v := c.Token[name]; v != verdicts.Absent {
			text = "`" + name + "`: `" + valueText(name, v) + "`"
		}
		changes = append(changes, text)
	}
	return strings.Join(changes, "<br>")
}

// valueText is the JSON of a claim, with times relative to T, and cut if long.
func valueText(claim string, v any) string {
	if sec, ok := v.(int64); ok && (claim == "iat" || claim == "auth_time" || claim == "exp") && sec < 2*verdicts.T {
		return timeText(sec)
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	if len(text) > 100 {
		return string(text[:20]) + "…" + string(text[len(text)-20:])
	}
	return strings.ReplaceAll(string(text), "|", "\\|")
}

func timeText(sec int64) string {
	switch d := sec - verdicts.T; {
	case sec == 1<<33-1:
		return "the year 2242"
	case d == 0:
		return "T"
	case sec == 1:
		return "1"
	default:
		return fmt.Sprintf("T%+d", d)
	}
}

func actsText(acts []revocation.Act) string {
	var list []string
	for _, a := range acts {
		text := "**" + verdicts.Label(a.ID) + "** " + a.Target.Kind.String()
		if id := a.Target.ID; len(id) > 100 {
			text += " `" + id[:1] + "…` (" + fmt.Sprint(len(id)) + " bytes)"
		} else if id != "" {
			text += " `" + id + "`"
		}
		if a.Target.Pool != verdicts.Pools()[0] {
			text += " of pool `" + a.Target.Pool + "`"
		}
		if a.Target.ExceptSession != "" {
			text += " except `" + a.Target.ExceptSession + "`"
		}
		if a.Target.Kind.HasCutoff() {
			text += ", cutoff " + timeText(a.Cutoff)
			if a.Target.Kind != revocation.KindUser {
				text += ", " + a.Basis.String() + " basis"
			}
		}
		if a.State != revocation.StateOpen {
			text += ", " + a.State.String()
		}
		if a.ExpiresAt != verdicts.T+86_400 {
			text += ", ends " + timeText(a.ExpiresAt)
		}
		list = append(list, text)
	}
	return strings.Join(list, "<br>")
}

func verdictText(c verdicts.Case) string {
	switch {
	case c.Malformed != "":
		return "malformed: `" + c.Malformed + "`"
	case c.RefusedBy != "":
		return "refused by " + strings.Join(strings.Split(c.RefusedBy, ""), " and by ")
	case c.Strict != "":
		return "accepted; the validator refuses it: " + c.Strict
	}
	return "accepted"
}
