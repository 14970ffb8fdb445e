package publisher_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/denylist" //nolint:depguard // the nodes that listen in a test hold one
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// poolModel is a naive user pool: sessions, and every token that Cognito could
// have minted from them. It is guarded by the mu of its world.
type poolModel struct {
	world    *world
	validity publisher.Validity
	sessions []*session
	minted   []token // those that have not expired
	serial   int
}

type session struct {
	user, id, client string
	began            time.Time
	ended            bool
}

// refreshToken and accessToken are what the user of a session holds.
func (s *session) refreshToken() string { return "refresh of " + s.id }
func (s *session) accessToken() string  { return "access of " + s.id }

// token is one with the exact times of its sign-in and its minting.
type token struct {
	began, at time.Time
	revocation.Token
}

func (m *poolModel) now() time.Time { return time.Now().Add(m.world.offset) }

func (m *poolModel) signIn(user, client string) *session {
	m.serial++
	s := &session{user: user, id: fmt.Sprintf("session-%d", m.serial), client: client, began: m.now()}
	m.sessions = append(m.sessions, s)
	m.mint(s)
	return s
}

// mint gives each of the sessions that live a fresh token.
func (m *poolModel) mint(sessions ...*session) {
	now := m.now()
	for _, s := range sessions {
		if s.ended || now.Sub(s.began) >= m.validity.Refresh {
			continue
		}
		m.serial++
		m.minted = append(m.minted, token{s.began, now, revocation.Token{
			Pool: poolID, JTI: fmt.Sprintf("jti-%d", m.serial), OriginJTI: s.id, Subject: s.user, ClientID: s.client,
			DeviceKey: "device of " + s.user, Groups: []string{"group-1", "group of " + s.client},
			IssuedAt: now.Unix(), AuthTime: s.began.Unix(), ExpiresAt: now.Add(m.validity.Token).Unix(),
		}})
	}
}

// tokens returns those that a validator whose skew is the most that is allowed
// accepts now, one just minted of each session among them.
func (m *poolModel) tokens() []token {
	m.mint(m.sessions...)
	now := time.Now()
	m.minted = slices.DeleteFunc(m.minted, func(tok token) bool {
		return !now.Before(time.Unix(tok.ExpiresAt, 0).Add(revocation.MaxLeeway))
	})
	return slices.Clone(m.minted)
}

// end ends sessions; the last tokens are minted in the moment before.
func (m *poolModel) end(which func(*session) bool) {
	if m == nil {
		return
	}
	for _, s := range m.sessions {
		if which(s) {
			m.mint(s)
			s.ended = true
		}
	}
}

func (m *poolModel) signOut(user string) { m.end(func(s *session) bool { return s.user == user }) }

// revoke is RevokeToken: garbage is a success, too.
func (m *poolModel) revoke(refreshToken string) {
	m.end(func(s *session) bool { return s.refreshToken() == refreshToken })
}

// refuses reports whether the session of an access token has ended.
func (m *poolModel) refuses(accessToken string) bool {
	return slices.ContainsFunc(m.sessions, func(s *session) bool { return s.accessToken() == accessToken && s.ended })
}

// covers states what a request made at the given time of Cognito's clock means,
// without package revocation.
func covers(req publisher.Request, at time.Time, tok token) bool {
	id := req.Target.ID
	session := !tok.began.After(at)
	basis := !tok.at.After(at)
	if req.Basis == revocation.BasisSession {
		basis = session
	}
	switch req.Target.Kind {
	case revocation.KindToken:
		return tok.JTI == id
	case revocation.KindSession:
		return tok.OriginJTI == id
	case revocation.KindUser:
		return tok.Subject == id && tok.OriginJTI != req.Target.ExceptSession && session
	case revocation.KindClient:
		return tok.ClientID == id && basis
	case revocation.KindGroup:
		return slices.Contains(tok.Groups, id) && basis
	case revocation.KindDevice:
		return tok.DeviceKey == id && basis
	case revocation.KindPool:
		return basis
	}
	return false
}

// nodes are a node that was there from the start, and the stream, from which
// another one can start at any time. They are guarded by the mu of their world.
type nodes struct {
	old    *denylist.Denylist
	stream []message
}

type message struct {
	act  revocation.Act
	gone time.Time
}

func newNodes() *nodes { return &nodes{old: denylist.New()} }

func (n *nodes) apply(act revocation.Act, ttl time.Duration) {
	if n != nil {
		n.old.Apply(act)
		n.stream = append(n.stream, message{act, time.Now().Add(ttl)})
	}
}

func (n *nodes) provisional(act revocation.Act, sent time.Time) {
	if n != nil {
		n.old.ApplyProvisional(act, sent.Add(2*time.Minute).Unix())
	}
}

// denylists returns what the old node holds, and what one that starts now does.
func (n *nodes) denylists() map[string]*denylist.Denylist {
	now := time.Now()
	n.old.Prune(now.Unix())
	n.stream = slices.DeleteFunc(n.stream, func(m message) bool { return !now.Before(m.gone) })
	fresh := denylist.New()
	for _, m := range n.stream {
		fresh.Apply(m.act)
	}
	return map[string]*denylist.Denylist{"old": n.old, "new": fresh}
}
