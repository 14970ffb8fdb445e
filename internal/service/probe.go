package service

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/config"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/prober"
)

// DefaultProbeInterval is the interval of a prober that is only told to run.
const DefaultProbeInterval = time.Minute

const (
	minProbeInterval = time.Second
	maxProbeInterval = time.Hour
	maxProbeTimeout  = 30 * time.Second // unless it is configured
)

func (c Config) checkProbe(list *config.Problems) {
	p := c.Probe
	switch {
	case p.Interval != 0 && (p.Interval < minProbeInterval || p.Interval > maxProbeInterval):
		list.Add("probe.interval", p.Interval.String(), "is not from 1s to 1h", "set a duration such as 1m, or leave it out for no probes")
	case p.Interval == 0 && p.Timeout != 0:
		list.Add("probe.timeout", p.Timeout.String(), "is set, but nothing probes", "set probe.interval, or run serve with --probe")
	case p.Timeout < 0 || p.Interval != 0 && p.Timeout >= p.Interval:
		list.Add("probe.timeout", p.Timeout.String(), "is not from 0s to less than probe.interval", "leave it out for half of that, 30s at most")
	}
}

// timeout is the one in force.
func (p Probe) timeout() time.Duration {
	if p.Timeout != 0 {
		return p.Timeout
	}
	return min(p.Interval/2, maxProbeTimeout)
}

// startProber makes it probe until ctx ends, if it is configured.
func (s *Service) startProber(ctx context.Context) error {
	if s.cfg.Probe.Interval == 0 {
		return nil
	}
	numbers := newProbeNumbers(s.numbers.registry)
	p, err := prober.New(prober.Config{
		Canary: s.canary, Fleet: lateFleet{s},
		Interval: s.cfg.Probe.Interval, Timeout: s.cfg.Probe.timeout(),
		Done: numbers.count, Logger: s.cfg.Logger,
	})
	if err != nil {
		return fmt.Errorf("service: %w", err)
	}
	s.up.Go(func() { p.Run(ctx) })
	return nil
}

// canary is for the prober.
func (s *Service) canary(ctx context.Context, life time.Duration) (publisher.Status, error) {
	p, err := (&lateRevoker{service: s}).publisher()
	if err != nil {
		return publisher.Status{}, err
	}
	return p.Canary(ctx, life)
}
