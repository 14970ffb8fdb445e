package validator_test

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/validator"
)

// TestConformance is every input that a JWT library's defaults are known to
// let through, and then some. It does not mention jwx: a change of library
// must not change a line here.
func TestConformance(t *testing.T) {
	const (
		ok        = validator.ReasonOK
		malformed = validator.ReasonMalformed
		badAlg    = validator.ReasonUnsupportedAlg
		unknown   = validator.ReasonUnknownKey
		badSig    = validator.ReasonBadSignature
		badClaims = validator.ReasonBadClaims
		badIssuer = validator.ReasonWrongIssuer
		badUse    = validator.ReasonWrongUse
		badClient = validator.ReasonWrongClient
		expired   = validator.ReasonExpired
		early     = validator.ReasonNotYetValid
	)
	a := keyA()
	now := time.Now().Unix()
	good := mint(a, "a", claims(nil))
	head, rest, _ := strings.Cut(good, ".")
	body, sig, _ := strings.Cut(rest, ".")
	header := func(raw string) string { return sign(a, []byte(raw), mustJSON(claims(nil))) }
	payload := func(raw string) string { return sign(a, []byte(`{"alg":"RS256","kid":"a"}`), []byte(raw)) }
	with := func(name string, value any) string { return mint(a, "a", claims(map[string]any{name: value})) }
	// raw puts a claim in as text that json.Marshal would not write.
	raw := func(name, text string) string {
		return payload(strings.TrimSuffix(string(mustJSON(claims(map[string]any{name: nil}))), "}") + `,"` + name + `":` + text + `}`)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(&a.PublicKey))})
	hs256 := func(secret []byte) string {
		input := b64([]byte(`{"alg":"HS256","kid":"a"}`)) + "." + b64(mustJSON(claims(nil)))
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		return input + "." + b64(mac.Sum(nil))
	}
	own := keyB()
	ownJWK := string(mustJSON(jwk(own, "a", nil)))
	deep := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }

	tests := []struct {
		name  string
		token string
		want  validator.Reason
	}{
		{"good", good, ok},
		{"good, updated issuer", with("iss", "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123"), ok},
		{"good, white space inside of the JSON", payload(" \t\r\n" + string(mustJSON(claims(nil))) + "\r\n "), ok},
		{"good, unknown claims", raw("custom", `{"x":[1.5e+3,-0.1E-2,true,false,null,{},[],"\u00e9\ud83d\ude00\n"]}`), ok},

		// Serialization.
		{"empty", "", malformed},
		{"dots only", "..", malformed},
		{"one part", head, malformed},
		{"two parts", head + "." + body, malformed},
		{"four parts", good + "." + sig, malformed},
		{"empty fourth part", good + ".", malformed},
		{"five parts, an encrypted token", "a.b.c.d.e", malformed},
		{"no header", "." + body + "." + sig, malformed},
		{"no payload, detached", head + ".." + sig, malformed},
		{"no signature", head + "." + body + ".", malformed},
		{"JSON serialization, flattened", fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, body, head, sig), malformed},
		{"JSON serialization, general", fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, body, head, sig), malformed},
		{"trailing newline", good + "\n", malformed},
		{"trailing carriage return", good + "\r", malformed},
		{"trailing space", good + " ", malformed},
		{"leading space", " " + good, malformed},
		{"newline in the header", head[:4] + "\n" + head[4:] + "." + body + "." + sig, malformed},
		{"newline in the payload", head + "." + body[:8] + "\n" + body[8:] + "." + sig, malformed},
		{"newline in the signature", head + "." + body + "." + sig[:4] + "\r\n" + sig[4:], malformed},
		{"signature with padding", good + "==", malformed},
		{"standard alphabet", head + "." + body + ".+/" + sig[2:], malformed},
		{"NUL byte", good + "\x00", malformed},
		{"scheme left in", "Bearer " + good, malformed},

		// Header.
		{"header no object", header(`["RS256"]`), malformed},
		{"header empty object", header(`{}`), badAlg},
		{"header with trailing data", header(`{"alg":"RS256","kid":"a"}x`), malformed},
		{"header with a second object", header(`{"alg":"RS256","kid":"a"}{}`), malformed},
		{"alg twice", header(`{"alg":"none","alg":"RS256","kid":"a"}`), malformed},
		{"kid twice, once escaped", header(`{"alg":"RS256","kid":"a","k\u0069d":"a"}`), malformed},
		{"alg none", b64([]byte(`{"alg":"none","kid":"a"}`)) + "." + body + ".", malformed},
		{"alg none with a signature", header(`{"alg":"none","kid":"a"}`), badAlg},
		{"alg NONE", header(`{"alg":"NONE","kid":"a"}`), badAlg},
		{"alg rs256", header(`{"alg":"rs256","kid":"a"}`), badAlg},
		{"alg RS512", header(`{"alg":"RS512","kid":"a"}`), badAlg},
		{"alg PS256", header(`{"alg":"PS256","kid":"a"}`), badAlg},
		{"alg missing", header(`{"kid":"a"}`), badAlg},
		{"alg a list", header(`{"alg":["RS256"],"kid":"a"}`), badAlg},
		{"alg in another case of the name", header(`{"ALG":"RS256","kid":"a"}`), badAlg},
		{"HS256 with the public key as PEM", hs256(publicPEM), badAlg},
		{"HS256 with the public key as modulus", hs256(a.N.Bytes()), badAlg},
		{"unknown crit", header(`{"alg":"RS256","kid":"a","crit":["exp"],"exp":1}`), badAlg},
		{"empty crit", header(`{"alg":"RS256","kid":"a","crit":[]}`), badAlg},
		{"null crit", header(`{"alg":"RS256","kid":"a","crit":null}`), badAlg},
		{"b64 false with crit", header(`{"alg":"RS256","kid":"a","b64":false,"crit":["b64"]}`), badAlg},
		{"b64 false alone", header(`{"alg":"RS256","kid":"a","b64":false}`), badAlg},
		{"typ JWT", header(`{"alg":"RS256","kid":"a","typ":"JWT"}`), ok},
		{"kid missing", header(`{"alg":"RS256"}`), unknown},
		{"kid empty", header(`{"alg":"RS256","kid":""}`), unknown},
		{"kid a number", header(`{"alg":"RS256","kid":1}`), unknown},
		{"kid unknown", header(`{"alg":"RS256","kid":"z"}`), unknown},
		{"kid a path", header(`{"alg":"RS256","kid":"../../dev/null"}`), unknown},

		// Keys that the token brings along, and signatures.
		{"own key as jwk", sign(own, []byte(`{"alg":"RS256","kid":"a","jwk":`+ownJWK+`}`), mustJSON(claims(nil))), badSig},
		{"own key as jwk only", sign(own, []byte(`{"alg":"RS256","jwk":`+ownJWK+`}`), mustJSON(claims(nil))), unknown},
		{"own key by jku", sign(own, []byte(`{"alg":"RS256","kid":"a","jku":"https://evil.example/jwks.json"}`), mustJSON(claims(nil))), badSig},
		{"own key by x5u", sign(own, []byte(`{"alg":"RS256","kid":"a","x5u":"https://evil.example/x","x5c":["AA=="]}`), mustJSON(claims(nil))), badSig},
		{"another key", mint(own, "a", claims(nil)), badSig},
		{"payload changed", head + "." + b64(mustJSON(claims(map[string]any{"sub": "root"}))) + "." + sig, badSig},
		{"header with a character too many", head + "x." + body + "." + sig, malformed},
		{"header respelled", b64([]byte(`{ "alg":"RS256","kid":"a"}`)) + "." + body + "." + sig, badSig},
		{"signature of one byte", head + "." + body + ".AA", badSig},
		{"signature cut", head + "." + body + "." + b64(rs256(a, head+"."+body)[1:]), badSig},
		{"signature with a zero in front", head + "." + body + "." + b64(append([]byte{0}, rs256(a, head+"."+body)...)), badSig},

		// Claims as JSON.
		{"claims no object", payload(`[]`), badClaims},
		{"claims empty object", payload(`{}`), badIssuer},
		{"claims with trailing data", payload(string(mustJSON(claims(nil))) + "x"), badClaims},
		{"claims with a second object", payload(string(mustJSON(claims(nil))) + "{}"), badClaims},
		{"claims with a comma too many", payload(`{"iss":"x",}`), badClaims},
		{"claims cut", payload(`{"iss":`), badClaims},
		{"sub twice", raw("jti", `"x","sub":"root"`), badClaims},
		{"sub twice, once escaped", raw("jti", `"x","s\u0075b":"root"`), badClaims},
		{"nested name twice", raw("custom", `{"a":[{"b":1,"b":2}]}`), badClaims},
		{"claims not UTF-8", raw("custom", "\"\xff\""), badClaims},
		{"claims with a lone surrogate", raw("custom", `"\ud800"`), badClaims},
		{"nested 15 deep in the object", raw("custom", deep(15)), ok},
		{"nested 16 deep in the object", raw("custom", deep(16)), badClaims},

		// Issuer, use, client.
		{"iss missing", with("iss", nil), badIssuer},
		{"iss a list", with("iss", []string{poolIss}), badIssuer},
		{"iss with a slash at the end", with("iss", poolIss+"/"), badIssuer},
		{"iss another host", with("iss", "https://cognito-idp.eu-west-1.amazonaws.com.evil.example/eu-west-1_AbC123"), badIssuer},
		{"iss another pool", with("iss", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other1"), badIssuer},
		{"iss in another case", with("iss", strings.ToUpper(poolIss)), badIssuer},
		{"ID token", mint(a, "a", idClaims(nil)), badUse},
		{"token_use missing", with("token_use", nil), badClaims},
		{"token_use a list", with("token_use", []string{"access"}), badClaims},
		{"token_use unknown", with("token_use", "refresh"), badUse},
		{"token_use in another case", with("token_use", "Access"), badUse},
		{"client unknown", with("client_id", "client-2"), badClient},
		{"client missing", with("client_id", nil), badClient},
		{"client in aud only", mint(a, "a", claims(map[string]any{"client_id": nil, "aud": clientID})), badClient},
		{"client a list", with("client_id", []string{clientID}), badClaims},
		{"access token with an API in aud", with("aud", "https://api.example.com"), ok},
		{"access token with APIs in aud", with("aud", []string{"https://api.example.com", "x"}), ok},

		// Other claims.
		{"sub missing", with("sub", nil), badClaims},
		{"sub a number", with("sub", 7), badClaims},
		{"jti a number", with("jti", 7), badClaims},
		{"origin_jti a list", with("origin_jti", []string{"x"}), badClaims},
		{"no origin_jti, a machine", with("origin_jti", nil), ok},
		{"groups a string", with("cognito:groups", "staff"), badClaims},
		{"groups of numbers", with("cognito:groups", []int{1}), badClaims},
		{"scope a list", with("scope", []string{"openid"}), badClaims},
		{"scope missing", with("scope", nil), ok},

		// Times.
		{"exp missing", with("exp", nil), badClaims},
		{"exp null", raw("exp", `null`), badClaims},
		{"exp a string", with("exp", fmt.Sprint(now+3600)), badClaims},
		{"exp with a fraction", raw("exp", fmt.Sprintf("%d.5", now+3600)), badClaims},
		{"exp with a fraction of zero", raw("exp", fmt.Sprintf("%d.0", now+3600)), badClaims},
		{"exp with an exponent", raw("exp", "4e9"), badClaims},
		{"exp negative", with("exp", -1), badClaims},
		{"exp huge", raw("exp", "99999999999999999999999999"), badClaims},
		{"exp in milliseconds", with("exp", (now+3600)*1000), badClaims},
		{"exp with a leading zero", raw("exp", fmt.Sprintf("0%d", now+3600)), badClaims},
		{"exp with a plus", raw("exp", fmt.Sprintf("+%d", now+3600)), badClaims},
		{"exp zero", with("exp", 0), expired},
		{"exp past", with("exp", now-60), expired},
		{"iat missing", with("iat", nil), badClaims},
		{"iat a string", with("iat", "1"), badClaims},
		{"iat in the future", with("iat", now+3000), early},
		{"auth_time a string", with("auth_time", "1"), badClaims},
		{"auth_time missing", with("auth_time", nil), ok},
		{"nbf past", with("nbf", now-3000), ok},
		{"nbf zero", with("nbf", 0), ok},
		{"nbf in the future", with("nbf", now+3000), early},
		{"nbf a string", with("nbf", "0"), badClaims},
		{"nbf null", raw("nbf", "null"), badClaims},
		{"nbf negative", with("nbf", -1), badClaims},
		{"nbf with a fraction", raw("nbf", "1.5"), badClaims},
		{"nbf at the limit", with("nbf", 1<<33-1), early},
		{"nbf beyond the limit", with("nbf", 1<<33), badClaims},
		{"nbf so large that time wraps around", raw("nbf", "9223372036854775807"), badClaims},
	}
	v := open(t, config())
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { want(t, v, test.token, test.want) })
	}
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

