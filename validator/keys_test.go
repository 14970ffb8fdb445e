package validator_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/validator"
)

// After each of these documents, a token signed by keyA with kid "a" is
// accepted, or refused because no usable key has that kid.
func TestUsableKeys(t *testing.T) {
	a, b := keyA(), keyB()
	spare := jwk(b, "spare", nil) // so that the set is not empty
	with := func(name string, value any) string {
		return jwks(jwk(a, "a", map[string]any{name: value}), spare)
	}
	big16k := new(big.Int).SetBit(big.NewInt(1), 16383, 1)
	small := new(big.Int).SetBit(big.NewInt(1), 2046, 1)
	private := jwk(a, "a", map[string]any{"d": b64(a.D.Bytes()), "p": b64(a.Primes[0].Bytes()), "q": b64(a.Primes[1].Bytes())})
	for _, test := range []struct {
		name   string
		doc    string
		usable bool
	}{
		{"as Cognito publishes it", jwks(jwk(a, "a", nil), spare), true},
		{"beside a kty of the future", jwks(map[string]any{"kty": "AKP", "alg": "ML-DSA-44", "kid": "pq", "pub": "AA"}, jwk(a, "a", nil)), true},
		{"beside a key that is no object", `{"keys":["x",` + string(mustJSON(jwk(a, "a", nil))) + `]}`, true},
		{"twice the same key", jwks(jwk(a, "a", nil), jwk(a, "a", nil)), true},
		{"no use", with("use", nil), true},
		{"key_ops verify", with("key_ops", []string{"verify"}), true},
		{"another member in the set", strings.Replace(jwks(jwk(a, "a", nil)), "{", `{"next":1,`, 1), true},
		{"64 keys", jwks(append(many(63), jwk(a, "a", nil))...), true},
		{"no alg", with("alg", nil), false},
		{"alg RS384", with("alg", "RS384"), false},
		{"alg unknown", with("alg", "XX1"), false},
		{"use enc", with("use", "enc"), false},
		{"key_ops sign", with("key_ops", []string{"sign"}), false},
		{"no kid", with("kid", nil), false},
		{"kid empty", with("kid", ""), false},
		{"private key", jwks(private, spare), false},
		{"symmetric key", jwks(map[string]any{"kty": "oct", "alg": "RS256", "kid": "a", "k": "AAAA"}, spare), false},
		{"2047 bits", with("n", b64(small.Bytes())), false},
		{"16384 bits", with("n", b64(big16k.Bytes())), false},
		{"exponent 1", with("e", "AQ"), false},
		{"even exponent", with("e", b64([]byte{1, 0, 0})), false},
		{"modulus not base64url", with("n", "!"), false},
		{"two keys under the kid", jwks(jwk(a, "a", nil), jwk(b, "a", nil), spare), false},
		{"two keys under the kid, the first again", jwks(jwk(a, "a", nil), jwk(b, "a", nil), jwk(a, "a", nil), spare), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := config()
			cfg.Transport = publish(test.doc)
			v := open(t, cfg)
			if err := v.WaitForKeys(t.Context()); err != nil {
				t.Fatalf("WaitForKeys: %v", err)
			}
			reason := validator.ReasonUnknownKey
			if test.usable {
				reason = validator.ReasonOK
			}
			want(t, v, mint(a, "a", claims(nil)), reason)
		})
	}
}

// The limits of keys that no test can sign with.
func TestKeyLimits(t *testing.T) {
	modulus := func(bits int) string {
		return b64(new(big.Int).SetBit(big.NewInt(1), bits-1, 1).Bytes())
	}
	for _, test := range []struct {
		name    string
		changes map[string]any
		usable  int
	}{
		{"2048 bits", map[string]any{"n": modulus(2048)}, 1},
		{"2047 bits", map[string]any{"n": modulus(2047)}, 0},
		{"8192 bits", map[string]any{"n": modulus(8192)}, 1},
		{"8193 bits", map[string]any{"n": modulus(8193)}, 0},
		{"exponent 3", map[string]any{"e": "Aw"}, 1},
		{"exponent 2", map[string]any{"e": "Ag"}, 0},
		{"no modulus", map[string]any{"n": nil}, 0},
		{"no kid", map[string]any{"kid": nil}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := config()
			cfg.Transport = publish(jwks(jwk(keyA(), "a", nil), jwk(keyB(), "b", test.changes)))
			v := open(t, cfg)
			if err := v.WaitForKeys(t.Context()); err != nil {
				t.Fatal(err)
			}
			if keys := v.Stats().Keys[0]; keys.Usable != 1+test.usable || keys.Ignored != 1-test.usable {
				t.Errorf("%d usable and %d ignored keys, want %d and %d", keys.Usable, keys.Ignored, 1+test.usable, 1-test.usable)
			}
		})
	}
}

