package publisher

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// beatPeriod and beatTTL are those of the service's signs of life.
	beatPeriod = 10 * time.Second
	beatTTL    = 48 * time.Hour
	// beatRetry is the pause while it is not known what a beat would vouch for:
	// nodes that start wait for the first one.
	beatRetry = time.Second
)

// History is what a replica knows of the stream. Its beat vouches that the
// stream holds what was revoked, which is not so after a store was restored
// from an older copy or made anew.
type History interface {
	// State describes the stream as it is now.
	State() HistoryState
	// Held yields every act that the replica knows of, from any history of the
	// stream, with the latest expiry of any copy of it.
	Held() iter.Seq2[revocation.Act, int64]
}

// HistoryState is what [History] knows at a moment.
type HistoryState struct {
	// Known is false while the stream is being read, or doubtful.
	Known bool
	Epoch string
	// Changes counts the times that the stream turned out to be another one.
	Changes uint64
	// Accepted is the newest acceptance of a changed history.
	Accepted revocation.Acceptance
}

// fixedHistory is that of a publisher which is told nothing.
type fixedHistory struct{ epoch string }

func (h fixedHistory) State() HistoryState { return HistoryState{Known: true, Epoch: h.epoch} }

func (fixedHistory) Held() iter.Seq2[revocation.Act, int64] {
	return func(func(revocation.Act, int64) bool) {}
}

var errHistoryUnknown = errors.New("the stream's history is not known yet")

// beat tells the nodes, until ctx ends, that this replica lives, and of which
// history the stream is.
func (p *Publisher) beat(ctx context.Context) {
	history := p.cfg.History
	if history == nil {
		history = fixedHistory{p.cfg.Epoch}
	}
	refilled, said := uint64(0), ""
	for {
		err := p.vouch(ctx, history, &refilled)
		p.repeatLifts(ctx)
		pause := beatPeriod
		switch {
		case err == nil:
			said = ""
		case ctx.Err() != nil:
			return
		case errors.Is(err, errHistoryUnknown):
			pause = beatRetry
		case err.Error() != said:
			said = err.Error()
			p.log.Warn().Err(err).Msg("beat not stored")
		}
		again := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			again.Stop()
			return
		case <-again.C:
		}
	}
}

// vouch sends one beat. If the stream has become another one since the last
// refill, it publishes everything that is known first.
func (p *Publisher) vouch(ctx context.Context, history History, refilled *uint64) error {
	state := history.State()
	if !state.Known {
		return errHistoryUnknown
	}
	if state.Changes != *refilled {
		if err := p.refill(ctx, history); err != nil {
			return fmt.Errorf("publishing acts again: %w", err)
		}
		if history.State().Changes != state.Changes {
			return errHistoryUnknown // once more, while we published
		}
		*refilled = state.Changes
	}
	m := revocation.Message{SentAt: time.Now(), Beat: &revocation.Beat{
		ServiceID: p.cfg.ServiceID, Epoch: state.Epoch, Version: revocation.WireVersion, Accepted: state.Accepted,
	}}
	attempt, cancel := context.WithTimeout(ctx, beatPeriod)
	defer cancel()
	return p.cfg.Bus.AppendBeat(attempt, m.Encode(), beatTTL)
}

// refill publishes every act that is held and has not ended, many to a message.
// Acts that the stream has all the same merge with their copies.
func (p *Publisher) refill(ctx context.Context, history History) error {
	var all []revocation.Act
	keep := make(map[revocation.ActID]int64)
	for a, until := range history.Held() { // held up for as long as that takes
		all = append(all, a)
		keep[a.ID] = max(until, a.ExpiresAt)
	}
	published, now := 0, time.Now()
	for len(all) > 0 {
		m := revocation.Message{SentAt: now}
		latest, size := int64(0), 0
		for len(all) > 0 && len(m.Acts) < messageActs && size < messageBytes {
			a := all[0]
			all = all[1:]
			if messageTTL(keep[a.ID], now) == 0 {
				continue
			}
			m.Acts = append(m.Acts, a)
			latest = max(latest, keep[a.ID])
			size += len(revocation.Message{Acts: []revocation.Act{a}}.Encode())
		}
		if len(m.Acts) == 0 {
			continue
		}
		if _, err := p.cfg.Bus.AppendAct(ctx, m.Encode(), messageTTL(latest, now)); err != nil {
			return err
		}
		published += len(m.Acts)
	}
	p.log.Warn().Int("acts", published).Msg("the stream is another one than before, published all acts again")
	return nil
}
