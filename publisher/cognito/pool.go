package cognito

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/smithy-go/logging"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/spans"
	"github.com/seed-4e8dee1b/revoked/publisher"
)

// Pool is one user pool. It implements [publisher.Cognito].
type Pool struct {
	// immutable after New
	config   Config
	log      zerolog.Logger
	secrets  map[string]string // by client id
	api      *cip.Client
	oauth    httpClient // for userInfo
	creds    aws.CredentialsProvider
	retryers map[string]retryer // by operation

	clock clock
	stats struct{ attempts, refused, limited atomic.Uint64 }
}

var _ publisher.Cognito = (*Pool)(nil)

// New returns a pool. It makes no call and does not look for credentials; see
// [Pool.CheckCredentials]. Errors name the field of config.
func New(config Config) (*Pool, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	secrets, err := config.secrets()
	if err != nil {
		return nil, err
	}
	p := &Pool{
		config:   config,
		log:      config.Logger.With().Str("component", "cognito").Str("pool", config.PoolID).Logger(),
		secrets:  secrets,
		creds:    signingCredentials(config.AWS.Credentials),
		retryers: map[string]retryer{},
	}
	p.oauth = watchedClient{next: http.DefaultClient, pool: p}
	if config.AWS.HTTPClient != nil {
		p.oauth = watchedClient{next: config.AWS.HTTPClient, pool: p}
	}
	for _, op := range operations {
		p.retryers[op.name] = newRetryer(op, config.Limiter, config.MaxAttempts)
	}
	p.api = cip.NewFromConfig(config.AWS, p.options)
	return p, nil
}

// options sets what the caller's AWS configuration must not decide.
func (p *Pool) options(o *cip.Options) {
	o.Region = p.config.Region
	if p.config.Endpoint != "" {
		o.BaseEndpoint = aws.String(p.config.Endpoint)
	}
	o.Credentials = p.creds
	o.RetryMaxAttempts = 0 // each operation has a retryer that counts
	o.HTTPClient = watchedClient{next: o.HTTPClient, pool: p}
	// Whatever the SDK logs may hold a request, and so a token.
	o.ClientLogMode, o.Logger = 0, logging.Nop{}
}

// operation is one call of Cognito's API.
type operation struct {
	name     string
	category category
	signed   bool // needs AWS credentials
	once     bool // carrying it out twice is not harmless
}

var (
	opRefresh      = operation{name: "GetTokensFromRefreshToken", category: userAuthentication, once: true}
	opRevoke       = operation{name: "RevokeToken", category: userToken}
	opGetUser      = operation{name: "GetUser", category: userRead}
	opUserInfo     = operation{name: "userInfo", category: userRead} // of the OAuth domain
	opListUsers    = operation{name: "ListUsers", category: userList, signed: true}
	opAdminGetUser = operation{name: "AdminGetUser", category: userRead, signed: true}
	opSignOut      = operation{name: "AdminUserGlobalSignOut", category: userUpdate, signed: true}
	opDescribe     = operation{name: "DescribeUserPoolClient", category: userPoolClientRead, signed: true}

	operations = []operation{opRefresh, opRevoke, opGetUser, opListUsers, opAdminGetUser, opSignOut, opDescribe}
)

// call sends one operation within its limits and translates the error.
func call[In, Out any](
	ctx context.Context, p *Pool, op operation, in *In,
	send func(context.Context, *In, ...func(*cip.Options)) (*Out, error),
) (*Out, error) {
	var out *Out
	err := p.bounded(ctx, op, func(ctx context.Context) (err error) {
		out, err = send(ctx, in, func(o *cip.Options) { o.Retryer = p.retryers[op.name] })
		return err
	})
	return out, err
}

// bounded checks that the operation can be signed and that Cognito answers its
// like, waits for its quota and runs send with a deadline. The end of ctx ends
// the wait but not what was sent: nobody would know whether Cognito has done it.
func (p *Pool) bounded(ctx context.Context, op operation, send func(context.Context) error) (err error) {
	ctx, span := spans.Cognito(ctx, op.name)
	defer func() {
		if refused, ok := errors.AsType[*publisher.CognitoError](err); ok {
			spans.Fail(span, refused.Code)
		}
		span.End()
	}()
	if op.signed && p.creds == nil {
		return p.refused(failure(op.name, CodeNoCredentials))
	}
	ended, err := p.config.Limiter.breakers[op.category].Allow()
	if err != nil {
		return p.refused(failure(op.name, CodePaused))
	}
	outcome := p.limited(ctx, op, send)
	if outcome == nil {
		ended(nil) // not a *CognitoError that is nil
		return nil
	}
	ended(outcome)
	return p.refused(outcome)
}

// limited is bounded within the breaker.
func (p *Pool) limited(ctx context.Context, op operation, send func(context.Context) error) *publisher.CognitoError {
	if err := p.waitForQuota(ctx, op); err != nil {
		return translate(ctx, op.name, err)
	}
	callCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.config.CallTimeout)
	defer cancel()
	if op.signed {
		if err := p.loadCredentials(callCtx, op.name); err != nil {
			return err
		}
	}
	if err := send(callCtx); err != nil {
		return translate(callCtx, op.name, err)
	}
	return nil
}

func (p *Pool) waitForQuota(ctx context.Context, op operation) error {
	ctx, cancel := context.WithTimeout(ctx, p.config.CallTimeout)
	defer cancel()
	return p.config.Limiter.wait(ctx, op.category)
}

// refused counts err and notes it at Debug.
func (p *Pool) refused(err *publisher.CognitoError) *publisher.CognitoError {
	p.stats.refused.Add(1)
	if err.Code == CodeLimited {
		p.stats.limited.Add(1)
	}
	p.log.Debug().Str("op", err.Op).Str("code", err.Code).Bool("retry", err.Retry).Msg("call refused")
	return err
}

// Stats are counts since [New].
type Stats struct {
	Attempts uint64 // requests sent, retries included
	Refused  uint64 // calls that failed, for any reason
	Limited  uint64 // of these, those that our own limiter held back
}

// Stats returns the counts so far.
func (p *Pool) Stats() Stats {
	return Stats{
		Attempts: p.stats.attempts.Load(),
		Refused:  p.stats.refused.Load(),
		Limited:  p.stats.limited.Load(),
	}
}

// ID returns the user pool id.
func (p *Pool) ID() string { return p.config.PoolID }

// leeway is how far Now may be wrong for a decision about expiry.
const leeway = 2 * time.Second