// One signature of 2048 bits has 16 spellings in base64url, of which only the
// canonical one is a token: else one token would have as many identities.
func TestOtherSpellingsOfTheSignature(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	v := open(t, config())
	good := mint(keyA(), "a", claims(nil))
	stem, last := good[:len(good)-1], good[len(good)-1]
	same := 0
	for i := range len(alphabet) {
		switch sameBits := i>>4 == strings.IndexByte(alphabet, last)>>4; {
		case alphabet[i] == last:
			want(t, v, good, validator.ReasonOK)
		case sameBits:
			want(t, v, stem+alphabet[i:i+1], validator.ReasonMalformed)
			same++
		}
	}
	if same != 15 {
		t.Errorf("tried %d other spellings, want 15", same)
	}
}

// An attacker who can choose between two faults must not learn about the later
// one: each check runs only if those before it passed.
func TestOrderOfChecks(t *testing.T) {
	cfg := config()
	deny := &denylist{}
	cfg.Denylist = deny
	cfg.Pools[0].RequiredScopes = []string{"orders/write"}
	cfg.MaxTokenBytes = 2000
	v := open(t, cfg)
	now := time.Now().Unix()
	faults := []struct {
		name  string
		claim string
		value any
		want  validator.Reason
	}{
		{"issuer", "iss", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other1", validator.ReasonWrongIssuer},
		{"use", "token_use", "id", validator.ReasonWrongUse},
		{"client", "client_id", "client-2", validator.ReasonWrongClient},
		{"expiry", "exp", now - 3600, validator.ReasonExpired},
		{"issue time", "iat", now + 3600, validator.ReasonNotYetValid},
		{"scope", "scope", "orders/read", validator.ReasonMissingScope},
	}
	for i := range faults {
		broken := make(map[string]any)
		for _, f := range faults[i:] {
			broken[f.claim] = f.value
		}
		t.Run(faults[i].name+" and all after it", func(t *testing.T) {
			want(t, v, mint(keyA(), "a", claims(broken)), faults[i].want)
		})
		if i == 0 {
			want(t, v, mint(keyB(), "a", claims(broken)), validator.ReasonBadSignature)
			want(t, v, mint(keyB(), "z", claims(broken)), validator.ReasonUnknownKey)
			want(t, v, sign(keyB(), []byte(`{"alg":"none","kid":"z"}`), mustJSON(claims(broken))), validator.ReasonUnsupportedAlg)
			want(t, v, strings.Repeat(".", 2001), validator.ReasonTooLarge)
		}
	}
	if len(deny.asked) != 0 {
		t.Errorf("the denylist was asked about tokens that failed a check: %v", deny.asked)
	}
}

func TestTokenSizeLimit(t *testing.T) {
	token := mint(keyA(), "a", claims(nil))
	for _, test := range []struct {
		limit int
		want  validator.Reason
	}{{len(token), validator.ReasonOK}, {len(token) - 1, validator.ReasonTooLarge}} {
		cfg := config()
		cfg.MaxTokenBytes = test.limit
		want(t, open(t, cfg), token, test.want)
	}
	// The default is 8 KiB.
	v := open(t, config())
	want(t, v, strings.Repeat("x", 8<<10), validator.ReasonMalformed)
	want(t, v, strings.Repeat("x", 8<<10+1), validator.ReasonTooLarge)
}

// Two pools, and every combination of who signed and who is named as issuer.
func TestKeyMustBeOfTheIssuersPool(t *testing.T) {
	const other = "us-east-1_Other1"
	const otherIss = "https://cognito-idp.us-east-1.amazonaws.com/" + other
	type keys []map[string]any
	onlyA, onlyB := keys{jwk(keyA(), "a", nil)}, keys{jwk(keyB(), "b", nil)}
	for _, test := range []struct {
		name          string
		first, second keys
		key           *rsa.PrivateKey
		kid, iss      string
		want          validator.Reason
	}{
		{"own key", onlyA, onlyB, keyA(), "a", poolIss, validator.ReasonOK},
		{"own key, second pool", onlyA, onlyB, keyB(), "b", otherIss, validator.ReasonOK},
		{"key of the second pool", onlyA, onlyB, keyB(), "b", poolIss, validator.ReasonWrongIssuer},
		{"key of the first pool", onlyA, onlyB, keyA(), "a", otherIss, validator.ReasonWrongIssuer},
		{"one kid, two keys, first", onlyA, keys{jwk(keyB(), "a", nil)}, keyA(), "a", poolIss, validator.ReasonOK},
		{"one kid, two keys, second", onlyA, keys{jwk(keyB(), "a", nil)}, keyB(), "a", otherIss, validator.ReasonOK},
		{"one kid, two keys, swapped", onlyA, keys{jwk(keyB(), "a", nil)}, keyB(), "a", poolIss, validator.ReasonWrongIssuer},
		{"one kid, two keys, swapped back", onlyA, keys{jwk(keyB(), "a", nil)}, keyA(), "a", otherIss, validator.ReasonWrongIssuer},
		{"one key for both pools, first", onlyA, onlyA, keyA(), "a", poolIss, validator.ReasonOK},
		{"one key for both pools, second", onlyA, onlyA, keyA(), "a", otherIss, validator.ReasonOK},
		{"one key for both pools, forged", onlyA, onlyA, keyB(), "a", otherIss, validator.ReasonBadSignature},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := config()
			cfg.Pools = append(cfg.Pools, validator.Pool{ID: other, ClientIDs: []string{clientID}})
			cfg.Transport = &cognito{docs: map[string]string{
				jwksURL:                             jwks(test.first...),
				otherIss + "/.well-known/jwks.json": jwks(test.second...),
			}}
			v := open(t, cfg)
			if err := v.WaitForKeys(t.Context()); err != nil { // of both pools
				t.Fatal(err)
			}
			want(t, v, mint(test.key, test.kid, claims(map[string]any{"iss": test.iss})), test.want)
		})
	}
}
