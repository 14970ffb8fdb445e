package api

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	defaultLimit = 50
	maxLimit     = 500
)

// list serves GET /v1/revocations.
func (a *admin) list(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	limit := q.Limit
	q.Limit++ // one more tells whether there are more
	found, err := a.cfg.Revoker.List(r.Context(), q)
	if errors.Is(err, publisher.ErrNotFound) {
		err = malformed("after", "There is no such revocation any more: begin the list anew.")
	}
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	page := struct {
		Revocations []representation `json:"revocations"`
		// Next is the after of the next page; absent on the last.
		Next string `json:"next,omitempty"`
	}{Revocations: []representation{}}
	if len(found) > limit {
		found = found[:limit]
		page.Next = found[limit-1].Act.ID.String()
	}
	for _, s := range found {
		page.Revocations = append(page.Revocations, represent(s, callerOf(r).role))
	}
	writeJSON(w, "application/json", http.StatusOK, page)
}

func parseQuery(r *http.Request) (publisher.Query, error) {
	given, err := readQuery(r, "kind", "pool", "id", "state", "after", "limit")
	if err != nil {
		return publisher.Query{}, err
	}
	q := publisher.Query{Pool: given["pool"], Limit: defaultLimit}
	if name := given["kind"]; name != "" {
		if q.Kind, err = revocation.ParseKind(name); err != nil {
			return q, malformed("kind", "The kind is one of "+kindNames()+".")
		}
	}
	if id := given["id"]; id != "" {
		q.IDs = []string{id}
	}
	if name := given["state"]; name != "" {
		if q.State, err = parseState(name); err != nil {
			return q, err
		}
	}
	if after := given["after"]; after != "" {
		if q.After, err = revocation.ParseActID(after); err != nil {
			return q, malformed("after", "It is not the id of a revocation.")
		}
	}
	if text := given["limit"]; text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 || q.Limit > maxLimit {
			return q, malformed("limit", "The limit is not a number from 1 to 500.")
		}
	}
	return q, nil
}

func parseState(name string) (revocation.State, error) {
	for s := revocation.StateOpen; s.Valid(); s++ {
		if s.String() == name {
			return s, nil
		}
	}
	return 0, malformed("state", "The state is one of open, confirmed, lifted.")
}

// readQuery returns the parameters of the URL, each of which must be one of
// names and there once: a filter that nobody applies is worse than an error.
func readQuery(r *http.Request, names ...string) (map[string]string, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, malformed("", "The query of the URL is malformed.")
	}
	given := make(map[string]string, len(names))
	for name, v := range values {
		if !slices.Contains(names, name) {
			return nil, malformed("", "The URL has an unknown parameter. Parameters are "+strings.Join(names, ", ")+".")
		}
		if len(v) > 1 || v[0] == "" {
			return nil, malformed(name, "The parameter is repeated or empty.")
		}
		given[name] = v[0]
	}
	return given, nil
}
