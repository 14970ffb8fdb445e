package revocation

// Token is what a denylist needs to know of a verified token: the claims that
// a [Target] can name and the times that a cutoff is compared with. Fill it
// with [TokenFromClaims], or field by field from claims whose signature has
// been verified. An empty field is never looked up.
type Token struct {
	// Pool is the user pool id that the issuer maps to.
	Pool string
	// JTI identifies this token (RFC 7519, section 4.1.7).
	JTI string
	// OriginJTI is shared by all tokens of one sign-in and kept over refresh.
	// It is absent if token revocation is off for the app client, and from
	// client-credentials tokens.
	OriginJTI string
	// Subject is the user's identifier in the pool (RFC 7519, section 4.1.2).
	Subject string
	// ClientID is client_id of an access token, aud of an ID token.
	ClientID string
	// DeviceKey is present in access tokens of remembered devices only.
	DeviceKey string
	// Groups is cognito:groups. It is read, never kept or changed.
	Groups []string
	// IssuedAt, AuthTime and ExpiresAt are iat, auth_time and exp in Unix
	// seconds (RFC 7519, section 2). Zero means absent; a claim that is
	// present with the value 0 is represented as 1, which no cutoff tells
	// apart.
	IssuedAt, AuthTime, ExpiresAt int64
}