// many returns n keys that are not usable.
func many(n int) []map[string]any {
	keys := make([]map[string]any, n)
	for i := range keys {
		keys[i] = map[string]any{"kty": "EC", "kid": fmt.Sprint(i)}
	}
	return keys
}

// A fetch that brings nothing usable never replaces keys that work, and is no
// reason to call a token bad before there are any.
func TestFailedFetch(t *testing.T) {
	good := jwks(jwk(keyA(), "a", nil))
	for name, fail := range map[string]func(*cognito){
		"network":       func(c *cognito) { c.err = errors.New("connection refused") },
		"server error":  func(c *cognito) { c.status = http.StatusInternalServerError },
		"created":       func(c *cognito) { c.status = http.StatusCreated },
		"redirect":      func(c *cognito) { c.status = http.StatusFound },
		"timeout":       func(c *cognito) { c.delay = time.Hour },
		"answer cut":    func(c *cognito) { c.cut = true },
		"no JSON":       func(c *cognito) { c.docs = map[string]string{jwksURL: "<html>"} },
		"trailing data": func(c *cognito) { c.docs = map[string]string{jwksURL: good + "x"} },
		"keys twice, once no list": func(c *cognito) {
			c.docs = map[string]string{jwksURL: strings.TrimSuffix(good, "}") + `,"keys":1}`}
		},
		"no keys":        func(c *cognito) { c.docs = map[string]string{jwksURL: `{"keys":[]}`} },
		"keys of no use": func(c *cognito) { c.docs = map[string]string{jwksURL: jwks(many(2)...)} },
		"65 keys": func(c *cognito) {
			c.docs = map[string]string{jwksURL: jwks(append(many(64), jwk(keyB(), "b", nil))...)}
		},
		"128 KiB and one byte": func(c *cognito) { c.docs = map[string]string{jwksURL: pad(good, 128<<10+1)} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := config()
				source := publish(good)
				cfg.Transport = source
				fail(source)
				v := open(t, cfg)
				token := mint(keyA(), "a", claims(map[string]any{"exp": time.Now().Unix() + 86400}))
				want(t, v, token, validator.ReasonNoKeys)
				if err := v.Ready(); !errors.Is(err, validator.ErrNoKeys) || !strings.Contains(err.Error(), poolID) {
					t.Errorf("Ready = %v, want ErrNoKeys that names the pool", err)
				}

				source.set(func(c *cognito) {
					c.docs, c.status, c.err, c.delay, c.cut = map[string]string{jwksURL: good}, 0, nil, 0, false
				})
				time.Sleep(time.Minute)
				want(t, v, token, validator.ReasonOK)
				if err := v.Ready(); err != nil {
					t.Errorf("Ready = %v after recovery", err)
				}

				before := v.Stats().Keys[0]
				source.set(fail)
				time.Sleep(time.Hour)
				want(t, v, token, validator.ReasonOK)
				after := v.Stats().Keys[0]
				source.set(func(c *cognito) {
					if c.open != 0 {
						t.Errorf("%d answers were left open", c.open)
					}
				})
				if after.FetchedAt != before.FetchedAt || after.Failures == before.Failures || after.Usable != 1 {
					t.Errorf("stats after an hour of failures: %+v, before: %+v", after, before)
				}
			})
		})
	}
}

func pad(doc string, size int) string { return doc + strings.Repeat(" ", size-len(doc)) }

func TestLargestKeyDocument(t *testing.T) {
	cfg := config()
	cfg.Transport = publish(pad(jwks(jwk(keyA(), "a", nil)), 128<<10))
	want(t, open(t, cfg), mint(keyA(), "a", claims(nil)), validator.ReasonOK)
}

