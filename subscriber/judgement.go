package subscriber

import (
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// maxSilence is for how long the revoke service may give no sign of life: an
// act that it can't extend any more lives for 48 h, and is extended at half.
const maxSilence = 24 * time.Hour

// blindness says why a view is stale although its tick is not old.
type blindness struct {
	reason Reason
	detail string
	err    error
}

// judge decides whether the view is blind. The caller holds mu.
func (v *view) judge() {
	reason, detail := v.blindSpot()
	if reason == "" {
		v.blind.Store(nil)
		return
	}
	if b := v.blind.Load(); b != nil && b.reason == reason && b.detail == detail {
		return
	}
	v.blind.Store(&blindness{reason, detail, fmt.Errorf("%w: %s: %s", revocation.ErrStale, reason, detail)})
}

// blindSpot returns the gravest reason for which a tick does not make the view
// fresh, or none. The caller holds mu.
func (v *view) blindSpot() (Reason, string) {
	switch {
	case v.state == Closed:
		return ReasonClosed, "subscriber closed"
	case v.lost != "":
		return ReasonHistory, v.lost
	case len(v.unread) > 0:
		u := v.unread[0]
		return ReasonIncomplete, fmt.Sprintf("an act of kind %d, version %d cannot be read", u.Kind, u.Version)
	case v.full:
		return ReasonFull, "acts were left out: raise MaxActs"
	case v.clockOff != 0:
		return ReasonClock, fmt.Sprintf("the server's clock differs by %v", v.clockOff.Round(time.Millisecond))
	}
	return v.serviceSpot()
}

// serviceSpot looks for a sign of life of the revoke service. A beat of another
// epoch is none: it was written by a service that has not noticed yet that the
// stream is another one, and has not published its acts again. The caller holds
// mu.
func (v *view) serviceSpot() (Reason, string) {
	p := v.fresh.Load()
	switch {
	case v.ignoreBeats || p == nil && v.epoch == "":
		return "", ""
	case v.beatAt.IsZero() || v.beatOf != v.epoch:
		return ReasonService, fmt.Sprintf("no beat of epoch %q: is the revoke service running?", v.epoch)
	case p != nil && p.asOf.Sub(v.beatAt) > maxSilence:
		return ReasonService, fmt.Sprintf("no beat of the revoke service since %s", v.beatAt.UTC().Format(time.RFC3339))
	}
	return "", ""
}

// stateAt returns the state at now, and the reason if it is Stale.
func (v *view) stateAt(now time.Time) (State, Reason) {
	v.mu.Lock()
	defer v.mu.Unlock()
	state, reason, _ := v.judgement(now)
	return state, reason
}

// observe logs a change of state that time alone has brought.
func (v *view) observe(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report(now)
}

// report logs a change of state or reason once. The caller holds mu.
func (v *view) report(now time.Time) {
	state, reason, detail := v.judgement(now)
	if state == v.reported && reason == v.why {
		return
	}
	v.reported, v.why = state, reason
	level := zerolog.InfoLevel
	if state == Stale {
		level = zerolog.WarnLevel
	}
	v.log.WithLevel(level).Str("component", "subscriber").Stringer("state", state).Str("reason", string(reason)).Str("detail", detail).
		Uint64("seq", v.last).Msg("state changed")
}

// judgement returns the state at now, and the reason if it is Stale. The
// caller holds mu.
func (v *view) judgement(now time.Time) (State, Reason, string) {
	if v.state == Closed {
		return Closed, "", ""
	}
	p := v.fresh.Load()
	switch b := v.blind.Load(); {
	case b != nil:
		return Stale, b.reason, b.detail
	case p == nil && !v.knownOf.IsZero():
		return Stale, ReasonNoTick, fmt.Sprintf("acts are from a local file, as of %v ago", now.Sub(v.knownOf).Round(time.Second))
	case p == nil:
		return CatchingUp, "", ""
	case v.check(now) != nil:
		return Stale, ReasonNoTick, fmt.Sprintf("as of %v ago, more than %v", now.Sub(p.asOf).Round(time.Millisecond), v.maxStaleness)
	}
	return v.state, "", ""
}
