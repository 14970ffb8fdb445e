package cognito

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
)

const day = 24 * time.Hour

// ClientSettings are the settings of an app client that decide how long its
// tokens matter.
type ClientSettings struct {
	// RevocationEnabled says that tokens carry jti and origin_jti and that
	// RevokeToken works.
	RevocationEnabled bool
	// How long tokens are valid from their issue. They hold for tokens issued
	// from now on: older ones may have been issued under other settings.
	AccessValidity  time.Duration
	IDValidity      time.Duration
	RefreshValidity time.Duration // a rotated token inherits what remains
	// Rotation says that a refresh replaces the refresh token; RotationGrace
	// is how long the old one works on.
	Rotation      bool
	RotationGrace time.Duration
}

// DescribeClient reads the settings of an app client. It needs credentials.
func (p *Pool) DescribeClient(ctx context.Context, clientID string) (ClientSettings, error) {
	out, err := call(ctx, p, opDescribe, &cip.DescribeUserPoolClientInput{
		UserPoolId: aws.String(p.config.PoolID),
		ClientId:   aws.String(clientID),
	}, p.api.DescribeUserPoolClient)
	if err != nil {
		return ClientSettings{}, err
	}
	settings, ok := clientSettings(out.UserPoolClient)
	if !ok {
		return ClientSettings{}, failure(opDescribe.name, CodeUnreadable)
	}
	return settings, nil
}

// clientSettings reports false for settings that Cognito can't have.
func clientSettings(c *types.UserPoolClientType) (ClientSettings, bool) {
	if c == nil {
		return ClientSettings{}, false
	}
	var units types.TokenValidityUnitsType
	if c.TokenValidityUnits != nil {
		units = *c.TokenValidityUnits
	}
	access, accessOK := validity(aws.ToInt32(c.AccessTokenValidity), units.AccessToken, time.Hour, time.Hour)
	id, idOK := validity(aws.ToInt32(c.IdTokenValidity), units.IdToken, time.Hour, time.Hour)
	refresh, refreshOK := validity(c.RefreshTokenValidity, units.RefreshToken, day, 30*day)
	s := ClientSettings{
		RevocationEnabled: aws.ToBool(c.EnableTokenRevocation),
		AccessValidity:    access,
		IDValidity:        id,
		RefreshValidity:   refresh,
	}
	if r := c.RefreshTokenRotation; r != nil && r.Feature == types.FeatureTypeEnabled {
		s.Rotation = true
		s.RotationGrace = time.Duration(aws.ToInt32(r.RetryGracePeriodSeconds)) * time.Second
	}
	return s, accessOK && idOK && refreshOK
}

// maxValidity is above all that Cognito permits (10 years for a refresh
// token) and far below overflow.
const maxValidity = 100 * 366 * day

// validity converts a count of units. A unit that is not given means
// defaultUnit, a count of zero means otherwise (API Reference,
// UserPoolClientType).
func validity(count int32, unit types.TimeUnitsType, defaultUnit, otherwise time.Duration) (time.Duration, bool) {
	size := defaultUnit
	switch unit {
	case "":
	case types.TimeUnitsTypeSeconds:
		size = time.Second
	case types.TimeUnitsTypeMinutes:
		size = time.Minute
	case types.TimeUnitsTypeHours:
		size = time.Hour
	case types.TimeUnitsTypeDays:
		size = day
	default:
		return 0, false
	}
	switch {
	case count == 0:
		return otherwise, true
	case count < 0 || time.Duration(count) > maxValidity/size:
		return 0, false
	}
	return time.Duration(count) * size, true
}
