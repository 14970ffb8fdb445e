package gate

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

// decideTimeout bounds a decision: it waits only while keys are fetched.
// Longer than a fetch usually takes, shorter than the patience of proxies.
const decideTimeout = 3 * time.Second

// request is what a proxy says about the request that it asks about.
type request struct {
	method, target string
	authorization  []string
}

// Outcomes of the gate's own, beside the names of the validator's reasons.
const (
	outcomeAnonymous   = "anonymous"
	outcomeSettled     = "settled" // stale, and Cognito says that the token is good
	outcomeNoRule      = "no_rule"
	outcomeAmbiguous   = "ambiguous_request" // of path or method
	outcomeUndescribed = "undescribed"       // the proxy does not say what it asks about
)

// verdict is what becomes of a request.
type verdict struct {
	allow   bool
	rule    string // the label of the rule that decided; empty if none did
	outcome string
	reason  validator.Reason // of a refusal, unless the outcome is the gate's own
	scopes  []string         // that a request refused for its scope needs
	// tok is the verified token of a request that is allowed; nil without one.
	tok *validator.Verified
	// cause is the error behind the outcome, if there is one: for explaining, it
	// never changes the answer.
	cause error
	// servedStale, brokenGlass and unenforced say that it is only allowed by a
	// policy, the break-glass or report_only.
	servedStale, brokenGlass, unenforced bool
}

// judge decides about requests. It is safe for concurrent use.
type judge struct {
	rules  *rules
	tokens *validator.Validator
	deny   *denylist
	asker  validator.Fallback // nil unless a rule has ask-cognito
	glass  *validator.BreakGlass
	log    zerolog.Logger
}

// request decides about a proxied request.
func (j *judge) request(ctx context.Context, req request) verdict {
	r, err := j.rules.find(req.method, req.target)
	switch {
	case errors.Is(err, errNoRule):
		return verdict{outcome: outcomeNoRule}
	case err != nil:
		return verdict{outcome: outcomeAmbiguous}
	}
	v := j.byRule(ctx, r, req.authorization)
	v.rule = r.label
	return v
}

// byRule decides about a request that is the rule's.
func (j *judge) byRule(ctx context.Context, r *rule, authorization []string) verdict {
	if r.anonymous {
		return verdict{allow: true, outcome: outcomeAnonymous}
	}
	token, reason := validator.ParseBearer(authorization)
	if reason != validator.ReasonOK {
		return r.settle(nil, reason, nil)
	}
	tok, reason, err := j.token(ctx, token, r.requirement)
	if reason == validator.ReasonStale {
		return j.stale(ctx, r, token, tok, err)
	}
	return r.settle(tok, reason, err)
}

// token decides about a token, which is returned beside [validator.ReasonOK]
// and [validator.ReasonStale] only: it is then as the requirement says. The
// error is the validator's.
func (j *judge) token(ctx context.Context, token string, q requirement) (*validator.Verified, validator.Reason, error) {
	ctx, cancel := context.WithTimeout(ctx, decideTimeout)
	defer cancel()
	tok, err := j.tokens.Validate(ctx, token)
	reason := validator.ReasonOf(err)
	if tok == nil {
		return nil, reason, err
	}
	// A token that may not do this may not do it while stale either.
	if unmet := q.check(tok); unmet != validator.ReasonOK {
		return nil, unmet, nil
	}
	return tok, reason, err
}

// stale applies the policy of the rule to a token that passed every check but
// that of a denylist that is too old. Before its first view the gate has no
// idea of what was revoked, and no policy of a rule is meant for that; the
// break-glass is.
func (j *judge) stale(ctx context.Context, r *rule, bearer string, tok *validator.Verified, err error) verdict {
	open := verdict{allow: true, outcome: validator.ReasonStale.String(), tok: tok, cause: err}
	switch {
	case !j.deny.complete():
	case r.stale == validator.FailOpen:
		open.servedStale = true
		return open
	case r.stale == validator.AskCognito:
		if err = j.asker.Ask(ctx, bearer, tok); err == nil {
			return verdict{allow: true, outcome: outcomeSettled, tok: tok}
		}
	}
	reason := validator.ReasonOf(err)
	if reason == validator.ReasonStale && j.glassBroken() {
		open.brokenGlass = true
		return open
	}
	return r.settle(tok, reason, err)
}

// glassBroken reports whether the break-glass opens every rule, and tells when
// that changes. A gate that has once failed open stays so for the revoke
// service, until it is restarted.
func (j *judge) glassBroken() bool {
	broken, changed := j.glass.Broken(time.Now())
	if changed {
		j.log.Warn().Bool("open", broken).Msg("break-glass: changed by its file")
		if broken {
			j.deny.declare(validator.FailOpen.String())
		}
	}
	return broken
}

// settle turns a reason into a verdict.
func (r *rule) settle(tok *validator.Verified, reason validator.Reason, cause error) verdict {
	v := verdict{allow: reason == validator.ReasonOK, outcome: reason.String(), reason: reason, tok: tok, cause: cause}
	if reason == validator.ReasonMissingScope {
		v.scopes = r.scopes
	}
	switch {
	case v.allow:
	case r.reportOnly:
		v.allow, v.unenforced = true, true
	default:
		v.tok = nil
	}
	return v
}

// claims decides about claims that the caller has verified.
func (j *judge) claims(claims map[string]any, pools []string, issuers []revocation.Issuer, now time.Time) (revocation.Token, validator.Reason, error) {
	tok, err := revocation.TokenFromClaims(claims, issuers...)
	if err != nil {
		return revocation.Token{}, validator.ReasonBadClaims, err
	}
	reason := validator.ReasonOK
	switch {
	case tok.ExpiresAt == 0 || tok.IssuedAt == 0:
		reason, err = validator.ReasonBadClaims, errors.New("exp or iat is missing")
	case !slices.Contains(pools, tok.Pool):
		reason = validator.ReasonWrongIssuer
	case now.Unix() >= tok.ExpiresAt+int64(revocation.MaxLeeway/time.Second):
		// The denylist may have forgotten it by now.
		reason = validator.ReasonExpired
	}
	if reason != validator.ReasonOK {
		return revocation.Token{}, reason, err
	}
	if err = j.deny.view.Check(tok); err != nil {
		reason = validator.ReasonOf(err)
		if reason == validator.ReasonOther {
			reason = validator.ReasonStale // an answer outside the contract proves nothing
		}
	}
	return tok, reason, err
}
