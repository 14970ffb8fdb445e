package cognitotest

import (
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// userType is a user as ListUsers and AdminCreateUser show it.
type userType struct {
	Username   string
	Attributes []attribute
	userState
}

// userState is what all descriptions of a user end with.
type userState struct {
	Enabled              bool
	UserStatus           string
	UserCreateDate       float64
	UserLastModifiedDate float64
}

func (u *user) state() userState {
	return userState{!u.disabled, u.status, epoch(u.created), epoch(u.modified)}
}

func (u *user) describe() userType {
	return userType{u.username, u.listAttributes(), u.state()}
}

// epoch is a time as AWS JSON 1.1 writes it: seconds with a fraction.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func getUser(c *call, in accessTokenInput) (any, error) {
	u, err := c.srv.selfService(in.AccessToken)
	if err != nil {
		return nil, err
	}
	return struct {
		Username       string
		UserAttributes []attribute
	}{u.username, u.listAttributes()}, nil
}

func adminGetUser(c *call, in userInput) (any, error) {
	u, err := c.user(in)
	if err != nil {
		return nil, err
	}
	return struct {
		Username       string
		UserAttributes []attribute
		userState
	}{u.username, u.listAttributes(), u.state()}, nil
}

type listUsersInput struct {
	UserPoolId      string `required:"true"`
	Filter          string
	Limit           int
	PaginationToken string
}

// userFilter is `attribute = "value"` or, for a prefix, `attribute ^= "value"`.
var userFilter = regexp.MustCompile(`^\s*"?([\w:]+)"?\s*(\^?=)\s*"((?:[^"\\]|\\.)*)"\s*$`)

var escaped = regexp.MustCompile(`\\(.)`)

func listUsers(c *call, in listUsersInput) (any, error) {
	p, err := c.srv.pool(in.UserPoolId)
	if err != nil {
		return nil, err
	}
	matches, err := parseUserFilter(in.Filter)
	if err != nil {
		return nil, err
	}
	after, err := base64.RawURLEncoding.DecodeString(in.PaginationToken)
	if err != nil || in.Limit < 0 || in.Limit > 60 {
		return nil, invalidParameter("Invalid PaginationToken or Limit")
	}
	if in.Limit == 0 {
		in.Limit = 60
	}
	out := struct {
		Users           []userType
		PaginationToken string `json:",omitempty"`
	}{Users: []userType{}}
	for _, name := range slices.Sorted(maps.Keys(p.users)) {
		if name <= string(after) || !matches(p.users[name]) {
			continue
		}
		if len(out.Users) == in.Limit {
			last := out.Users[in.Limit-1].Username
			out.PaginationToken = base64.RawURLEncoding.EncodeToString([]byte(last))
			break
		}
		out.Users = append(out.Users, p.users[name].describe())
	}
	return out, nil
}

// parseUserFilter returns what the filter accepts. A federated user is not
// found by sub.
func parseUserFilter(filter string) (func(*user) bool, error) {
	if filter == "" {
		return func(*user) bool { return true }, nil
	}
	m := userFilter.FindStringSubmatch(filter)
	if m == nil {
		return nil, invalidParameter("Error while parsing filter: %s", filter)
	}
	compare := func(is, want string) bool { return is == want }
	if m[2] == "^=" {
		compare = strings.HasPrefix
	}
	value := escaped.ReplaceAllString(m[3], "$1")
	return func(u *user) bool {
		switch m[1] {
		case "username":
			return compare(u.username, value)
		case "sub":
			return u.provider == "" && compare(u.sub, value)
		case "cognito:user_status":
			return compare(u.status, value)
		case "status":
			return compare(map[bool]string{true: "Disabled", false: "Enabled"}[u.disabled], value)
		}
		is, present := u.attributes[m[1]]
		return present && compare(is, value)
	}, nil
}

type adminCreateUserInput struct {
	userInput
	UserAttributes    []attribute
	TemporaryPassword string
	MessageAction     string
}

func adminCreateUser(c *call, in adminCreateUserInput) (any, error) {
	p, err := c.srv.pool(in.UserPoolId)
	if err != nil {
		return nil, err
	}
	if in.MessageAction == "RESEND" {
		u, err := p.user(in.Username)
		if err != nil {
			return nil, err
		}
		return map[string]any{"User": u.describe()}, nil
	}
	u := &user{
		pool: p, username: in.Username, password: in.TemporaryPassword, status: statusForceChange,
		attributes: map[string]string{}, groups: map[string]bool{},
	}
	for _, a := range in.UserAttributes {
		if a.Name == "sub" {
			return nil, invalidParameter("Cannot modify the sub attribute")
		}
		u.attributes[a.Name] = a.Value
	}
	if u.password == "" {
		u.password = randomString(12, alphanumerics)
	} else if err := checkPasswordPolicy(u.password); err != nil {
		return nil, err
	}
	if err := p.addUser(u); err != nil {
		return nil, err
	}
	return map[string]any{"User": u.describe()}, nil
}

type adminSetUserPasswordInput struct {
	userInput
	Password  string `required:"true"`
	Permanent bool
}

func adminSetUserPassword(c *call, in adminSetUserPasswordInput) (any, error) {
	u, err := c.user(in.userInput)
	if err != nil {
		return nil, err
	}
	if err := checkPasswordPolicy(in.Password); err != nil {
		return nil, err
	}
	u.password, u.status, u.modified = in.Password, statusForceChange, c.srv.Now()
	if in.Permanent {
		u.status = statusConfirmed
	}
	return nil, nil
}

// checkPasswordPolicy applies the default policy of a new pool (developer
// guide, "Adding user pool password requirements").
func checkPasswordPolicy(password string) error {
	has := func(class func(rune) bool) bool { return strings.ContainsFunc(password, class) }
	var reason string
	switch {
	case len(password) < 8:
		reason = "Password not long enough"
	case !has(unicode.IsUpper):
		reason = "Password must have uppercase characters"
	case !has(unicode.IsLower):
		reason = "Password must have lowercase characters"
	case !has(unicode.IsDigit):
		reason = "Password must have numeric characters"
	case !has(func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }):
		reason = "Password must have symbol characters"
	default:
		return nil
	}
	return &Error{Code: "InvalidPasswordException", Message: "Password did not conform with policy: " + reason}
}
