package validator_test

import (
	"testing"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/validator"
)

// Tokens as a user pool mints them, over real HTTP: both issuers, both uses,
// a user's and a machine's.
func TestTokensOfAUserPool(t *testing.T) {
	srv, err := cognitotest.Start(cognitotest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	for name, style := range map[string]cognitotest.IssuerStyle{
		"classic": cognitotest.IssuerClassic, "updated": cognitotest.IssuerUpdated, "local": cognitotest.IssuerLocal,
	} {
		t.Run(name, func(t *testing.T) {
			pool, err := srv.CreatePool(cognitotest.PoolConfig{IssuerStyle: style})
			if err != nil {
				t.Fatal(err)
			}
			client, err := pool.CreateClient(cognitotest.ClientConfig{})
			if err != nil {
				t.Fatal(err)
			}
			user, err := pool.CreateUser(cognitotest.UserConfig{Username: "jane"})
			if err != nil {
				t.Fatal(err)
			}
			cfg := validator.Config{
				Pools:    []validator.Pool{{ID: pool.ID(), ClientIDs: []string{client.ID}, JWKSURL: pool.JWKSURL()}},
				Denylist: &denylist{},
			}
			if style == cognitotest.IssuerLocal {
				cfg.Pools[0].Issuers = []string{pool.Issuer()}
			}
			v := open(t, cfg)
			tokens, err := pool.SignIn(client.ID, user.Username)
			if err != nil {
				t.Fatal(err)
			}
			tok := want(t, v, tokens.AccessToken, validator.ReasonOK)
			if tok.Token().Subject != user.Subject || tok.Token().OriginJTI == "" || tok.Username() != "jane" || tok.Token().Pool != pool.ID() {
				t.Errorf("token %+v of %q, want that of %+v", tok.Token(), tok.Username(), user)
			}
			want(t, v, tokens.IDToken, validator.ReasonWrongUse)
			machine := want(t, v, pool.Mint(cognitotest.MintOptions{ClientID: client.ID}), validator.ReasonOK)
			if machine.Token().OriginJTI != "" || v.Stats().WithoutOriginJTI != 1 {
				t.Errorf("token %+v, stats %+v, want one without origin_jti", machine.Token(), v.Stats())
			}
			want(t, v, pool.Mint(cognitotest.MintOptions{ClientID: "another"}), validator.ReasonWrongClient)
		})
	}
}
