package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	testKey = "key-of-the-tests"
	knownID = "000102030405060708090a0b0c0d0e0f"
)

// fakeService answers as the revoke service would, or with what a script told it,
// and writes down what it was asked. A request that breaks the contract gets
// 400, whatever the script told.
type fakeService struct {
	mu       sync.Mutex
	answers  [][]byte // told by the script, the next first; nil hangs
	requests []string
}

func (s *fakeService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.URL, body)))
	var told []byte
	scripted := len(s.answers) > 0
	if scripted {
		told, s.answers = s.answers[0], s.answers[1:]
	}
	s.mu.Unlock()

	switch breach := breach(r, body); {
	case breach != "":
		problem(w, http.StatusBadRequest, "Contract", breach)
	case scripted && told == nil:
		<-r.Context().Done()
	case scripted:
		replay(w, r, told)
	case r.Header.Get("Authorization") != "Bearer "+testKey:
		problem(w, http.StatusUnauthorized, "Unauthorized", "unknown API key")
	case r.Method == http.MethodPost:
		w.Header().Set("Location", "/v1/revocations/"+knownID)
		answer(w, http.StatusCreated, describe(body))
	case r.URL.Path == "/v1/revocations":
		answer(w, http.StatusOK, fmt.Sprintf(`{"revocations":[%s,%s]}`, confirmedSession, openUser))
	case r.URL.Path == "/v1/revocations/"+knownID:
		answer(w, http.StatusOK, openUser)
	default:
		problem(w, http.StatusNotFound, "Not Found", "no such revocation")
	}
}

// breach says how a request breaks the contract.
func breach(r *http.Request, body []byte) string {
	key, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !bearer || key == "" || len(r.Header.Values("Authorization")) != 1:
		return "no bearer token"
	case !strings.HasPrefix(r.UserAgent(), "revokectl/"):
		return "User-Agent " + r.UserAgent()
	case r.Header.Get("Cookie") != "":
		return "cookies"
	case strings.HasPrefix(r.URL.Path, "/v1/nodes"), r.URL.Path == "/v1/audit", r.URL.Path == "/v1/doctor", r.URL.Path == "/v1/events":
		return breachOfFleet(r, body)
	case !strings.HasPrefix(r.URL.Path, "/v1/revocations"):
		return "path " + r.URL.Path
	case r.Method == http.MethodGet:
		return breachOfRead(r, body)
	case r.Method != http.MethodPost || r.URL.RequestURI() != "/v1/revocations":
		return "no such operation"
	case r.Header.Get("Content-Type") != "application/json":
		return "Content-Type " + r.Header.Get("Content-Type")
	}
	return breachOfRevoke(body)
}

// breachOfFleet is about nodes, events, audit and doctor.
func breachOfFleet(r *http.Request, body []byte) string {
	switch {
	case len(body) > 0:
		return "a body"
	case r.Method == http.MethodDelete && strings.HasPrefix(r.URL.Path, "/v1/nodes/") && r.URL.RawQuery == "":
		return ""
	case r.Method != http.MethodGet || r.URL.Path != "/v1/audit" && r.URL.RawQuery != "":
		return "no such operation"
	}
	for name, values := range r.URL.Query() {
		known := []string{"actor", "operation", "outcome", "act", "target", "since", "until", "before", "limit"}
		if !slices.Contains(known, name) || len(values) != 1 || values[0] == "" {
			return "query " + r.URL.RawQuery
		}
	}
	return ""
}

func breachOfRead(r *http.Request, body []byte) string {
	for name, values := range r.URL.Query() {
		if _, err := time.ParseDuration(values[0]); name == "wait" && values[0] != "" || name == "timeout" && err == nil {
			continue
		}
		limit, err := strconv.Atoi(values[0])
		if name != "limit" || len(values) != 1 || err != nil || limit < 1 {
			return "query " + r.URL.RawQuery
		}
	}
	if len(body) > 0 || r.Header.Get("Content-Type") != "" {
		return "GET with a body"
	}
	return ""
}

