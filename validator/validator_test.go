package validator_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

// Time stands still in the bubble but for Sleep, so the limits are exact.
func TestTimesAtTheLimit(t *testing.T) {
	for _, skew := range []time.Duration{0, time.Nanosecond, time.Second, revocation.MaxLeeway} {
		t.Run(skew.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := config()
				cfg.Skew = skew
				v := open(t, cfg)
				if skew == 0 {
					skew = 30 * time.Second // the default
				}
				if skew == time.Nanosecond {
					time.Sleep(time.Second - time.Nanosecond)
				}
				now := time.Now()
				token := func(claim string, at time.Time) string {
					return mint(keyA(), "a", claims(map[string]any{claim: at.Unix()}))
				}
				latest := now.Add(skew)
				want(t, v, token("iat", latest), validator.ReasonOK)
				want(t, v, token("iat", latest.Add(time.Second)), validator.ReasonNotYetValid)
				want(t, v, token("nbf", latest), validator.ReasonOK)
				want(t, v, token("nbf", latest.Add(time.Second)), validator.ReasonNotYetValid)

				end := now.Truncate(time.Second).Add(10 * time.Second)
				expiring := token("exp", end)
				time.Sleep(end.Add(skew).Sub(now) - time.Nanosecond)
				want(t, v, expiring, validator.ReasonOK)
				time.Sleep(time.Nanosecond)
				want(t, v, expiring, validator.ReasonExpired)
			})
		})
	}
}

func TestInsecureIgnoreExpiry(t *testing.T) {
	cfg := config()
	cfg.InsecureIgnoreExpiry = true
	v := open(t, cfg)
	now := time.Now().Unix()
	want(t, v, mint(keyA(), "a", claims(map[string]any{"iat": now - 90000, "exp": now - 86400})), validator.ReasonOK)
	want(t, v, mint(keyA(), "a", claims(map[string]any{"exp": nil})), validator.ReasonBadClaims)
	want(t, v, mint(keyA(), "a", claims(map[string]any{"iat": now + 3000})), validator.ReasonNotYetValid)
	want(t, v, mint(keyA(), "a", claims(map[string]any{"nbf": now + 3000})), validator.ReasonNotYetValid)
	want(t, v, mint(keyB(), "a", claims(nil)), validator.ReasonBadSignature)
}

func TestDenylistIsAskedOnEveryRequest(t *testing.T) {
	cfg := config()
	deny := &denylist{}
	cfg.Denylist = deny
	v := open(t, cfg)
	c := claims(map[string]any{"device_key": "device-1"})
	token := mint(keyA(), "a", c)
	for range 2 {
		want(t, v, token, validator.ReasonOK)
	}
	tok := revocation.Token{
		Pool: poolID, JTI: "jti-1", OriginJTI: "session-1", Subject: "user-1", ClientID: clientID, DeviceKey: "device-1",
		Groups: []string{"staff", "night"}, IssuedAt: c["iat"].(int64), AuthTime: c["iat"].(int64), ExpiresAt: c["exp"].(int64),
	}
	if diff := cmp.Diff([]revocation.Token{tok, tok}, deny.asked); diff != "" {
		t.Errorf("asked about (-want +got):\n%s", diff)
	}
	deny.err = revocation.ErrRevoked
	want(t, v, token, validator.ReasonRevoked)
	deny.err = nil
	want(t, v, token, validator.ReasonOK)
}

func TestDenylistAnswers(t *testing.T) {
	act := &revocation.RevokedError{Act: revocation.NewActID(), Kind: revocation.KindSession}
	odd := errors.New("subscriber: closed")
	for _, test := range []struct {
		name   string
		answer error
		want   validator.Reason
	}{
		{"not revoked", nil, validator.ReasonOK},
		{"revoked", act, validator.ReasonRevoked},
		{"stale", fmt.Errorf("as of yesterday: %w", revocation.ErrStale), validator.ReasonStale},
		{"revoked and stale", errors.Join(revocation.ErrStale, act), validator.ReasonRevoked},
		{"malformed", revocation.ErrMalformed, validator.ReasonBadClaims},
		{"outside of the contract", odd, validator.ReasonStale},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, reportOnly := range []bool{false, true} {
				cfg := config()
				cfg.Denylist = &denylist{err: test.answer}
				cfg.ReportOnly = reportOnly
				v := open(t, cfg)
				token := mint(keyA(), "a", claims(nil))
				var verdict error
				if reportOnly {
					verdict = want(t, v, token, validator.ReasonOK).Unenforced()
				} else if test.want == validator.ReasonRevoked {
					_, verdict = v.Validate(t.Context(), token)
				} else {
					tok := want(t, v, token, test.want)
					_, verdict = v.Validate(t.Context(), token)
					if tok != nil && tok.Unenforced() != nil {
						t.Errorf("Unenforced = %v without ReportOnly", tok.Unenforced())
					}
				}
				if got := validator.ReasonOf(verdict); got != test.want {
					t.Errorf("ReportOnly %v: verdict %v, want %v", reportOnly, got, test.want)
				}
				if test.answer != nil && !errors.Is(verdict, test.answer) {
					t.Errorf("ReportOnly %v: %v does not wrap the denylist's %v", reportOnly, verdict, test.answer)
				}
				if test.answer != nil && strings.Count(verdict.Error(), revocation.ErrStale.Error()) > 1 {
					t.Errorf("ReportOnly %v: the error repeats itself: %v", reportOnly, verdict)
				}
				unenforced := uint64(0)
				if reportOnly && test.answer != nil {
					unenforced = 1
				}
				if got := v.Stats().Unenforced; got != unenforced {
					t.Errorf("ReportOnly %v: Stats.Unenforced = %d, want %d", reportOnly, got, unenforced)
				}
			}
		})
	}
}