// Redirects are not followed: the other host would choose the keys.
func TestRedirectIsNotFollowed(t *testing.T) {
	cfg := config()
	source := publish("")
	source.status = http.StatusTemporaryRedirect
	source.docs["https://elsewhere.example/keys"] = jwks(jwk(keyA(), "a", nil))
	cfg.Transport = source
	want(t, open(t, cfg), mint(keyA(), "a", claims(nil)), validator.ReasonNoKeys)
	if n := len(source.requests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestKeyRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		source := publish(jwks(jwk(keyA(), "a", nil)))
		cfg.Transport = source
		v := open(t, cfg)
		far := map[string]any{"exp": time.Now().Unix() + 86400}
		byA, byB := mint(keyA(), "a", claims(far)), mint(keyB(), "b", claims(far))
		want(t, v, byA, validator.ReasonOK)
		time.Sleep(time.Minute)

		// A new key is found by the first token that names it.
		source.set(func(c *cognito) { c.docs[jwksURL] = jwks(jwk(keyA(), "a", nil), jwk(keyB(), "b", nil)) })
		want(t, v, byA, validator.ReasonOK)
		if n := len(source.requests()); n != 1 {
			t.Errorf("%d fetches before a token named the new key, want 1", n)
		}
		want(t, v, byB, validator.ReasonOK)
		want(t, v, byA, validator.ReasonOK)

		// A key that is withdrawn stops working with the next refresh.
		source.set(func(c *cognito) { c.docs[jwksURL] = jwks(jwk(keyB(), "b", nil)) })
		want(t, v, byA, validator.ReasonOK)
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		want(t, v, byA, validator.ReasonUnknownKey)
		want(t, v, byB, validator.ReasonOK)

		// Another key under the same kid replaces the old one.
		source.set(func(c *cognito) { c.docs[jwksURL] = jwks(jwk(keyA(), "b", nil)) })
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		want(t, v, byB, validator.ReasonBadSignature)
		want(t, v, mint(keyA(), "b", claims(nil)), validator.ReasonOK)
	})
}

// Garbage must not make the node ask Cognito: at most once in 10 seconds.
func TestUnknownKidFetchIsRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		source := publish(jwks(jwk(keyA(), "a", nil)))
		cfg.Transport = source
		v := open(t, cfg)
		if err := v.WaitForKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		garbage := func(n int) {
			var group sync.WaitGroup
			for i := range n {
				group.Go(func() {
					want(t, v, mint(keyB(), fmt.Sprint("garbage-", i), claims(nil)), validator.ReasonUnknownKey)
				})
			}
			group.Wait()
		}
		expect := func(n int) {
			t.Helper()
			if got := len(source.requests()); got != n {
				t.Fatalf("%d fetches, want %d", got, n)
			}
		}
		garbage(20)
		expect(1)
		time.Sleep(10*time.Second - time.Nanosecond)
		garbage(20)
		expect(1)
		time.Sleep(time.Nanosecond)
		want(t, v, sign(keyB(), []byte(`{"alg":"RS256"}`), mustJSON(claims(nil))), validator.ReasonUnknownKey)
		expect(1) // no key has no kid
		garbage(20)
		expect(2)
		garbage(20)
		expect(2)

		// Requests that come during the fetch share it, and wait for it.
		source.set(func(c *cognito) {
			c.delay = 2 * time.Second
			c.docs[jwksURL] = jwks(jwk(keyB(), "b", nil))
		})
		time.Sleep(10 * time.Second)
		start := time.Now()
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() { want(t, v, mint(keyB(), "b", claims(nil)), validator.ReasonOK) })
		}
		group.Wait()
		expect(3)
		if waited := time.Since(start); waited != 2*time.Second {
			t.Errorf("waited %v for the fetch, want 2s", waited)
		}
	})
}

// A request right after New waits for the first fetch instead of failing.
func TestFirstRequestWaitsForKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		source := publish(jwks(jwk(keyA(), "a", nil)))
		source.delay = time.Second
		cfg.Transport = source
		v := open(t, cfg)
		if err := v.Ready(); !errors.Is(err, validator.ErrNoKeys) {
			t.Errorf("Ready before the first fetch = %v, want ErrNoKeys", err)
		}
		start := time.Now()
		want(t, v, mint(keyA(), "a", claims(nil)), validator.ReasonOK)
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("waited %v, want 1s", waited)
		}
	})
}

func TestWaitsEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		source := publish("")
		source.delay = time.Hour
		cfg.Transport = source
		v := open(t, cfg)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := v.Validate(ctx, mint(keyA(), "a", claims(nil)))
		if !errors.Is(err, validator.ErrNoKeys) || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, validator.ErrInvalidToken) {
			t.Errorf("Validate = %v, want ErrNoKeys and DeadlineExceeded", err)
		}
		if err := v.WaitForKeys(ctx); !errors.Is(err, validator.ErrNoKeys) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("WaitForKeys = %v, want ErrNoKeys and DeadlineExceeded", err)
		}
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("waited %v, want 1s", waited)
		}
		// Without a deadline of its own it gives up after 30 s.
		if err := v.WaitForKeys(context.Background()); !errors.Is(err, validator.ErrNoKeys) || !strings.Contains(err.Error(), poolID) {
			t.Errorf("WaitForKeys = %v, want ErrNoKeys that names the pool", err)
		}
		if waited := time.Since(start); waited != 31*time.Second {
			t.Errorf("waited %v in all, want 31s", waited)
		}
	})
}

