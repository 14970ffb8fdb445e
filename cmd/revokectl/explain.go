package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/seed-4e8dee1b/revoked/internal/client"
)

// Advice that several failures share.
const (
	maybeAccepted = "The service may have accepted it all the same: see revokectl list, or repeat the command, which is safe."
	checkAddress  = "Check REVOKED_URL (or --url), and that the service is running."
)

// explain returns the lines of a message: what failed, then what to do.
func (a *app) explain(err error) []string {
	if problem, ok := errors.AsType[*client.ProblemError](err); ok {
		return append([]string{err.Error()}, adviseProblem(problem)...)
	}
	lines := []string{a.withoutJargon(err)}
	if unanswered, ok := errors.AsType[*client.UnansweredError](err); ok {
		switch {
		case !unanswered.Sent:
			lines = append(lines, "Nothing was sent. "+checkAddress)
		case unanswered.Method == http.MethodPost:
			lines = append(lines, maybeAccepted)
		}
	}
	if unreadable, ok := errors.AsType[*client.UnreadableError](err); ok {
		if unreadable.Location != "" {
			lines = append(lines, "The revocation is at "+unreadable.Location+".")
		}
		if unreadable.Method == http.MethodPost {
			lines = append(lines, maybeAccepted)
		}
		lines = append(lines, "Check that REVOKED_URL (or --url) is the administration API of the revoke service.")
	}
	if errors.Is(err, errNotEnforced) {
		lines = append(lines, "The service goes on with it: see revokectl get.")
	}
	return lines
}

// withoutJargon returns the text of err with the ends of a context in words.
func (a *app) withoutJargon(err error) string {
	unanswered, ok := errors.AsType[*client.UnansweredError](err)
	if !ok {
		return err.Error()
	}
	request := unanswered.Method + " " + unanswered.URL
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("%s: no answer within %v; --timeout allows more", request, a.timeout)
	case errors.Is(err, context.Canceled):
		return request + ": interrupted before the answer came"
	}
	return err.Error()
}

func adviseProblem(p *client.ProblemError) []string {
	var lines []string
	redirect := p.Status >= 300 && p.Status < 400
	switch {
	case redirect:
		return []string{fmt.Sprintf("It redirects to %q. Redirects are not followed, for the API key would go with them: "+
			"set REVOKED_URL to the final address.", p.Location)}
	case !p.FromService:
		lines = append(lines, "The answer is not from the revoke service: check that REVOKED_URL (or --url) is its "+
			"administration API, and what stands between.")
	case p.Status == http.StatusUnauthorized:
		lines = append(lines, "The service does not accept the API key in REVOKED_API_KEY or REVOKED_API_KEY_FILE.")
	case p.Status == http.StatusForbidden && !strings.HasSuffix(p.Problem.Type, "/forbidden_host"):
		lines = append(lines, "The API key is valid, but its role does not permit this.")
	}
	if p.Problem.Denied == client.FastOnly {
		lines = append(lines, "Nodes were told to refuse the target, but the revocation could not be stored: "+
			"they forget it within minutes. Repeat the command until it succeeds; that is safe.")
	}
	if p.Problem.Act != "" {
		lines = append(lines, "What became of this attempt is shown by: revokectl get "+p.Problem.Act)
	}
	if len(p.Problem.Choices) > 0 {
		lines = append(lines, "The same token can name: "+strings.Join(p.Problem.Choices, ", ")+
			". Nothing wider or narrower is revoked unasked.")
	}
	if p.RetryAfter > 0 {
		lines = append(lines, fmt.Sprintf("The service asks to wait %v before another attempt.", p.RetryAfter))
	}
	if p.RequestID != "" && p.Status >= http.StatusInternalServerError {
		lines = append(lines, "The service's log has the cause under the request id "+p.RequestID+".")
	}
	return lines
}
