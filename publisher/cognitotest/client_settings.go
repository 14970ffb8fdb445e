package cognitotest

import (
	"math"
	"net/url"
	"slices"
	"time"
)

const (
	enabled  = "ENABLED"
	disabled = "DISABLED"
)

// clientSettings is what Create- and UpdateUserPoolClient set: field for
// field the wire shape, so that Describe returns what was sent.
type clientSettings struct {
	ClientName                      string
	RefreshTokenValidity            int                   // zero means 30 days
	AccessTokenValidity             int                   `json:",omitempty"` // zero means 1 hour
	IdTokenValidity                 int                   `json:",omitempty"` // zero means 1 hour
	TokenValidityUnits              validityUnits         `json:",omitzero"`
	ReadAttributes                  []string              `json:",omitempty"`
	WriteAttributes                 []string              `json:",omitempty"`
	ExplicitAuthFlows               []string              `json:",omitempty"`
	SupportedIdentityProviders      []string              `json:",omitempty"`
	CallbackURLs                    []string              `json:",omitempty"`
	LogoutURLs                      []string              `json:",omitempty"`
	DefaultRedirectURI              string                `json:",omitempty"`
	AllowedOAuthFlows               []string              `json:",omitempty"`
	AllowedOAuthScopes              []string              `json:",omitempty"`
	AllowedOAuthFlowsUserPoolClient bool                  `json:",omitempty"`
	PreventUserExistenceErrors      string                `json:",omitempty"`
	EnableTokenRevocation           *bool                 `json:",omitempty"`
	AuthSessionValidity             int                   `json:",omitempty"`
	RefreshTokenRotation            *refreshTokenRotation `json:",omitempty"`
}

// validityUnits holds "seconds", "minutes", "hours" or "days"; empty means
// hours for access and ID tokens, days for refresh tokens.
type validityUnits struct {
	AccessToken  string `json:",omitempty"`
	IdToken      string `json:",omitempty"`
	RefreshToken string `json:",omitempty"`
}

type refreshTokenRotation struct {
	Feature                 string
	RetryGracePeriodSeconds int
}

var timeUnits = map[string]time.Duration{
	"seconds": time.Second,
	"minutes": time.Minute,
	"hours":   time.Hour,
	"days":    24 * time.Hour,
}

func validity(count int, unit, defaultUnit string, otherwise time.Duration) time.Duration {
	if count == 0 {
		return otherwise
	}
	if unit == "" {
		unit = defaultUnit
	}
	length := timeUnits[unit]
	if length > 0 && count > int(math.MaxInt64/length) {
		return math.MaxInt64
	}
	return time.Duration(count) * length
}

func (s *clientSettings) accessValidity() time.Duration {
	return validity(s.AccessTokenValidity, s.TokenValidityUnits.AccessToken, "hours", time.Hour)
}

func (s *clientSettings) idValidity() time.Duration {
	return validity(s.IdTokenValidity, s.TokenValidityUnits.IdToken, "hours", time.Hour)
}

func (s *clientSettings) refreshValidity() time.Duration {
	return validity(s.RefreshTokenValidity, s.TokenValidityUnits.RefreshToken, "days", 30*24*time.Hour)
}

// settings is the configuration in the API's terms, with this package's
// defaults in place.
func (c ClientConfig) settings() clientSettings {
	revocation := !c.DisableTokenRevocation
	s := clientSettings{
		ClientName:                 c.Name,
		AccessTokenValidity:        int(c.AccessValidity / time.Second),
		IdTokenValidity:            int(c.IDValidity / time.Second),
		RefreshTokenValidity:       int(c.RefreshValidity / time.Second),
		TokenValidityUnits:         validityUnits{AccessToken: "seconds", IdToken: "seconds", RefreshToken: "seconds"},
		ExplicitAuthFlows:          slices.Clone(c.AuthFlows),
		AllowedOAuthFlows:          slices.Clone(c.OAuthFlows),
		AllowedOAuthScopes:         slices.Clone(c.Scopes),
		CallbackURLs:               slices.Clone(c.CallbackURLs),
		LogoutURLs:                 slices.Clone(c.LogoutURLs),
		PreventUserExistenceErrors: "LEGACY",
		EnableTokenRevocation:      &revocation,
	}
	if c.HideMissingUsers {
		s.PreventUserExistenceErrors = enabled
	}
	if c.RotateRefreshTokens {
		s.RefreshTokenRotation = &refreshTokenRotation{
			Feature:                 enabled,
			RetryGracePeriodSeconds: int(c.RotationGrace / time.Second),
		}
	}
	if s.ExplicitAuthFlows == nil {
		s.ExplicitAuthFlows = []string{flowPassword, flowAdminPassword}
		if !c.RotateRefreshTokens {
			s.ExplicitAuthFlows = append(s.ExplicitAuthFlows, flowRefresh)
		}
	}
	if s.AllowedOAuthFlows == nil && len(s.CallbackURLs) > 0 {
		s.AllowedOAuthFlows = []string{"code"}
	}
	if s.AllowedOAuthScopes == nil && slices.Contains(s.AllowedOAuthFlows, "code") {
		s.AllowedOAuthScopes = []string{"openid", "email", "profile"}
	}
	s.AllowedOAuthFlowsUserPoolClient = len(s.AllowedOAuthFlows) > 0
	if s.RefreshTokenValidity == 0 {
		s.RefreshTokenValidity, s.TokenValidityUnits.RefreshToken = 30, "days"
	}
	return s
}

