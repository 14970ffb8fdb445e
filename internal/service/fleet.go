package service

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/publisher/audit"
	"github.com/seed-4e8dee1b/revoked/publisher/members"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// fleet is who knows the nodes, with what it listens on.
type fleet struct {
	tracker *members.Tracker
	bus     *members.NATSBus
}

// openFleet begins to listen to nodes.
func (s *Service) openFleet(epoch func() string) (*fleet, error) {
	bus, err := members.NewNATSBus(s.link.nc, s.cfg.Prefix)
	if err != nil {
		return nil, err
	}
	roll, err := members.NewNATSRoll(s.link.nc, s.cfg.Prefix)
	if err == nil {
		var tracker *members.Tracker
		tracker, err = members.New(members.Config{
			Bus: bus, Roll: roll, Expect: s.cfg.Expect, Epoch: epoch, Logger: s.cfg.Logger,
		})
		if err == nil {
			return &fleet{tracker, bus}, nil
		}
	}
	bus.Close()
	return nil, err
}

// openAudit makes the audit, which keeps entries until NATS is there.
func (s *Service) openAudit() (*audit.Log, error) {
	store, err := audit.NewNATSStore(s.link.nc, s.cfg.Prefix)
	if err != nil {
		return nil, err
	}
	return audit.New(audit.Config{Store: store, Replica: s.cfg.ServiceID, Logger: s.cfg.Logger})
}

// auditLog is the audit, in the terms of the API.
type auditLog struct{ *audit.Log }

// Read implements [api.Audit].
func (l auditLog) Read(ctx context.Context, q audit.Query) (audit.Page, error) {
	page, err := l.Log.Read(ctx, q)
	if err != nil {
		err = fmt.Errorf("%w: %w", api.ErrUnavailable, err)
	}
	return page, err
}

func (f *fleet) close() {
	f.tracker.Close()
	f.bus.Close()
}

// count returns how many nodes there are in each state, all states included.
func (f *fleet) count() map[string]int {
	n := map[string]int{"live": 0, "not_live": 0, "silent": 0, "unproven": 0}
	for _, m := range f.tracker.Members() {
		switch {
		case m.Unproven:
			n["unproven"]++
		case m.Silent:
			n["silent"]++
		case m.State == "live":
			n["live"]++
		default:
			n["not_live"]++
		}
	}
	return n
}

// lateFleet is the fleet, which is there only once NATS is.
type lateFleet struct{ service *Service }

func (l lateFleet) tracker() (*members.Tracker, error) {
	l.service.mu.Lock()
	defer l.service.mu.Unlock()
	if l.service.fleet == nil {
		return nil, fmt.Errorf("%w: %s", api.ErrUnavailable, l.service.missing)
	}
	return l.service.fleet.tracker, nil
}

// Await implements [api.Fleet] and [prober.Fleet].
func (l lateFleet) Await(ctx context.Context, q members.Question, want members.Want) (members.Receipt, error) {
	t, err := l.tracker()
	if err != nil {
		return members.Receipt{}, err
	}
	return t.Await(ctx, q, want), nil
}

// countedFleet is the fleet whose receipts are counted.
type countedFleet struct{ lateFleet }

// Await implements [api.Fleet].
func (c countedFleet) Await(ctx context.Context, q members.Question, want members.Want) (members.Receipt, error) {
	r, err := c.lateFleet.Await(ctx, q, want)
	if err == nil {
		c.service.numbers.receipts.count(r)
	}
	return r, err
}

// Conclude implements [prober.Fleet].
func (l lateFleet) Conclude(id revocation.ActID, want members.Want) (members.Receipt, map[string][]time.Duration, error) {
	t, err := l.tracker()
	if err != nil {
		return members.Receipt{}, nil, err
	}
	return t.Conclude(id, want)
}

// Members implements [api.Fleet].
func (l lateFleet) Members() ([]members.Member, error) {
	t, err := l.tracker()
	if err != nil {
		return nil, err
	}
	return t.Members(), nil
}

// Remove implements [api.Fleet].
func (l lateFleet) Remove(ctx context.Context, service, node string) (int, error) {
	t, err := l.tracker()
	if err != nil {
		return 0, err
	}
	return t.Remove(ctx, service, node)
}
