package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// create serves POST /v1/revocations: one revocation, or a batch.
func (a *admin) create(w http.ResponseWriter, r *http.Request) {
	if mediaTypeOf(r) == ndjson {
		a.batch(w, r)
		return
	}
	ctx, cancel := detached(r)
	defer cancel()
	status, o, err := a.createOne(ctx, w, r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	logFrom(r).Info().Stringer("act_id", status.Act.ID).Stringer("kind", status.Act.Target.Kind).Msg("revoked by an operator")
	shown, code, location := represent(status, callerOf(r).role), http.StatusCreated, "/v1/revocations/"+status.Act.ID.String()
	if !o.wait.IsZero() {
		// Whatever comes of it, the revocation is denied: no error from here on.
		if shown.Receipt, err = a.enforcement(r.Context(), status, o.wait, o.waitFor, true); err != nil {
			logFrom(r).Warn().Err(err).Stringer("act_id", status.Act.ID).Msg("nodes can't be asked")
		}
		if shown.Receipt == nil || !shown.Receipt.Met {
			code, location = http.StatusAccepted, location+"?wait="+o.wait.String()
		}
	}
	w.Header().Set("Location", location)
	writeJSON(w, "application/json", code, shown)
}

func (a *admin) createOne(ctx context.Context, w http.ResponseWriter, r *http.Request) (publisher.Status, order, error) {
	once, err := onceOf(r)
	if err != nil {
		return publisher.Status{}, order{}, err
	}
	body, err := readJSON(w, r)
	if err != nil {
		return publisher.Status{}, order{}, err
	}
	o, err := parseOrder(body)
	if err != nil {
		return publisher.Status{}, order{}, err
	}
	status, err := a.revoke(ctx, callerOf(r), o, once.of(callerOf(r), body))
	return status, o, err
}

// revoke carries out an order.
func (a *admin) revoke(ctx context.Context, c caller, o order, once publisher.Once) (publisher.Status, error) {
	if err := c.permits(roleFor(o.kind), "revoke a "+o.kind.String()); err != nil {
		return publisher.Status{}, err
	}
	req, err := a.request(ctx, o)
	if err != nil {
		return publisher.Status{}, err
	}
	req.Operator = c.operator
	req.Once = once
	status, err := a.cfg.Revoker.Revoke(ctx, req)
	if wrong, ok := errors.AsType[*publisher.RequestError](err); ok && o.token != "" && (wrong.Field == "target" || wrong.Field == "expires_at") {
		// The target came from the token, so it is the token that is wrong.
		return status, unprocessable(ProblemInvalidField, "token", "The "+wrong.Field+" of the token "+wrong.Problem+".")
	}
	return status, err
}

// get serves GET /v1/revocations/{id}, with wait: until nodes have proven that
// they enforce it.
func (a *admin) get(w http.ResponseWriter, r *http.Request) {
	want, wait, err := waitQuery(r)
	var status publisher.Status
	if err == nil {
		status, err = a.find(r)
	}
	var proof *receipt
	if err == nil && !want.IsZero() {
		proof, err = a.enforcement(r.Context(), status, want, wait, false)
	}
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	shown, code := represent(status, callerOf(r).role), http.StatusOK
	if shown.Receipt = proof; proof != nil && !proof.Met {
		code = http.StatusAccepted
	}
	writeJSON(w, "application/json", code, shown)
}

// find returns the revocation that the path names.
func (a *admin) find(r *http.Request) (publisher.Status, error) {
	id, err := revocation.ParseActID(r.PathValue("id"))
	if err != nil {
		return publisher.Status{}, publisher.ErrNotFound
	}
	return a.cfg.Revoker.Get(r.Context(), id)
}

// lift serves DELETE /v1/revocations/{id}. The revocation stays known, with who
// lifted it and why.
func (a *admin) lift(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := detached(r)
	defer cancel()
	status, err := a.carryOutLift(ctx, r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	logFrom(r).Info().Stringer("act_id", status.Act.ID).Stringer("kind", status.Act.Target.Kind).Msg("lifted by an operator")
	writeJSON(w, "application/json", http.StatusOK, represent(status, callerOf(r).role))
}

func (a *admin) carryOutLift(ctx context.Context, r *http.Request) (publisher.Status, error) {
	q, err := readQuery(r, "reason")
	if err != nil {
		return publisher.Status{}, err
	}
	reason := q["reason"]
	if reason != "" {
		if detail := wrongText(reason); detail != "" {
			return publisher.Status{}, malformed("reason", detail)
		}
		if len(reason) > maxReason {
			return publisher.Status{}, malformed("reason", "The reason is longer than 512 bytes.")
		}
	}
	known, err := a.find(r)
	if err != nil {
		return publisher.Status{}, err
	}
	kind := known.Act.Target.Kind
	if err := callerOf(r).permits(roleFor(kind), "lift the revocation of a "+kind.String()); err != nil {
		return publisher.Status{}, err
	}
	lifted, err := a.cfg.Revoker.Lift(ctx, publisher.LiftRequest{
		Acts: []revocation.ActID{known.Act.ID}, Reason: reason, Operator: callerOf(r).operator,
	})
	if err != nil {
		return publisher.Status{}, err
	}
	return lifted[0], nil
}