func breachOfRevoke(body []byte) string {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	var req struct {
		Kind, Pool, ID, Token, Cognito, Reason *string
		ExpiresAt                              *string `json:"expires_at"`
		KeepUntil                              *string `json:"keep_until"`
		Wait                                   *string
		WaitTimeout                            *string `json:"wait_timeout"`
	}
	if err := dec.Decode(&req); err != nil {
		return err.Error()
	}
	if req.ExpiresAt != nil {
		at, err := time.Parse(time.RFC3339, *req.ExpiresAt)
		if err != nil || at.Location() != time.UTC {
			return "expires_at " + *req.ExpiresAt
		}
	}
	switch {
	case req.Kind == nil || *req.Kind != "token" && *req.Kind != "session" && *req.Kind != "user":
		return "kind"
	case (req.ID == nil) == (req.Token == nil):
		return "id and token"
	case req.Cognito != nil && *req.Cognito != "skip":
		return "cognito"
	}
	for _, s := range []*string{req.Pool, req.ID, req.Token, req.Reason} {
		if s != nil && *s == "" {
			return "empty field"
		}
	}
	return ""
}

const openUser = `{"id":"` + knownID + `","kind":"user","pool":"eu-west-1_AbC123","target":"sub-1","state":"open",` +
	`"accepted_at":"2026-11-24T08:00:00Z","cutoff":"2026-11-24T08:00:01Z","not_before":"2026-11-24T08:00:02Z",` +
	`"expires_at":"2026-11-26T08:00:00Z","standing_until":"2026-11-26T08:00:00Z",` +
	`"denied":{"sequence":42,"at":"2026-11-24T08:00:00.123Z"},` +
	`"cognito":{"state":"pending","attempts":2,"next_try":"2026-11-24T08:00:03Z","code":"TooManyRequestsException"},` +
	`"reason":"laptop stolen","operator":"alice","new_field":1}`

const confirmedSession = `{"id":"f0e0d0c0b0a090807060504030201000","kind":"session","pool":"eu-west-1_AbC123",` +
	`"target":"origin-1","state":"confirmed","accepted_at":"2026-11-24T09:00:00Z","expires_at":"2026-11-25T09:00:01Z",` +
	`"denied":{"sequence":57,"at":"2026-11-24T09:00:00Z"},"cognito":{"state":"done","attempts":1,"done_at":"2026-11-24T09:00:01Z"}}`

// describe answers a request to revoke.
func describe(body []byte) string {
	var req struct{ Kind, ID, Token, Cognito string }
	if err := json.Unmarshal(body, &req); err != nil {
		return ""
	}
	if req.Kind == "user" {
		return openUser
	}
	target := req.ID
	if req.Token != "" {
		target = "of-the-token"
	}
	leg, state := `"not_applicable"`, "open"
	if req.Cognito == "skip" {
		state = "confirmed"
	}
	return fmt.Sprintf(`{"id":%q,"kind":%q,"pool":"eu-west-1_AbC123","target":%q,"state":%q,`+
		`"accepted_at":"2026-11-24T08:00:00Z","expires_at":"2026-12-24T08:00:00Z","standing_until":"2026-12-24T08:00:00Z",`+
		`"denied":{"sequence":43,"at":"2026-11-24T08:00:00Z"},"cognito":{"state":%s}}`, knownID, req.Kind, target, state, leg)
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

func problem(w http.ResponseWriter, status int, title, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": title, "status": status, "detail": detail})
}

// replay sends an answer that a script wrote down. $SELF in it is the address
// of the server.
func replay(w http.ResponseWriter, r *http.Request, told []byte) {
	told = bytes.ReplaceAll(told, []byte("$SELF"), []byte("http://"+r.Host))
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(told)), r)
	if err != nil {
		problem(w, http.StatusBadRequest, "Script", err.Error())
		return
	}
	defer resp.Body.Close()
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	io.Copy(w, resp.Body)
}
