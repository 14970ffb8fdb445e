package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v2/jwk"
	jwxjwt "github.com/lestrrat-go/jwx/v2/jwt"

	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

const (
	issuer   = "https://cognito-idp.eu-west-1.amazonaws.com/" + pool
	clientID = "3n4b5urk1ft4fl3mg5e62d9ado"
	kid      = "7yb2Jk5nqRIr5uTlmkb6gxLHZ2pPpCM1tVWdCs0Hq1M="
)

// mint signs access tokens as Cognito does, about a kilobyte each.
func mint(key *rsa.PrivateKey, n int) []string {
	b64 := base64.RawURLEncoding
	header := b64.EncodeToString(mustJSON(map[string]any{"kid": kid, "alg": "RS256"}))
	issued := time.Now().Unix()
	tokens := make([]string, n)
	for i := range tokens {
		input := header + "." + b64.EncodeToString(mustJSON(map[string]any{
			"sub": uuid(5, uint64(i)), "iss": issuer, "version": 2, "client_id": clientID, "origin_jti": uuid(4, uint64(i)),
			"event_id": uuid(8, uint64(i)), "token_use": "access", "scope": "openid profile orders/read",
			"auth_time": issued, "exp": issued + 24*3600, "iat": issued, "jti": uuid(3, uint64(i)), "username": uuid(5, uint64(i)),
			"cognito:groups": []string{"staff"},
		}))
		digest := sha256.Sum256([]byte(input))
		signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
		check(err)
		tokens[i] = input + "." + b64.EncodeToString(signature)
	}
	return tokens
}

func keySet(key *rsa.PrivateKey) string {
	b64 := base64.RawURLEncoding
	return string(mustJSON(map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid,
		"n": b64.EncodeToString(key.N.Bytes()), "e": b64.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}}}))
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	check(err)
	return data
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// published is a transport that answers every request with the key set.
type published string

func (p published) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(p))), Request: r}, nil
}

// node is a denylist as an API node has it, without a stream.
type node struct{ d *denylist.Denylist }

func (n node) Check(tok revocation.Token) error {
	if id, kind, found := n.d.Find(&tok, time.Now().Unix()); found {
		return &revocation.RevokedError{Act: id, Kind: kind}
	}
	return nil
}

func (n node) Prehash(tok *revocation.Token) revocation.Hashes { return n.d.Prehash(tok) }

func (n node) CheckHashed(tok *revocation.Token, h *revocation.Hashes) error {
	if id, kind, found := n.d.FindHashed(tok, h, time.Now().Unix()); found {
		return &revocation.RevokedError{Act: id, Kind: kind}
	}
	return nil
}

func (n node) Itself() any { return n }

func newValidator(jwks string, deny validator.Denylist, cacheBytes int) *validator.Validator {
	v, err := validator.New(validator.Config{
		Pools:    []validator.Pool{{ID: pool, ClientIDs: []string{clientID}}},
		Denylist: deny, Transport: published(jwks), CacheBytes: cacheBytes,
	})
	check(err)
	check(v.WaitForKeys(context.Background()))
	return v
}

func filled(n int) node {
	d := denylist.New()
	d.Reserve(n)
	kinds := revocation.Kinds()
	for i := range n {
		a := sessionAct(uuid(1, uint64(i)))
		a.Target.Kind = kinds[i%3]
		if a.Target.Kind.HasCutoff() {
			a.Basis, a.Cutoff = revocation.BasisSession, 1
		}
		d.Apply(a)
	}
	return node{d}
}

// cognitoClaims are what a service that uses golang-jwt would declare.
type cognitoClaims struct {
	jwt.RegisteredClaims
	TokenUse  string   `json:"token_use"`
	ClientID  string   `json:"client_id"`
	OriginJTI string   `json:"origin_jti"`
	Scope     string   `json:"scope"`
	Username  string   `json:"username"`
	AuthTime  int64    `json:"auth_time"`
	Groups    []string `json:"cognito:groups"`
}

