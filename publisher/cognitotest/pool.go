package cognitotest

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// IssuerStyle says which of Cognito's issuer hosts a pool's tokens name.
type IssuerStyle int

const (
	// IssuerClassic is https://cognito-idp.<region>.amazonaws.com/<pool>.
	IssuerClassic IssuerStyle = iota
	// IssuerUpdated is https://issuer-cognito-idp.<region>.amazonaws.com/<pool>,
	// the host of newer pools (developer guide, "User pool endpoints").
	IssuerUpdated
	// IssuerLocal is the emulator's own URL and the pool id. Real pools have
	// no such issuer; generic OpenID Connect clients need it, because
	// discovery requires the issuer to be where the document is found
	// (OpenID Connect Discovery 1.0, section 4.3).
	IssuerLocal
)

// PoolConfig configures a user pool. The zero value is a working one.
type PoolConfig struct {
	// ID is the pool id, such as "eu-west-1_AbCdEf123". Empty means random.
	ID string
	// Name is shown by DescribeUserPool. Empty means the id.
	Name string
	// Region is the pool's Region. Empty means that of ID, else Config.Region.
	Region string
	// IssuerStyle chooses the iss claim.
	IssuerStyle IssuerStyle
}

// Pool is a user pool.
type Pool struct {
	srv     *Server // immutable, as are the fields up to the next comment
	id      string
	name    string
	region  string
	issuer  string
	created time.Time

	// guarded by srv.mu
	keys     []keyPair        // oldest first; the last one signs
	users    map[string]*user // by username
	subjects map[string]*user // by sub
	groups   map[string]bool
	sessions map[string]*session // by origin_jti
}

// poolIDPattern is UserPoolIdType of the service model.
var poolIDPattern = regexp.MustCompile(`^[\w-]+_[0-9a-zA-Z]+$`)

// CreatePool adds a user pool with two new signing keys.
func (s *Server) CreatePool(config PoolConfig) (*Pool, error) {
	region := config.Region
	if region == "" {
		region, _, _ = strings.Cut(config.ID, "_")
	}
	if region == "" {
		region = s.config.Region
	}
	id := config.ID
	if id == "" {
		id = region + "_" + randomString(9, alphanumerics)
	}
	if !poolIDPattern.MatchString(id) || len(id) > 55 {
		return nil, invalidParameter("cognitotest: pool id %q is not of the form <region>_<alphanumerics>", id)
	}
	issuer, err := s.issuer(config.IssuerStyle, region, id)
	if err != nil {
		return nil, err
	}
	keys, err := newKeyPair(id)
	if err != nil {
		return nil, err
	}
	name := config.Name
	if name == "" {
		name = id
	}
	p := &Pool{
		srv: s, id: id, name: name, region: region, issuer: issuer,
		created:  s.Now(),
		keys:     []keyPair{keys},
		users:    map[string]*user{},
		subjects: map[string]*user{},
		groups:   map[string]bool{},
		sessions: map[string]*session{},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pools[id] != nil {
		p.releaseKeys()
		return nil, invalidParameter("cognitotest: pool %s exists", id)
	}
	s.pools[id] = p
	return p, nil
}

func (s *Server) issuer(style IssuerStyle, region, id string) (string, error) {
	switch style {
	case IssuerClassic:
		return fmt.Sprintf("https://cognito-idp.%s.amazonaws.com/%s", region, id), nil
	case IssuerUpdated:
		return fmt.Sprintf("https://issuer-cognito-idp.%s.amazonaws.com/%s", region, id), nil
	case IssuerLocal:
		if s.url == "" {
			return "", invalidParameter("cognitotest: IssuerLocal needs Config.URL or Start")
		}
		return s.url + "/" + id, nil
	}
	return "", invalidParameter("cognitotest: unknown issuer style %d", style)
}

// ID returns the pool id.
func (p *Pool) ID() string { return p.id }

// Region returns the pool's AWS Region.
func (p *Pool) Region() string { return p.region }

// Issuer returns the iss claim of the pool's tokens.
func (p *Pool) Issuer() string { return p.issuer }

// JWKSURL returns where the emulator serves the pool's keys. It is under the
// emulator's URL whatever the issuer; if that is unknown, it is a path.
func (p *Pool) JWKSURL() string { return p.srv.url + "/" + p.id + "/.well-known/jwks.json" }

// pool looks a pool up. The caller holds mu.
func (s *Server) pool(id string) (*Pool, error) {
	if p := s.pools[id]; p != nil {
		return p, nil
	}
	return nil, notFound("User pool %s does not exist.", id)
}