// ReportOnly spares a token from the denylist, not from the other checks.
func TestReportOnlyVerifies(t *testing.T) {
	cfg := config()
	cfg.ReportOnly = true
	v := open(t, cfg)
	if !v.ReportOnly() || open(t, config()).ReportOnly() {
		t.Error("ReportOnly() does not tell what the configuration says")
	}
	want(t, v, mint(keyB(), "a", claims(nil)), validator.ReasonBadSignature)
	want(t, v, mint(keyA(), "a", claims(map[string]any{"exp": 1})), validator.ReasonExpired)
	if n := v.Stats().Unenforced; n != 0 {
		t.Errorf("Unenforced = %d, want 0", n)
	}
}

func TestInsecureSkipDenylist(t *testing.T) {
	cfg := config()
	cfg.Denylist, cfg.InsecureSkipDenylist = nil, true
	want(t, open(t, cfg), mint(keyA(), "a", claims(nil)), validator.ReasonOK)
}

func TestUsesAndClients(t *testing.T) {
	access := func(client any) string { return mint(keyA(), "a", claims(map[string]any{"client_id": client})) }
	id := func(aud any) string { return mint(keyA(), "a", idClaims(map[string]any{"aud": aud})) }
	const ok, use, client, bad = validator.ReasonOK, validator.ReasonWrongUse, validator.ReasonWrongClient, validator.ReasonBadClaims
	both := []validator.TokenUse{validator.AccessToken, validator.IDToken}
	for _, test := range []struct {
		name  string
		pool  validator.Pool
		token string
		want  validator.Reason
	}{
		{"access by default", validator.Pool{ClientIDs: []string{"x", "y"}}, access("y"), ok},
		{"ID refused by default", validator.Pool{ClientIDs: []string{"x"}}, id("x"), use},
		{"both, access", validator.Pool{ClientIDs: []string{"x"}, TokenUses: both}, access("x"), ok},
		{"both, ID", validator.Pool{ClientIDs: []string{"x"}, TokenUses: both}, id("x"), ok},
		{"both, ID of another client", validator.Pool{ClientIDs: []string{"x"}, TokenUses: both}, id("y"), client},
		{"ID, aud a list of one", validator.Pool{ClientIDs: []string{"x"}, TokenUses: both}, id([]string{"x"}), ok},
		{"ID, aud a list of two", validator.Pool{ClientIDs: []string{"x"}, TokenUses: both}, id([]string{"x", "y"}), bad},
		{"ID, aud an empty list", validator.Pool{ClientIDs: []string{"x"}, TokenUses: both}, id([]string{}), client},
		{"ID, aud nested", validator.Pool{ClientIDs: []string{"x"}, TokenUses: both}, id([][]string{{"x"}}), bad},
		{"ID, aud an object", validator.Pool{ClientIDs: []string{"x"}, TokenUses: both}, id(map[string]string{"x": "x"}), bad},
		{"ID, aud missing", validator.Pool{ClientIDs: []string{"x"}, TokenUses: both}, id(nil), client},
		{"ID with a client_id, not its aud", validator.Pool{ClientIDs: []string{"x"}, TokenUses: both}, mint(keyA(), "a", idClaims(map[string]any{"aud": "y", "client_id": "x"})), client},
		{"ID only", validator.Pool{ClientIDs: []string{"x"}, TokenUses: both[1:]}, access("x"), use},
		{"any client", validator.Pool{AnyClient: true}, access("whoever"), ok},
		{"any client, but one", validator.Pool{AnyClient: true}, access(nil), client},
		{"any client, empty", validator.Pool{AnyClient: true}, access(""), client},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := config()
			test.pool.ID = poolID
			cfg.Pools = []validator.Pool{test.pool}
			want(t, open(t, cfg), test.token, test.want)
		})
	}
}

