package validator_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

func misses(v *validator.Validator) uint64 { return v.Stats().Cache.Misses }

// A kept token costs no signature, but its times and the denylist are checked
// on each request, with the clock of that request.
func TestKeptTokenIsCheckedOnEachRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		deny := &denylist{}
		cfg.Denylist = deny
		v := open(t, cfg)
		token := mint(keyA(), "a", claims(nil))
		want(t, v, token, validator.ReasonOK)
		if got := want(t, v, token, validator.ReasonOK); misses(v) != 1 || got.Token().JTI != "jti-1" {
			t.Fatalf("%d misses, token %+v, want one miss", misses(v), got.Token())
		}
		deny.err = revocation.ErrRevoked
		want(t, v, token, validator.ReasonRevoked)
		deny.err = revocation.ErrStale
		want(t, v, token, validator.ReasonStale)
		deny.err = nil
		want(t, v, token, validator.ReasonOK)
		if len(deny.asked) != 5 {
			t.Errorf("the denylist was asked %d times, want 5", len(deny.asked))
		}
		time.Sleep(time.Hour + 30*time.Second - time.Nanosecond)
		want(t, v, token, validator.ReasonOK)
		time.Sleep(time.Second)
		want(t, v, token, validator.ReasonExpired)
		if misses(v) != 1 {
			t.Errorf("%d misses, want one", misses(v))
		}
	})
}

// A kept token that another spelling, another signature or another payload
// leads to would be a forgery.
func TestNothingButTheVerifiedBytesIsAHit(t *testing.T) {
	v := open(t, config())
	token := mint(keyA(), "a", claims(nil))
	want(t, v, token, validator.ReasonOK)
	cut := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[cut+1:])
	if err != nil {
		t.Fatal(err)
	}
	signature[0] ^= 1
	forged := mint(keyB(), "a", claims(map[string]any{"sub": "someone else"}))
	for name, other := range map[string]struct {
		token  string
		reason validator.Reason
	}{
		"another signature":        {token[:cut+1] + b64(signature), validator.ReasonBadSignature},
		"the signature of another": {forged[:strings.LastIndexByte(forged, '.')] + token[cut:], validator.ReasonBadSignature},
		"cut":                      {token[:len(token)-1], validator.ReasonMalformed},
		"white space":              {token + "\n", validator.ReasonMalformed},
		"padding":                  {token + "=", validator.ReasonMalformed},
	} {
		if _, err := v.Validate(t.Context(), other.token); validator.ReasonOf(err) != other.reason {
			t.Errorf("%s: %v, want %v", name, err, other.reason)
		}
		want(t, v, token, validator.ReasonOK)
	}
	for last := range 64 { // unused bits of the last character
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		other := token[:len(token)-1] + alphabet[last:last+1]
		if _, err := v.Validate(t.Context(), other); (err == nil) != (other == token) {
			t.Errorf("last character %q: %v", alphabet[last], err)
		}
	}
}

func TestRefusedTokensAreNotKept(t *testing.T) {
	v := open(t, config())
	for name, token := range map[string]string{
		"forged":       mint(keyB(), "a", claims(nil)),
		"of another":   mint(keyA(), "a", claims(map[string]any{"client_id": "another"})),
		"expired":      mint(keyA(), "a", claims(map[string]any{"exp": time.Now().Unix() - 3600})),
		"without jti?": mint(keyA(), "a", claims(map[string]any{"token_use": "id"})),
	} {
		for range 2 {
			if _, err := v.Validate(t.Context(), token); err == nil {
				t.Errorf("%s: accepted", name)
			}
		}
	}
	if st := v.Stats().Cache; st.Entries != 0 || st.Bytes != 0 || st.Misses != 8 {
		t.Errorf("cache %+v, want nothing kept", st)
	}
}

// A configuration has a cache of its own: what one accepts is not another's
// business.
func TestEachValidatorKeepsItsOwn(t *testing.T) {
	token := mint(keyA(), "a", claims(nil))
	want(t, open(t, config()), token, validator.ReasonOK)
	cfg := config()
	cfg.Pools[0].ClientIDs = []string{"another"}
	want(t, open(t, cfg), token, validator.ReasonWrongClient)
	cfg = config()
	cfg.Pools[0].RequiredScopes = []string{"orders/write"}
	want(t, open(t, cfg), token, validator.ReasonMissingScope)
}

// When a key is withdrawn, or another comes under its kid, kept tokens do not
// count any more. A fetch that brings the same keys changes nothing.
func TestKeptTokensEndWithTheirKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := publish(jwks(jwk(keyA(), "a", nil), jwk(keyB(), "b", nil)))
		cfg := config()
		cfg.Transport = source
		v := open(t, cfg)
		token := mint(keyA(), "a", claims(nil))
		want(t, v, token, validator.ReasonOK)
		time.Sleep(16 * time.Minute) // the same keys are fetched again
		synctest.Wait()
		want(t, v, token, validator.ReasonOK)
		if n := len(source.requests()); n != 2 || misses(v) != 1 {
			t.Fatalf("%d fetches, %d misses, want 2 and 1", n, misses(v))
		}
		source.set(func(c *cognito) { c.docs[jwksURL] = jwks(jwk(keyB(), "a", nil)) })
		time.Sleep(16 * time.Minute)
		synctest.Wait()
		want(t, v, token, validator.ReasonBadSignature)
	})
}

