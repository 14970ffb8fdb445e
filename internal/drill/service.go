package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/service"
)

// apiKey of every service.
const apiKey = "drill-api-key-0123456789abcdef"

// serviceConfig is what a revoke service is started with.
type serviceConfig struct {
	NATS, Cognito, JWKS, Pool, Client string
	Name                              string
	// Addresses; port 0 chooses one.
	Public, Admin, Metrics string
	ShutdownDelay          time.Duration
	// Rates as in the configuration of the service; 0 is the default there.
	UserUpdate, UserToken, UserList, Learn float64
}

// urls are where a service listens.
type urls struct{ Public, Admin, Metrics string }

// startService starts a revoke service and returns when it is ready.
func (s *stage) startService(cfg serviceConfig) (*process, urls, error) {
	cfg.NATS, cfg.JWKS, cfg.Pool, cfg.Client = s.nats.URL(), s.demo.Pool.JWKSURL(), s.demo.Pool.ID(), s.demo.Client.ID
	if cfg.Cognito == "" {
		cfg.Cognito = s.cognito.URL()
	}
	for _, addr := range []*string{&cfg.Public, &cfg.Admin, &cfg.Metrics} {
		if *addr == "" {
			*addr = "127.0.0.1:0"
		}
	}
	p, err := start(modeService, cfg)
	if err != nil {
		return nil, urls{}, err
	}
	var at urls
	if err := p.receive(&at); err != nil {
		p.kill()
		return nil, urls{}, fmt.Errorf("starting a service: %w", err)
	}
	return p, at, nil
}

// serveService is a whole revoke service, which ends in good order when its
// input does.
func serveService(ctx context.Context, in *json.Decoder, out *json.Encoder) (err error) {
	var cfg serviceConfig
	if err := in.Decode(&cfg); err != nil {
		return err
	}
	c := service.Default()
	c.PublicAddr, c.AdminAddr, c.MetricsAddr = cfg.Public, cfg.Admin, cfg.Metrics
	c.APIKey, c.SealKeys, c.RateLimit = apiKey, sealKeys, 100_000
	c.ServiceID, c.NATS.URL, c.ShutdownDelay = cfg.Name, cfg.NATS, cfg.ShutdownDelay
	c.UserUpdateRate, c.UserTokenRate, c.UserListRate, c.LearnRate = cfg.UserUpdate, cfg.UserToken, cfg.UserList, cfg.Learn
	c.CognitoWait = 0
	c.Logger = zerolog.New(os.Stderr).Level(zerolog.FatalLevel)
	c.Pools = []service.Pool{{
		ID: cfg.Pool, Endpoint: cfg.Cognito, JWKSURL: cfg.JWKS, Clients: []service.Client{{ID: cfg.Client}},
	}}
	svc, err := service.Start(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, svc.Close()) }()
	ready, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := svc.WaitReady(ready); err != nil {
		return err
	}
	if err := out.Encode(urls{svc.PublicURL(), svc.AdminURL(), svc.MetricsURL()}); err != nil {
		return err
	}
	var nothing json.RawMessage
	return in.Decode(&nothing)
}

// answer is what a service says of one revocation.
type answer struct {
	ID string `json:"id"`
}

// revokeUser asks for the revocation of a user.
func revokeUser(client *http.Client, admin, sub, once string) (answer, int, error) {
	body := fmt.Sprintf(`{"kind":"user","id":%q}`, sub)
	req, err := http.NewRequest(http.MethodPost, admin+"/v1/revocations", strings.NewReader(body))
	if err != nil {
		return answer{}, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+apiKey)
	if once != "" {
		req.Header.Set("Idempotency-Key", once)
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, 0, err
	}
	var a answer
	if resp.StatusCode == http.StatusCreated {
		err = json.Unmarshal(text, &a)
	}
	return a, resp.StatusCode, err
}

// metric reads one metric of a service, with its labels as they are written.
func metric(at urls, name string) (float64, error) {
	resp, err := http.Get(at.Metrics + "/metrics")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("no metric %s", name)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}