func TestScopesAndGroups(t *testing.T) {
	const ok, missing = validator.ReasonOK, validator.ReasonMissingScope
	for _, test := range []struct {
		name   string
		scopes []string // required
		groups []string // allowed
		claims map[string]any
		want   validator.Reason
	}{
		{"one scope", []string{"openid"}, nil, nil, ok},
		{"all scopes", []string{"orders/read", "openid"}, nil, nil, ok},
		{"one of two scopes", []string{"openid", "orders/write"}, nil, nil, missing},
		{"no scope claim", []string{"openid"}, nil, map[string]any{"scope": nil}, missing},
		{"empty scope claim", []string{"openid"}, nil, map[string]any{"scope": ""}, missing},
		{"beginning of a scope", []string{"orders"}, nil, nil, missing},
		{"scope in another case", []string{"OpenID"}, nil, nil, missing},
		{"more blanks than needed", []string{"b"}, nil, map[string]any{"scope": "  a  b "}, ok},
		{"a tab does not separate", []string{"b"}, nil, map[string]any{"scope": "a\tb"}, missing},
		{"one of the groups", nil, []string{"boss", "night"}, nil, ok},
		{"no group in common", nil, []string{"boss"}, nil, missing},
		{"no groups claim", nil, []string{"staff"}, map[string]any{"cognito:groups": nil}, missing},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := config()
			cfg.Pools[0].RequiredScopes, cfg.Pools[0].AllowedGroups = test.scopes, test.groups
			v := open(t, cfg)
			token := mint(keyA(), "a", claims(test.claims))
			want(t, v, token, test.want)
			if test.want == ok {
				return
			}
			_, err := v.Validate(t.Context(), token)
			scope, found := errors.AsType[*validator.ScopeError](err)
			if !found || !cmp.Equal(scope.Scopes, test.scopes) {
				t.Errorf("error %v, want a ScopeError with %q", err, test.scopes)
			}
		})
	}
}

func TestFurtherIssuers(t *testing.T) {
	cfg := config()
	cfg.Pools[0].Issuers = []string{"http://localhost:9229/" + poolID}
	v := open(t, cfg)
	want(t, v, mint(keyA(), "a", claims(map[string]any{"iss": "http://localhost:9229/" + poolID})), validator.ReasonOK)
	want(t, v, mint(keyA(), "a", claims(nil)), validator.ReasonOK)
	want(t, v, mint(keyA(), "a", claims(map[string]any{"iss": "http://localhost:9230/" + poolID})), validator.ReasonWrongIssuer)
}

func TestStats(t *testing.T) {
	cfg := config()
	cfg.Transport = publish(jwks(append(many(3), jwk(keyA(), "a", nil), jwk(keyB(), "b", nil), jwk(keyA(), "x", nil), jwk(keyB(), "x", nil))...))
	start := time.Now() // keys are fetched from the start on
	v := open(t, cfg)
	if err := v.WaitForKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		want(t, v, mint(keyA(), "a", claims(nil)), validator.ReasonOK)
	}
	want(t, v, mint(keyA(), "a", claims(map[string]any{"origin_jti": nil})), validator.ReasonOK)
	want(t, v, mint(keyA(), "a", claims(map[string]any{"origin_jti": nil, "exp": 1})), validator.ReasonExpired)
	want(t, v, "x", validator.ReasonMalformed)
	stats := v.Stats()
	if len(stats.Decisions) != len(validator.Reasons()) {
		t.Errorf("%d reasons counted, want all %d", len(stats.Decisions), len(validator.Reasons()))
	}
	for r, n := range stats.Decisions {
		expect := map[validator.Reason]uint64{validator.ReasonOK: 4, validator.ReasonExpired: 1, validator.ReasonMalformed: 1}[r]
		if n != expect {
			t.Errorf("Decisions[%v] = %d, want %d", r, n, expect)
		}
	}
	if stats.WithoutOriginJTI != 1 {
		t.Errorf("WithoutOriginJTI = %d, want 1", stats.WithoutOriginJTI)
	}
	keys := stats.Keys[0]
	if age := keys.FetchedAt.Sub(start); age < 0 || age > time.Minute {
		t.Errorf("FetchedAt = %v, want about %v", keys.FetchedAt, start)
	}
	keys.FetchedAt = time.Time{}
	if diff := cmp.Diff(validator.KeyStats{Pool: poolID, Fetches: 1, Usable: 2, Ignored: 4}, keys); diff != "" {
		t.Errorf("key stats (-want +got):\n%s", diff)
	}
}

