package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	sessions = 30
	// freezeFor is longer than MaxStaleness, which is a minute.
	freezeFor = 80 * time.Second
)

// session is a user's sign-in; revoked ones are replaced.
type session struct{ access, refresh string }

// traffic asks and revokes.
type traffic struct {
	*stack
	http *http.Client

	mu       sync.Mutex // guards sessions
	sessions []session
}

// live lets users, an app and an operator do what they do for some time, and
// freezes revoked-dev for a part of it: for the nodes and the gate, NATS and the
// revoke service are gone.
func (s *stack) live(ctx context.Context, lasts time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	t := &traffic{stack: s, http: &http.Client{Timeout: 5 * time.Second}}
	for range sessions {
		one, err := t.signIn(ctx)
		if err != nil {
			return err
		}
		t.sessions = append(t.sessions, one)
	}
	var all sync.WaitGroup
	every := func(pause time.Duration, do func(context.Context) error) {
		all.Go(func() {
			said := ""
			for again := time.NewTicker(pause); ; {
				select {
				case <-ctx.Done():
					return
				case <-again.C:
				}
				// In the outage most of this fails.
				if err := do(ctx); err != nil && err.Error() != said && ctx.Err() == nil {
					said = err.Error()
					fmt.Println("traffic:", err)
				}
			}
		})
	}
	every(50*time.Millisecond, t.askNode)
	every(100*time.Millisecond, t.askGate)
	every(2*time.Second, t.revokeSession)
	every(7*time.Second, t.signOut)
	every(15*time.Second, t.revokeUser)
	every(25*time.Second, t.batch)
	all.Go(func() {
		t.sleep(ctx, lasts/2-freezeFor/2)
		fmt.Println("freezing NATS, Cognito and the revoke service for", freezeFor)
		_ = s.dev.Process.Signal(syscall.SIGSTOP)
		t.sleep(ctx, freezeFor)
		_ = s.dev.Process.Signal(syscall.SIGCONT)
		fmt.Println("thawed")
	})
	all.Wait()
	return nil
}

func (t *traffic) sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// some returns a session and where it is kept.
func (t *traffic) some() (int, session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := rand.N(len(t.sessions))
	return i, t.sessions[i]
}

// replace signs in again instead of a session that was revoked, after some
// seconds in which it is still used.
func (t *traffic) replace(ctx context.Context, i int) error {
	t.sleep(ctx, 3*time.Second)
	one, err := t.signIn(ctx)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sessions[i] = one
	return nil
}

func (t *traffic) signIn(ctx context.Context) (session, error) {
	var out struct {
		AuthenticationResult struct{ AccessToken, RefreshToken string }
	}
	body, err := json.Marshal(map[string]any{
		"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": t.client,
		"AuthParameters": map[string]string{"USERNAME": t.user, "PASSWORD": t.password},
	})
	if err != nil {
		return session{}, err
	}
	code, answer, err := t.do(ctx, http.MethodPost, t.cognito+"/", string(body), map[string]string{
		"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth",
	})
	if err != nil || code != http.StatusOK {
		return session{}, fmt.Errorf("sign-in: %d, %w", code, err)
	}
	err = json.Unmarshal(answer, &out)
	return session{out.AuthenticationResult.AccessToken, out.AuthenticationResult.RefreshToken}, err
}

func (t *traffic) askNode(ctx context.Context) error {
	_, one := t.some()
	if rand.N(50) == 0 {
		one.access = "garbage"
	}
	_, _, err := t.do(ctx, http.MethodGet, t.nodes[rand.N(len(t.nodes))]+"/", "", map[string]string{"Authorization": "Bearer " + one.access})
	return err
}

func (t *traffic) askGate(ctx context.Context) error {
	_, one := t.some()
	_, _, err := t.do(ctx, http.MethodGet, t.gate+"/auth", "", map[string]string{
		"Authorization": "Bearer " + one.access, "X-Forwarded-Method": http.MethodGet, "X-Forwarded-Uri": []string{"/orders", "/menu"}[rand.N(2)],
	})
	return err
}

func (t *traffic) operator(ctx context.Context, contentType, body string) error {
	code, answer, err := t.do(ctx, http.MethodPost, t.admin+"/v1/revocations", body, map[string]string{
		"Authorization": "Bearer " + t.apiKey, "Content-Type": contentType,
	})
	if err == nil && code >= http.StatusBadRequest {
		err = fmt.Errorf("POST /v1/revocations: %d %s", code, answer)
	}
	return err
}

// revokeSession has an operator end a session and wait for the nodes.
func (t *traffic) revokeSession(ctx context.Context) error {
	i, one := t.some()
	kind := []string{"session", "session", "token"}[rand.N(3)]
	if err := t.operator(ctx, "application/json", fmt.Sprintf(`{"kind":%q,"token":%q,"wait":"all","wait_timeout":"3s"}`, kind, one.access)); err != nil {
		return err
	}
	return t.replace(ctx, i)
}

// signOut has an app end its session.
func (t *traffic) signOut(ctx context.Context) error {
	i, one := t.some()
	form := url.Values{"token": {one.refresh}, "client_id": {t.client}}
	if rand.N(2) == 0 {
		form.Set("access_token", one.access)
	}
	if _, _, err := t.do(ctx, http.MethodPost, t.public+"/oauth2/revoke", form.Encode(), map[string]string{"Content-Type": "application/x-www-form-urlencoded"}); err != nil {
		return err
	}
	return t.replace(ctx, i)
}

// revokeUser ends a user of the past.
func (t *traffic) revokeUser(ctx context.Context) error {
	return t.operator(ctx, "application/json", fmt.Sprintf(`{"kind":"user","id":"%08x-0000-4000-8000-000000000000","cognito":"skip"}`, rand.Uint32()))
}

// batch revokes many sessions, and one that is no request.
func (t *traffic) batch(ctx context.Context) error {
	var lines strings.Builder
	for range 40 {
		fmt.Fprintf(&lines, `{"kind":"session","id":"%08x-0000-4000-8000-000000000000"}`+"\n", rand.Uint32())
	}
	lines.WriteString("{}\n")
	return t.operator(ctx, "application/x-ndjson", lines.String())
}

func (t *traffic) do(ctx context.Context, method, url, body string, header map[string]string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewBufferString(body))
	if err != nil {
		return 0, nil, err
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := t.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}
