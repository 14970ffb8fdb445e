package cognitotest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"sync"
)

// idleKeys lends RSA keys to pools and takes them back when their server
// closes, because making one costs about 100 ms. A key never belongs to two
// pools at a time. This is the package's only mutable state.
var idleKeys struct {
	sync.Mutex
	list []*rsa.PrivateKey
}

func borrowKey() (*rsa.PrivateKey, error) {
	idleKeys.Lock()
	if last := len(idleKeys.list) - 1; last >= 0 {
		key := idleKeys.list[last]
		idleKeys.list = idleKeys.list[:last]
		idleKeys.Unlock()
		return key, nil
	}
	idleKeys.Unlock()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("cognitotest: generating a signing key: %w", err)
	}
	return key, nil
}

// signingKey is one RSA key of a pool under the name that its JWKS gives it.
type signingKey struct {
	kid string
	key *rsa.PrivateKey
}

// keyPair holds what a pool signs with: access and ID tokens have different
// keys (developer guide, "Understanding the access token").
type keyPair struct {
	access, id signingKey
}

func newKeyPair(poolID string) (keyPair, error) {
	access, err := newSigningKey(poolID)
	if err != nil {
		return keyPair{}, err
	}
	id, err := newSigningKey(poolID)
	return keyPair{access, id}, err
}

// newSigningKey names the key as Cognito does: 32 bytes in padded standard
// base64, so that '+', '/' and '=' occur. The name is new even if the key
// has served another pool before.
func newSigningKey(poolID string) (signingKey, error) {
	key, err := borrowKey()
	if err != nil {
		return signingKey{}, err
	}
	name := sha256.Sum256([]byte(poolID + newUUID()))
	return signingKey{kid: base64.StdEncoding.EncodeToString(name[:]), key: key}, nil
}

// sign returns claims as a compact JWS (RFC 7515, section 7.1) with RS256
// and Cognito's two header fields.
func (k signingKey) sign(claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("cognitotest: encoding claims: %w", err)
	}
	header := fmt.Sprintf(`{"kid":%q,"alg":"RS256"}`, k.kid)
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(header)) + "." + encode(payload)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, k.key, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("cognitotest: signing: %w", err)
	}
	return signed + "." + encode(signature), nil
}

// jwk is a public key as a JWKS lists it (RFC 7517, section 4; RFC 7518,
// section 6.3.1).
type jwk struct {
	Alg string `json:"alg"`
	E   string `json:"e"`
	Kid string `json:"kid"`
	Kty string `json:"kty"`
	N   string `json:"n"`
	Use string `json:"use"`
}

func (k signingKey) public() jwk {
	encode := base64.RawURLEncoding.EncodeToString
	return jwk{
		Alg: "RS256",
		E:   encode(big.NewInt(int64(k.key.E)).Bytes()),
		Kid: k.kid,
		Kty: "RSA",
		N:   encode(k.key.N.Bytes()),
		Use: "sig",
	}
}

// RotateKeys makes the pool sign with a new pair of keys. The earlier pairs
// stay published, so that tokens signed with them still verify; see
// [Pool.RetireKeys].
func (p *Pool) RotateKeys() error {
	pair, err := newKeyPair(p.id)
	if err != nil {
		return err
	}
	p.srv.mu.Lock()
	defer p.srv.mu.Unlock()
	p.keys = append(p.keys, pair)
	return nil
}

// RetireKeys withdraws every pair of keys but the current one from the
// JWKS: tokens signed with them no longer verify, here or anywhere.
func (p *Pool) RetireKeys() {
	p.srv.mu.Lock()
	defer p.srv.mu.Unlock()
	last := len(p.keys) - 1
	current := p.keys[last]
	p.keys = p.keys[:last]
	p.releaseKeys()
	p.keys = []keyPair{current}
}

// signer returns the key for tokens of the given use. The caller holds mu.
func (p *Pool) signer(use string) signingKey {
	current := p.keys[len(p.keys)-1]
	if use == useID {
		return current.id
	}
	return current.access
}

// published lists the keys of the pool's JWKS. The caller holds mu.
func (p *Pool) published() []signingKey {
	var keys []signingKey
	for _, pair := range p.keys {
		keys = append(keys, pair.access, pair.id)
	}
	return keys
}

func (p *Pool) releaseKeys() {
	idleKeys.Lock()
	defer idleKeys.Unlock()
	for _, k := range p.published() {
		idleKeys.list = append(idleKeys.list, k.key)
	}
}
