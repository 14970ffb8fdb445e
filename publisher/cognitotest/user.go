package cognitotest

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// UserConfig configures a user. Username is required.
type UserConfig struct {
	// Username is the name in the pool. That of a federated user is
	// "<Provider>_<id at the provider>"; the prefix is added if missing.
	Username string
	// Subject is the sub claim. Empty means a random UUID.
	Subject string
	// Password of a local user, of any strength: the pool's password policy
	// applies to the API only. Empty means that nobody can sign in with one.
	Password string
	// Email becomes a verified e-mail address.
	Email string
	// Attributes are further user attributes.
	Attributes map[string]string
	// Groups that don't exist are created.
	Groups []string
	// Provider makes the user a federated one, such as "Google".
	Provider string
}

// User names a user of a pool.
type User struct {
	Username string
	Subject  string
}

// The states of a user that decide how it may sign in.
const (
	statusConfirmed   = "CONFIRMED"
	statusForceChange = "FORCE_CHANGE_PASSWORD"
	statusFederated   = "EXTERNAL_PROVIDER"
)

// user is the emulator's record of a user, guarded by Server.mu.
type user struct {
	pool       *Pool
	username   string
	sub        string
	password   string
	attributes map[string]string
	groups     map[string]bool
	provider   string // empty for a local user
	status     string
	disabled   bool
	deleted    bool
	created    time.Time
	modified   time.Time

	sessions []*session // those not ended by a sign-out

	// signedOut is the last sign-out of all sessions: tokens with iat at or
	// before it are revoked. Zero if there was none.
	signedOut time.Time
}

// CreateUser adds a confirmed user.
func (p *Pool) CreateUser(config UserConfig) (*User, error) {
	u := &user{
		pool:       p,
		username:   config.Username,
		sub:        config.Subject,
		password:   config.Password,
		attributes: map[string]string{},
		groups:     map[string]bool{},
		provider:   config.Provider,
		status:     statusConfirmed,
	}
	maps.Copy(u.attributes, config.Attributes)
	if config.Email != "" {
		u.attributes["email"], u.attributes["email_verified"] = config.Email, "true"
	}
	p.srv.mu.Lock()
	defer p.srv.mu.Unlock()
	groups := config.Groups
	if u.provider != "" {
		u.status = statusFederated
		if !strings.HasPrefix(u.username, u.provider+"_") {
			u.username = u.provider + "_" + u.username
		}
		// Cognito puts the users of a provider into a group of that name.
		groups = append(slices.Clone(groups), p.id+"_"+u.provider)
	}
	for _, g := range groups {
		p.groups[g], u.groups[g] = true, true
	}
	if err := p.addUser(u); err != nil {
		return nil, err
	}
	return &User{Username: u.username, Subject: u.sub}, nil
}

// addUser stores u and gives it a sub if it has none. The caller holds mu.
func (p *Pool) addUser(u *user) error {
	if u.username == "" {
		return invalidParameter("cognitotest: a user needs a Username")
	}
	if p.users[u.username] != nil {
		return &Error{Code: "UsernameExistsException", Message: "User account already exists"}
	}
	if u.sub == "" {
		u.sub = newUUID()
	}
	if p.subjects[u.sub] != nil {
		return invalidParameter("cognitotest: another user has the Subject %s", u.sub)
	}
	u.created = p.srv.Now()
	u.modified = u.created
	p.users[u.username], p.subjects[u.sub] = u, u
	return nil
}

// user looks a user up as the Admin calls do: by username, or by sub if the
// user is local (API Reference, AdminUserGlobalSignOut). The caller holds
// mu.
func (p *Pool) user(name string) (*user, error) {
	if u := p.users[name]; u != nil {
		return u, nil
	}
	if u := p.subjects[name]; u != nil && u.provider == "" {
		return u, nil
	}
	return nil, errUserNotFound
}

func (u *user) groupNames() []string { return slices.Sorted(maps.Keys(u.groups)) }

// attribute is a name and a value as the API lists them.
type attribute struct {
	Name  string
	Value string
}

// listAttributes returns sub and all other attributes.
func (u *user) listAttributes() []attribute {
	list := []attribute{{"sub", u.sub}}
	for _, name := range slices.Sorted(maps.Keys(u.attributes)) {
		list = append(list, attribute{name, u.attributes[name]})
	}
	return list
}
