package cognito

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/rs/zerolog"
)

const (
	defaultCallTimeout = 5 * time.Second
	defaultMaxAttempts = 3
)

// Config configures a [Pool]. PoolID and AWS are required.
type Config struct {
	// PoolID is the user pool, such as "eu-west-1_AbC123".
	PoolID string

	// Region is the AWS Region to call. Empty means that in the pool id. Set
	// it to reach a pool through its replica in another Region. The Region of
	// AWS is not used: one configuration serves pools of many Regions.
	Region string

	// AWS is the SDK's configuration, as config.LoadDefaultConfig returns it:
	// credentials, HTTP client and endpoint are taken from it, its retry and
	// log settings are not (the SDK can log requests with the tokens in
	// them). Credentials may be nil if only calls without signature are made;
	// see [Pool.CheckCredentials].
	AWS aws.Config

	// Endpoint is the URL of an emulator. Empty means what AWS says
	// (AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER), else Cognito.
	Endpoint string

	// UserInfoURL is the pool's userInfo endpoint, such as
	// "https://auth.example.com/oauth2/userInfo". [Pool.AccessTokenRevoked]
	// asks it about tokens of managed login, which GetUser does not accept.
	// Empty means that such tokens can't be settled.
	UserInfoURL string

	// Clients are the app clients that have a secret. Any other client is
	// taken for a public one. The slice is not kept.
	Clients []Client

	// Limits bounds the calls sent by this pool's process. It is ignored if
	// Limiter is set.
	Limits Limits

	// Limiter is shared by pools of one AWS account and Region, because their
	// quotas are. Nil means one of its own from Limits.
	Limiter *Limiter

	// CallTimeout bounds the wait for the quota and, again, the call itself
	// with its retries. Zero means 5 s. Too low and a slow answer is taken for
	// a failure although the call had its effect; too high and a hanging
	// Cognito holds the caller's workers.
	CallTimeout time.Duration

	// MaxAttempts is how often a call is sent at most, by the SDK's standard
	// rules. Zero means 3. Durable retries are the publisher's business.
	MaxAttempts int

	// Logger gets one line per change of the clock offset, and refused calls
	// at Debug. The zero value discards.
	Logger zerolog.Logger
}

// Client is an app client that has a secret.
type Client struct {
	ID     string
	Secret string
}

// String hides the secret.
func (c Client) String() string { return c.ID }

// GoString hides the secret.
func (c Client) GoString() string { return fmt.Sprintf("cognito.Client{ID: %q}", c.ID) }

// poolIDPattern is UserPoolIdType of the service model.
var poolIDPattern = regexp.MustCompile(`^[\w-]+_[0-9a-zA-Z]+$`)

// withDefaults returns the configuration with zeros replaced. An error names
// the field.
func (c Config) withDefaults() (Config, error) {
	switch {
	case c.PoolID == "":
		return c, fmt.Errorf("cognito: Config.PoolID is missing")
	case len(c.PoolID) > 55 || !poolIDPattern.MatchString(c.PoolID):
		return c, fmt.Errorf("cognito: Config.PoolID %q is not of the form <region>_<id>", c.PoolID)
	case c.CallTimeout < 0:
		return c, fmt.Errorf("cognito: Config.CallTimeout %s is negative", c.CallTimeout)
	case c.MaxAttempts < 0:
		return c, fmt.Errorf("cognito: Config.MaxAttempts %d is negative", c.MaxAttempts)
	}
	if err := checkURL("Endpoint", c.Endpoint); err != nil {
		return c, err
	}
	if err := checkURL("UserInfoURL", c.UserInfoURL); err != nil {
		return c, err
	}
	if c.Region == "" {
		c.Region = c.PoolID[:strings.LastIndexByte(c.PoolID, '_')]
	}
	if c.CallTimeout == 0 {
		c.CallTimeout = defaultCallTimeout
	}
	if c.MaxAttempts == 0 {
		c.MaxAttempts = defaultMaxAttempts
	}
	if c.Limiter == nil {
		limiter, err := NewLimiter(c.Limits)
		if err != nil {
			return c, err
		}
		c.Limiter = limiter
	}
	return c, nil
}

func checkURL(field, raw string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		// The text is left out: a URL may hold a password.
		return fmt.Errorf("cognito: Config.%s is not an http or https URL", field)
	}
	return nil
}

// secrets returns the secrets by client id.
func (c Config) secrets() (map[string]string, error) {
	secrets := make(map[string]string, len(c.Clients))
	for i, client := range c.Clients {
		if client.ID == "" {
			return nil, fmt.Errorf("cognito: Config.Clients[%d].ID is missing", i)
		}
		if _, twice := secrets[client.ID]; twice {
			return nil, fmt.Errorf("cognito: Config.Clients[%d].ID %q occurs twice", i, client.ID)
		}
		secrets[client.ID] = client.Secret
	}
	return secrets, nil
}
