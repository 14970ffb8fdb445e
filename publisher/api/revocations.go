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
	status, err := a.createOne(ctx, w, r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	logFrom(r).Info().Stringer("act_id", status.Act.ID).Stringer("kind", status.Act.Target.Kind).Msg("revoked by an operator")
	w.Header().Set("Location", "/v1/revocations/"+status.Act.ID.String())
	writeJSON(w, "application/json", http.StatusCreated, represent(status, callerOf(r).role))
}

func (a *admin) createOne(ctx context.Context, w http.ResponseWriter, r *http.Request) (publisher.Status, error) {
	once, err := onceOf(r)
	if err != nil {
		return publisher.Status{}, err
	}
	body, err := readJSON(w, r)
	if err != nil {
		return publisher.Status{}, err
	}
	return a.revoke(ctx, callerOf(r), body, once)
}

// revoke carries out the request that body is.
func (a *admin) revoke(ctx context.Context, c caller, body []byte, once onceKey) (publisher.Status, error) {
	o, err := parseOrder(body)
	if err != nil {
		return publisher.Status{}, err
	}
	if err := c.permits(roleFor(o.kind), "revoke a "+o.kind.String()); err != nil {
		return publisher.Status{}, err
	}
	req, err := a.request(ctx, o)
	if err != nil {
		return publisher.Status{}, err
	}
	req.Operator = c.operator
	req.Once = once.of(c, body)
	status, err := a.cfg.Revoker.Revoke(ctx, req)
	if wrong, ok := errors.AsType[*publisher.RequestError](err); ok && o.token != "" && (wrong.Field == "target" || wrong.Field == "expires_at") {
		// The target came from the token, so it is the token that is wrong.
		return status, unprocessable(ProblemInvalidField, "token", "The "+wrong.Field+" of the token "+wrong.Problem+".")
	}
	return status, err
}

// get serves GET /v1/revocations/{id}.
func (a *admin) get(w http.ResponseWriter, r *http.Request) {
	status, err := a.find(r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	writeJSON(w, "application/json", http.StatusOK, represent(status, callerOf(r).role))
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