// Nothing of a token may reach a log or an error, whatever is wrong with it.
func TestNothingOfATokenIsLogged(t *testing.T) {
	var log bytes.Buffer
	cfg := config()
	deny := &denylist{}
	cfg.Denylist = deny
	cfg.Logger = zerolog.New(zerolog.SyncWriter(&log))
	cfg.ReportOnly = true
	v := open(t, cfg)
	secret := map[string]any{
		"sub": "SECRET-sub", "username": "SECRET-name", "jti": "SECRET-jti", "origin_jti": "SECRET-o",
		"cognito:groups": []string{"SECRET-group"}, "email": "SECRET@example.com",
	}
	var tokens []string
	for claim, value := range map[string]any{
		"iss": "https://SECRET.example", "token_use": "SECRET", "client_id": "SECRET", "exp": "SECRET",
		"iat": -77123, "nbf": "SECRET", "scope": []string{"SECRET"}, "auth_time": "SECRET", "version": 2,
	} {
		c := claims(secret)
		c[claim] = value
		tokens = append(tokens, mint(keyA(), "a", c))
	}
	tokens = append(tokens, mint(keyB(), "a", claims(secret)), mint(keyB(), "SECRET-kid", claims(secret)),
		sign(keyA(), []byte(`{"alg":"SECRET","kid":"SECRET"}`), nil), "SECRET", "SECRET.SECRET.SECRET",
		sign(keyA(), []byte(`{"alg":"RS256","kid":"a"}`), []byte(`{"SECRET":1,"SECRET":2}`)))
	for _, answer := range []error{nil, revocation.ErrStale, &revocation.RevokedError{Kind: revocation.KindUser}} {
		deny.err = answer
		for _, token := range tokens {
			if _, err := v.Validate(t.Context(), token); err != nil && (strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "77123")) {
				t.Errorf("error tells of the token: %v", err)
			}
		}
	}
	v.Close()
	text := log.String()
	for _, token := range tokens {
		for part := range strings.SplitSeq(token, ".") {
			if len(part) > 8 && strings.Contains(text, part) {
				t.Errorf("the log has a part of the token %s", token)
			}
		}
	}
	if strings.Contains(text, "SECRET") || strings.Contains(text, "77123") {
		t.Errorf("the log tells of a token:\n%s", text)
	}
	for _, line := range []string{
		`"level":"warn","component":"validator","message":"report only: revoked tokens are not refused"`,
		`"level":"debug","component":"validator","reason":"revoked","unenforced":true`,
		`"level":"debug","component":"validator","reason":"bad_signature","unenforced":false`,
		`"level":"info","component":"validator","pool":"` + poolID + `","kids":["a"],"ignored":0,"message":"keys fetched"`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("the log has no line with %s:\n%s", line, text)
		}
	}
}

// One line when keys cannot be fetched any more, one when they can again.
func TestKeyLogIsPerChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		cfg := config()
		source := publish(jwks(jwk(keyA(), "a", nil)))
		cfg.Transport = source
		cfg.Logger = zerolog.New(zerolog.SyncWriter(&log))
		v := open(t, cfg)
		time.Sleep(2 * time.Hour)
		source.set(func(c *cognito) { c.err = errors.New("connection refused") })
		time.Sleep(2 * time.Hour)
		source.set(func(c *cognito) { c.err = nil })
		time.Sleep(2 * time.Hour)
		source.set(func(c *cognito) { c.docs[jwksURL] = jwks(jwk(keyB(), "a", nil)) })
		time.Sleep(2 * time.Hour)
		v.Close()
		var levels []string
		for line := range strings.Lines(log.String()) {
			levels = append(levels, strings.SplitN(line, `"`, 5)[3])
		}
		if diff := cmp.Diff([]string{"info", "warn", "info", "info"}, levels); diff != "" {
			t.Errorf("levels of the lines (-want +got):\n%s\n%s", diff, log.String())
		}
		if !strings.Contains(log.String(), `"error":"Get \"`+jwksURL+`\": connection refused","have_keys":true`) {
			t.Errorf("the log does not say what happened: %s", log.String())
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	cfg := config()
	deny := &denylist{}
	cfg.Denylist = deny
	v := open(t, cfg)
	token := mint(keyA(), "a", claims(nil))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				tok := want(t, v, token, validator.ReasonOK)
				tok.Token().Groups[0] = "changed"
				tok.Scopes()[0] = "changed"
				v.Stats()
			}
		})
	}
	group.Wait()
}