// validation compares whole validations of one access token.
func validation(out io.Writer, sum *summary, o options) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(err)
	const n = 8_000
	tokens := mint(key, n)
	jwks := keySet(key)
	deny := filled(1_000_000)
	ctx := context.Background()
	hits, missing := newValidator(jwks, deny, 512<<20), newValidator(jwks, deny, -1)
	defer hits.Close()
	defer missing.Close()
	for _, token := range tokens {
		_, err := hits.Validate(ctx, token)
		check(err)
	}
	set, err := jwk.Parse([]byte(jwks))
	check(err)
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(issuer), jwt.WithExpirationRequired())
	verifier := oidc.NewVerifier(issuer, &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{&key.PublicKey}}, &oidc.Config{SkipClientIDCheck: true})
	signature, err := base64.RawURLEncoding.DecodeString(tokens[0][strings.LastIndexByte(tokens[0], '.')+1:])
	check(err)
	signed := []byte(tokens[0][:strings.LastIndexByte(tokens[0], '.')])
	// Random order: 7919 is prime to n.
	token := func(i int) string { return tokens[i*7919%n] }
	t := table{name: "Validate", rounds: o.rounds, slice: o.slice, rows: []candidate{
		{name: "revoked-hit", batch: 256, op: func(i int) {
			_, err := hits.Validate(ctx, token(i))
			check(err)
		}},
		{name: "revoked-miss", batch: 32, op: func(i int) {
			_, err := missing.Validate(ctx, token(i))
			check(err)
		}},
		{name: "crypto-rsa-floor", batch: 32, op: func(int) {
			digest := sha256.Sum256(signed)
			check(rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature))
		}},
		{name: "golang-jwt-v5", batch: 32, op: func(i int) {
			_, err := parser.ParseWithClaims(token(i), &cognitoClaims{}, func(*jwt.Token) (any, error) { return &key.PublicKey, nil })
			check(err)
		}},
		{name: "go-jose-v4", batch: 32, op: func(i int) {
			tok, err := josejwt.ParseSigned(token(i), []jose.SignatureAlgorithm{jose.RS256})
			check(err)
			var c josejwt.Claims
			var more struct {
				TokenUse  string   `json:"token_use"`
				OriginJTI string   `json:"origin_jti"`
				Groups    []string `json:"cognito:groups"`
			}
			check(tok.Claims(&key.PublicKey, &c, &more))
			check(c.Validate(josejwt.Expected{Issuer: issuer, Time: time.Now()}))
		}},
		{name: "go-oidc-v3", batch: 32, op: func(i int) {
			tok, err := verifier.Verify(ctx, token(i))
			check(err)
			var c cognitoClaims
			check(tok.Claims(&c))
		}},
		{name: "jwx-v2", batch: 32, op: func(i int) {
			_, err := jwxjwt.Parse([]byte(token(i)), jwxjwt.WithKeySet(set), jwxjwt.WithIssuer(issuer), jwxjwt.WithRequiredClaim("exp"))
			check(err)
		}},
	}}
	sum.title("Validation of an access token, 8,000 tokens in random order, denylist of 1,000,000 entries included in revoked's")
	results := t.run(out)
	sum.add(results)
	by := make(map[string]float64)
	for _, r := range results {
		by[r.name] = r.ns
	}
	hit, miss, peer := by["revoked-hit"], by["revoked-miss"], by["golang-jwt-v5"]
	sum.note("a hit is %.1fx faster than jwx v2, %.1fx than golang-jwt v5; a miss takes %.2fx the time of golang-jwt v5", by["jwx-v2"]/hit, peer/hit, miss/peer)
	sum.judge(by["jwx-v2"]/hit >= 30 && results[0].allocs == 0, "validation of a token seen before, over jwx v2", ">= 30x, 0 allocs", "%.1fx, %.0f", by["jwx-v2"]/hit, results[0].allocs)
	sum.judge(peer/hit >= 20, "the same over golang-jwt v5", ">= 20x", "%.1fx", peer/hit)
	sum.judge(miss/peer <= 1.1, "validation of a new token, over golang-jwt v5", "<= 1.1x", "%.2fx", miss/peer)
}