// withAPIDefaults fills what a Create or Update request left out: unset
// means the default, not what was there before (API Reference,
// UpdateUserPoolClient).
func (s clientSettings) withAPIDefaults() clientSettings {
	if s.RefreshTokenValidity == 0 {
		s.RefreshTokenValidity = 30
		s.TokenValidityUnits.RefreshToken = "days"
	}
	if s.ExplicitAuthFlows == nil {
		s.ExplicitAuthFlows = []string{"ALLOW_CUSTOM_AUTH", "ALLOW_USER_SRP_AUTH"}
		if s.RefreshTokenRotation == nil || s.RefreshTokenRotation.Feature != enabled {
			s.ExplicitAuthFlows = append(s.ExplicitAuthFlows, flowRefresh)
		}
	}
	if s.EnableTokenRevocation == nil {
		revocation := true
		s.EnableTokenRevocation = &revocation
	}
	if s.PreventUserExistenceErrors == "" {
		s.PreventUserExistenceErrors = "LEGACY"
	}
	return s
}

// check refuses contradictory settings.
func (s *clientSettings) check(confidential bool) error {
	for _, unit := range []string{s.TokenValidityUnits.AccessToken, s.TokenValidityUnits.IdToken, s.TokenValidityUnits.RefreshToken} {
		if _, known := timeUnits[unit]; unit != "" && !known {
			return invalidParameter("Invalid token validity unit %q", unit)
		}
	}
	if s.AccessTokenValidity < 0 || s.IdTokenValidity < 0 || s.RefreshTokenValidity < 0 {
		return invalidParameter("Invalid range for token validity.")
	}
	if r := s.RefreshTokenRotation; r != nil {
		switch {
		case r.Feature != enabled && r.Feature != disabled:
			return invalidParameter("RefreshTokenRotation.Feature must be ENABLED or DISABLED")
		case r.RetryGracePeriodSeconds < 0 || r.RetryGracePeriodSeconds > 60:
			return invalidParameter("RetryGracePeriodSeconds must be between 0 and 60")
		case r.Feature == enabled && slices.Contains(s.ExplicitAuthFlows, flowRefresh):
			return invalidParameter("Refresh token rotation cannot be enabled together with %s", flowRefresh)
		}
	}
	return s.checkOAuth(confidential)
}

func (s *clientSettings) checkOAuth(confidential bool) error {
	for _, raw := range slices.Concat(s.CallbackURLs, s.LogoutURLs) {
		// Developer guide, "Configuring app clients": an absolute URI, no
		// fragment, and plain http for the local machine only.
		u, err := url.Parse(raw)
		if err != nil || u.Scheme == "" || u.Fragment != "" ||
			u.Scheme == "http" && !slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname()) {
			return invalidParameter("Invalid callback or logout URL: %s", raw)
		}
	}
	machine := slices.Contains(s.AllowedOAuthFlows, "client_credentials")
	switch {
	case machine && len(s.AllowedOAuthFlows) > 1:
		return invalidOAuthFlow("client_credentials flow can not be selected along with code flow or implicit flow.")
	case machine && !confidential:
		return invalidOAuthFlow("client_credentials flow can not be selected if client does not have a client secret.")
	case slices.Contains(s.AllowedOAuthFlows, "code") && len(s.CallbackURLs) == 0:
		return invalidOAuthFlow("code flow needs at least one callback URL.")
	}
	return nil
}

func invalidOAuthFlow(message string) *Error {
	return &Error{Code: "InvalidOAuthFlowException", Message: message}
}

// checkRanges refuses validities that the API does not accept (API
// Reference, CreateUserPoolClient).
func (s *clientSettings) checkRanges() error {
	for _, v := range []struct {
		is, min, max time.Duration
	}{
		{s.accessValidity(), 5 * time.Minute, 24 * time.Hour},
		{s.idValidity(), 5 * time.Minute, 24 * time.Hour},
		{s.refreshValidity(), time.Hour, 3650 * 24 * time.Hour},
	} {
		if v.is < v.min || v.is > v.max {
			return invalidParameter("Invalid range for token validity.")
		}
	}
	return nil
}