func TestCacheIsBoundedByBytes(t *testing.T) {
	cfg := config()
	cfg.CacheBytes = 64 << 10
	v := open(t, cfg)
	for i := range 200 {
		want(t, v, mint(keyA(), "a", claims(map[string]any{"jti": fmt.Sprint(i), "padding": strings.Repeat("x", 10*i)})), validator.ReasonOK)
		if st := v.Stats().Cache; st.Bytes > 64<<10 || st.Entries > 64 || st.Entries < 1 {
			t.Fatalf("after %d tokens the cache is %+v", i+1, st)
		}
	}
	big := mint(keyA(), "a", claims(map[string]any{"padding": strings.Repeat("x", 4<<10)}))
	cfg.CacheBytes = 8 << 10
	v = open(t, cfg)
	want(t, v, big, validator.ReasonOK)
	if st := v.Stats().Cache; st.Bytes > 8<<10 {
		t.Errorf("a token larger than the cache: %+v", st)
	}
	cfg.CacheBytes = -1
	v = open(t, cfg)
	want(t, v, big, validator.ReasonOK)
	want(t, v, big, validator.ReasonOK)
	if st := v.Stats().Cache; st.Entries != 0 || st.Misses != 2 {
		t.Errorf("no cache keeps %+v", st)
	}
}

// What a caller does to a token that it was given is nobody else's business.
func TestKeptTokenCannotBeChanged(t *testing.T) {
	v := open(t, config())
	token := mint(keyA(), "a", claims(nil))
	tok := want(t, v, token, validator.ReasonOK)
	tok.Token().Groups[0] = "admin"
	tok.Scopes()[0] = "admin"
	groups, _ := tok.Claim("cognito:groups")
	groups.([]any)[0] = "admin"
	again := want(t, v, token, validator.ReasonOK)
	groups, _ = again.Claim("cognito:groups")
	if again.Token().Groups[0] != "staff" || again.Scopes()[0] != "openid" || groups.([]any)[0] != "staff" {
		t.Errorf("changed: %v, %v, %v", again.Token().Groups, again.Scopes(), groups)
	}
}

func TestConcurrentHitsMissesAndKeyChanges(t *testing.T) {
	source := publish(jwks(jwk(keyA(), "a", nil)))
	cfg := config()
	cfg.Transport, cfg.CacheBytes = source, 32<<10
	v := open(t, cfg)
	var tokens []string
	for i := range 50 {
		tokens = append(tokens, mint(keyA(), "a", claims(map[string]any{"jti": fmt.Sprint(i)})))
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 300 {
				at := (i*7 + g) % len(tokens)
				tok, err := v.Validate(context.Background(), tokens[at])
				if err != nil || tok.Token().JTI != fmt.Sprint(at) {
					t.Errorf("token %d: %v", at, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// hashedDenylist refuses what it is told to, and checks that it is given the
// hashes that it made for the token.
type hashedDenylist struct {
	denylist
	made, used int
}

func (d *hashedDenylist) Prehash(tok *revocation.Token) revocation.Hashes {
	d.made++
	return revocation.Hashes{Denylist: uint64(len(tok.JTI))}
}

func (d *hashedDenylist) CheckHashed(tok *revocation.Token, h *revocation.Hashes) error {
	d.used++
	if h.Denylist != uint64(len(tok.JTI)) {
		return errors.New("hashes of another token")
	}
	return d.err
}

func (d *hashedDenylist) Itself() any { return d }

// stricter is what a user may write: a denylist with a Check of its own.
type stricter struct{ *hashedDenylist }

func (stricter) Check(revocation.Token) error { return revocation.ErrRevoked }

func TestHashesDoNotPassByACheckThatWrapsAnother(t *testing.T) {
	cfg := config()
	cfg.Denylist = stricter{&hashedDenylist{}}
	want(t, open(t, cfg), mint(keyA(), "a", claims(nil)), validator.ReasonRevoked)
}

func TestHashesAreMadeOncePerToken(t *testing.T) {
	cfg := config()
	deny := &hashedDenylist{}
	cfg.Denylist = deny
	v := open(t, cfg)
	for _, jti := range []string{"1", "22", "333"} {
		for range 3 {
			want(t, v, mint(keyA(), "a", claims(map[string]any{"jti": jti})), validator.ReasonOK)
		}
	}
	if deny.made != 3 || deny.used != 9 || len(deny.asked) != 0 {
		t.Errorf("made %d, used %d, asked without %d times, want 3, 9, 0", deny.made, deny.used, len(deny.asked))
	}
	deny.err = revocation.ErrRevoked
	want(t, v, mint(keyA(), "a", claims(map[string]any{"jti": "1"})), validator.ReasonRevoked)
}

func TestAHitAllocatesNothing(t *testing.T) {
	cfg := config()
	cfg.Denylist = &hashedDenylist{}
	v := open(t, cfg)
	token := mint(keyA(), "a", claims(nil))
	want(t, v, token, validator.ReasonOK)
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := v.Validate(ctx, token); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a hit allocates %v times", n)
	}
}