// One pool without keys must not make the node refuse, as bad, tokens that may
// be that pool's.
func TestNoKeysOfOnePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const other = "us-east-1_Other1"
		cfg := config()
		cfg.Pools = append(cfg.Pools, validator.Pool{ID: other, ClientIDs: []string{clientID}})
		v := open(t, cfg) // config's transport does not know the other pool
		want(t, v, mint(keyA(), "a", claims(nil)), validator.ReasonOK)
		want(t, v, mint(keyB(), "b", claims(nil)), validator.ReasonNoKeys)
		if err := v.Ready(); err == nil || !strings.Contains(err.Error(), other) || !strings.Contains(err.Error(), "404") {
			t.Errorf("Ready = %v, want the pool and its problem", err)
		}
	})
}

// After failures the pauses grow to a minute and no further; after a success
// there is a fetch about every quarter of an hour.
func TestFetchIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		source := publish(jwks(jwk(keyA(), "a", nil)))
		source.err = errors.New("connection refused")
		cfg.Transport = source
		open(t, cfg)
		time.Sleep(10 * time.Minute)
		asked := source.requests()
		for i, pause := range pauses(asked) {
			full := min(time.Second<<min(i, 10), time.Minute)
			if pause <= full*8/10-1 || pause > full {
				t.Errorf("pause %d after a failure = %v, want 80 to 100%% of %v", i, pause, full)
			}
		}
		if len(asked) < 15 {
			t.Errorf("%d fetches in 10 minutes, want 15 at least", len(asked))
		}
		source.set(func(c *cognito) { c.err, c.asked = nil, nil })
		time.Sleep(5 * time.Hour)
		asked = source.requests()
		for i, pause := range pauses(asked) {
			if pause < 12*time.Minute || pause > 15*time.Minute {
				t.Errorf("pause %d after a success = %v, want 12 to 15 minutes", i, pause)
			}
		}
		if len(asked) < 20 {
			t.Errorf("%d fetches in 5 hours, want 20 at least", len(asked))
		}
		// The next failure starts small again.
		source.set(func(c *cognito) { c.err, c.asked = errors.New("connection refused"), nil })
		time.Sleep(16 * time.Minute)
		if first := pauses(source.requests())[0]; first > time.Second {
			t.Errorf("first pause after the next failure = %v, want 1s at most", first)
		}
	})
}

func pauses(times []time.Time) []time.Duration {
	var pauses []time.Duration
	for i := 1; i < len(times); i++ {
		pauses = append(pauses, times[i].Sub(times[i-1]))
	}
	return pauses
}

// The bubble fails the test if a goroutine outlives Close.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		source := publish(jwks(jwk(keyA(), "a", nil)))
		cfg.Transport = source
		v, err := validator.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.WaitForKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		// Closed during a fetch, with requests that wait for it.
		source.set(func(c *cognito) { c.delay, c.linger = time.Hour, time.Second })
		time.Sleep(time.Minute)
		waiting := make(chan validator.Reason)
		go func() {
			_, err := v.Validate(context.Background(), mint(keyB(), "b", claims(nil)))
			waiting <- validator.ReasonOf(err)
		}()
		synctest.Wait()
		start := time.Now()
		v.Close()
		if took := time.Since(start); took != time.Second {
			t.Errorf("Close took %v, want the second that the fetch took to end", took)
		}
		v.Close()
		if reason := <-waiting; reason != validator.ReasonUnknownKey {
			t.Errorf("the request that waited ended with %v", reason)
		}
		// Known keys still work; unknown ones ask nobody.
		want(t, v, mint(keyA(), "a", claims(nil)), validator.ReasonOK)
		time.Sleep(time.Minute)
		want(t, v, mint(keyB(), "b", claims(nil)), validator.ReasonUnknownKey)
		if waited := time.Since(start); waited != time.Minute+time.Second {
			t.Errorf("Close and what followed took %v, want no time but that second and the minute's sleep", waited)
		}
		if keys := v.Stats().Keys[0]; keys.Fetches != 2 || keys.Failures != 0 {
			t.Errorf("stats %+v, want 2 fetches, and none that failed: it was cut short", keys)
		}
	})
}
