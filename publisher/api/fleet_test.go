package api_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/publisher/audit"
	"github.com/seed-4e8dee1b/revoked/publisher/members"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// fakeFleet answers as told; it fails as its revoker does.
type fakeFleet struct {
	fake *fakeRevoker

	mu        sync.Mutex // guards the fields below
	questions []members.Question
	waits     []time.Duration
	receipt   members.Receipt
	removeErr error
	findings  []api.Finding
	awaitErr  error
	nodes     []members.Member // instead of two that never change
	act       []func(revocation.Act)
	leg       []func(revocation.ActID, publisher.Leg)
	stopped   int
}

// Watch implements api.Feed.
func (f *fakeFleet) Watch(act func(revocation.Act), leg func(revocation.ActID, publisher.Leg)) (func(), error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.act, f.leg = append(f.act, act), append(f.leg, leg)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.stopped++
	}, f.err()
}

func (f *fakeFleet) err() error {
	if f.fake == nil {
		return nil
	}
	f.fake.mu.Lock()
	defer f.fake.mu.Unlock()
	return f.fake.err
}

func (f *fakeFleet) Await(ctx context.Context, q members.Question, want members.Want) (members.Receipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.questions = append(f.questions, q)
	end, _ := ctx.Deadline()
	f.waits = append(f.waits, time.Until(end).Round(100*time.Millisecond))
	r := f.receipt
	r.Want = want
	return r, f.awaitErr
}

func (f *fakeFleet) Members() ([]members.Member, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.nodes != nil {
		return slices.Clone(f.nodes), f.err()
	}
	return []members.Member{
		{
			Service: "orders", Node: "n1", State: "live", Policy: "fail-closed", MaxStaleness: time.Minute, AsOf: moment,
			Sequence: 7, Epoch: "e", Acts: 2, ClockOffset: 1500 * time.Microsecond, WireVersion: 1, Started: moment, LastHeard: moment, LeaseEnds: moment,
		},
		{Service: "orders", Node: "n2", Silent: true, Unproven: true, Policy: "fail-open"},
	}, f.err()
}

func (f *fakeFleet) Remove(context.Context, string, string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return 1, cmp.Or(f.removeErr, f.err())
}

func (f *fakeFleet) Examine(context.Context) ([]api.Finding, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.findings, f.err()
}

// fakeAudit keeps entries; it can't be reached if told so.
type fakeAudit struct {
	fake *fakeRevoker

	mu      sync.Mutex // guards the fields below
	away    bool
	entries []audit.Entry
	queries []audit.Query
	page    audit.Page
}

func (f *fakeAudit) Record(_ context.Context, e audit.Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		return audit.ErrNotStored
	}
	f.entries = append(f.entries, e)
	return nil
}

func (f *fakeAudit) Note(e audit.Entry) bool { return f.Record(context.Background(), e) == nil }

func (f *fakeAudit) Read(_ context.Context, q audit.Query) (audit.Page, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queries = append(f.queries, q)
	if f.fake == nil {
		return f.page, nil
	}
	f.fake.mu.Lock()
	defer f.fake.mu.Unlock()
	return f.page, f.fake.err
}

// take returns the entries since the last call, without what differs each time.
func (f *fakeAudit) take() []audit.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.entries
	f.entries = nil
	return all
}

func met() members.Receipt {
	return members.Receipt{
		Met: true, Enforced: 3, Total: 3, Measured: true, P50: 2500 * time.Microsecond, P99: 8 * time.Millisecond,
		Services: []members.ServiceCount{{Service: "orders", Enforced: 3, Total: 3, Expected: 2}},
	}
}

func open() members.Receipt {
	return members.Receipt{
		Enforced: 2, Total: 3,
		Services:   []members.ServiceCount{{Service: "orders", Enforced: 2, Total: 3}},
		Stragglers: []members.Straggler{{Service: "orders", Node: "n3", Reason: members.ReasonSilent, LastHeard: moment}},
		Shortfalls: []members.Shortfall{members.ShortfallYoung},
	}
}

type receiptBody struct {
	Receipt *struct {
		Wait            string
		Met             bool
		Enforced, Total int
		P99             *float64 `json:"p99_ms"`
		Stragglers      []struct{ Node, Reason string }
		Shortfalls      []string
	}
}

func receiptIn(t *testing.T, a answer) receiptBody {
	t.Helper()
	var b receiptBody
	if err := json.Unmarshal([]byte(a.body), &b); err != nil || b.Receipt == nil {
		t.Fatalf("no receipt in %v: %v", a, err)
	}
	return b
}

func TestWaitForNodes(t *testing.T) {
	w := newWorld(t)
	w.fleet.receipt = met()
	a := w.post(`{"kind":"user","id":"sub-1","wait":"all"}`)
	b := receiptIn(t, a)
	if a.status != 201 || a.header.Get("Location") != "/v1/revocations/"+knownID || !b.Receipt.Met || *b.Receipt.P99 != 8 || b.Receipt.Wait != "all" {
		t.Errorf("answer %v", a)
	}
	q := w.fleet.questions[0]
	if !q.Fresh || q.Act.ID.String() != knownID || q.Sequence != 7 || !q.AcceptedAt.Equal(moment) || w.fleet.waits[0] != 10*time.Second {
		t.Errorf("asked %+v for %v", q, w.fleet.waits[0])
	}

	w.fleet.receipt = open()
	a = w.post(`{"kind":"user","id":"sub-1","wait":"majority","wait_timeout":"1.5s"}`)
	b = receiptIn(t, a)
	if a.status != 202 || a.header.Get("Location") != "/v1/revocations/"+knownID+"?wait=majority" || b.Receipt.Met || b.Receipt.P99 != nil ||
		b.Receipt.Stragglers[0].Reason != "silent" || b.Receipt.Shortfalls[0] != "listening" || w.fleet.waits[1] != 1500*time.Millisecond {
		t.Errorf("answer %v after %v", a, w.fleet.waits[1])
	}

	// Nodes that can't be asked take nothing from the revocation.
	w.fleet.awaitErr = errors.New("no fleet")
	if a := w.post(`{"kind":"user","id":"sub-1","wait":"3"}`); a.status != 202 || strings.Contains(a.body, "receipt") {
		t.Errorf("answer %v", a)
	}
	if a := w.post(userByID); a.status != 201 || strings.Contains(a.body, "receipt") || len(w.fleet.questions) != 3 {
		t.Errorf("without wait: %v, %d questions", a, len(w.fleet.questions))
	}
}

func TestWaitIsRefusedBeforeAnythingIsDone(t *testing.T) {
	w := newWorld(t)
	for body, field := range map[string]string{
		`"wait":"some"`: "wait", `"wait":"0"`: "wait", `"wait":"-1"`: "wait",
		`"wait_timeout":"1s"`: "wait_timeout", `"wait":"all","wait_timeout":"11s"`: "wait_timeout", `"wait":"all","wait_timeout":"1"`: "wait_timeout",
	} {
		w.post(`{"kind":"user","id":"sub-1",`+body+`}`).wantProblem(t, 422, api.ProblemInvalidField, field)
	}
	if a := w.batch(`{"kind":"user","id":"sub-1","wait":"all"}`); !strings.Contains(a.body, `"field":"wait"`) {
		t.Errorf("a line that waits: %v", a)
	}
	w.fake.quiet(t)
}

func TestGetWaits(t *testing.T) {
	w := newWorld(t)
	s := w.fake.status(revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: "sub-1"})
	w.fake.found = []publisher.Status{s}
	w.fleet.receipt = open()
	path := "/v1/revocations/" + knownID
	if a := w.get(path + "?wait=2&timeout=30s"); a.status != 202 || receiptIn(t, a).Receipt.Wait != "2" || w.fleet.waits[0] != 30*time.Second || w.fleet.questions[0].Fresh {
		t.Errorf("answer %v after %v", a, w.fleet.waits)
	}
	w.fleet.receipt = met()
	if a := w.get(path + "?wait=all"); a.status != 200 || !receiptIn(t, a).Receipt.Met {
		t.Errorf("answer %v", a)
	}
	for query, field := range map[string]string{
		"wait=x": "wait", "timeout=1s": "timeout", "wait=all&timeout=31s": "timeout", "wait=all&timeout=x": "timeout", "wait=all&wait=1": "wait",
	} {
		w.get(path+"?"+query).wantProblem(t, 400, api.ProblemMalformed, field)
	}
	s.Act.State = revocation.StateLifted
	w.fake.found = []publisher.Status{s}
	w.get(path+"?wait=all").wantProblem(t, 422, api.ProblemInvalidField, "wait")
	s.Act.State, s.Act.ExpiresAt = revocation.StateOpen, 1
	w.fake.found = []publisher.Status{s}
	w.get(path+"?wait=all").wantProblem(t, 422, api.ProblemInvalidField, "wait")
}

func TestNodes(t *testing.T) {
	w := newWorld(t)
	a := w.get("/v1/nodes", bearer(keyOfViewer))
	if a.status != 200 || !strings.Contains(a.body, `"clock_offset_ms":1.5`) || !strings.Contains(a.body, `"unproven":true`) {
		t.Errorf("nodes: %v", a)
	}
	w.get("/v1/nodes?x=1").wantProblem(t, 400, api.ProblemMalformed, "")
	w.lift("/v1/nodes/orders/n2", bearer(keyOfOperator)).wantProblem(t, 403, api.ProblemForbidden, "")
	if a := w.lift("/v1/nodes/orders/n2"); a.status != 200 || a.body != "{\"removed\":1}\n" {
		t.Errorf("remove: %v", a)
	}
	w.fleet.removeErr = members.ErrUnknownNode
	w.lift("/v1/nodes/orders/n3").wantProblem(t, 404, api.ProblemNotFound, "")
	w.fleet.removeErr = members.ErrNotSilent
	w.lift("/v1/nodes/orders/n1").wantProblem(t, 409, api.ProblemNotSilent, "")
}

func TestDoctor(t *testing.T) {
	w := newWorld(t)
	w.fleet.findings = []api.Finding{{Grade: "ok", Topic: "a", Found: "b"}, {Grade: "unknown", Topic: "a", Found: "b", Fix: "c"}}
	if a := w.get("/v1/doctor"); !strings.Contains(a.body, `"healthy":true`) {
		t.Errorf("healthy: %v", a)
	}
	w.fleet.findings = append(w.fleet.findings, api.Finding{Grade: "fail", Topic: "a", Found: "b", Fix: "c"})
	if a := w.get("/v1/doctor"); !strings.Contains(a.body, `"healthy":false`) {
		t.Errorf("unhealthy: %v", a)
	}
	w.get("/v1/doctor?x=1").wantProblem(t, 400, api.ProblemMalformed, "")
	w.get("/v1/doctor", bearer(keyOfOperator)).wantProblem(t, 403, api.ProblemForbidden, "")
}

// entryLine is an entry in one line.
func entryLine(e audit.Entry) string {
	return strings.Join([]string{e.Operation, string(e.Outcome), e.Actor, e.Role, e.Kind, e.Target, e.Problem, e.Reason}, "|")
}

func TestEveryOperationLeavesATrace(t *testing.T) {
	w := newWorld(t)
	w.fake.found = []publisher.Status{w.fake.status(revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: "sub-1"})}
	check := func(what string, want ...string) {
		t.Helper()
		var got []string
		for _, e := range w.audit.take() {
			if e.From != "192.0.2.1" || e.Request == "" {
				t.Errorf("%s: from %q, request %q", what, e.From, e.Request)
			}
			got = append(got, entryLine(e))
		}
		if what == "batch" { // its lines are carried out at once
			slices.Sort(got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s leaves\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	w.post(`{"kind":"user","id":"sub-1","reason":"laptop stolen"}`)
	check("revoke", "revoke|accepted|ci|admin|user|sub-1||laptop stolen")
	w.batch(`{"kind":"user","id":"sub-1"}` + "\n" + `{"kind":"x"}`)
	check("batch", "revoke|accepted|ci|admin|user|sub-1||", "revoke|refused|ci|admin|||/problems/unknown_kind|")
	w.batch(`{"kind":"client","id":"c"}`, bearer(keyOfOperator))
	check("role, in a batch", "revoke|refused|oncall|operator|||/problems/forbidden|")
	w.post(`{"kind":"client","id":"c"}`, bearer(keyOfOperator))
	check("role", "revoke|refused|oncall|operator|||/problems/forbidden|")
	w.post(`{"kind":"x"}`)
	check("nonsense", "revoke|refused|ci|admin|||/problems/unknown_kind|")
	w.post(userByID, header("Authorization"))
	check("stranger", "revoke|refused|||||/problems/unauthorized|")
	w.lift("/v1/revocations/" + knownID + "?reason=mistake")
	check("lift", "lift|intended|ci|admin||||mistake", "lift|accepted|ci|admin|user|sub-1||mistake")
	w.lift("/v1/nodes/orders/n2")
	check("remove", "remove_node|intended|ci|admin||orders/n2||", "remove_node|accepted|ci|admin||orders/n2||")
	w.get("/v1/audit")
	check("read", "read_audit|accepted|ci|admin||||")
	w.get("/v1/revocations")
	w.get("/v1/nodes")
	check("reading what is no secret")
	w.fake.err = &publisher.NotDurableError{Act: revocation.ActID{1}, Cause: errBroken}
	w.post(userByID)
	check("not durable", "revoke|failed|ci|admin|user|sub-1|/problems/not_durable|")
}

// What weakens protection is not done without a record of it; what adds
// protection is.
func TestAuditThatIsAway(t *testing.T) {
	w := newWorld(t)
	w.fake.found = []publisher.Status{w.fake.status(revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: "sub-1"})}
	w.audit.away = true
	w.lift("/v1/revocations/"+knownID).wantProblem(t, 503, api.ProblemUnavailable, "")
	w.lift("/v1/nodes/orders/n2").wantProblem(t, 503, api.ProblemUnavailable, "")
	w.get("/v1/audit").wantProblem(t, 503, api.ProblemUnavailable, "")
	w.fake.quiet(t)
	if a := w.post(userByID); a.status != 201 {
		t.Errorf("revoke while the audit is away: %v", a)
	}
}

// Refusals are cheap to cause, so they do not fill the audit.
func TestRefusalsAreBounded(t *testing.T) {
	w := newWorld(t)
	for range 1000 {
		w.post(userByID, header("Authorization"))
	}
	if n := len(w.audit.take()); n < 100 || n > 400 {
		t.Errorf("%d entries for 1000 refusals", n)
	}
	// Noise without a key hides nothing that is done with one.
	w.post(`{"kind":"client","id":"c"}`, bearer(keyOfOperator))
	if got := w.audit.take(); len(got) != 1 || got[0].Actor != "oncall" {
		t.Errorf("a refusal of an operator amid others leaves %+v", got)
	}
}

func TestReadAudit(t *testing.T) {
	w := newWorld(t)
	w.audit.page = audit.Page{Next: 41, Entries: []audit.Found{{Sequence: 42, Entry: audit.Entry{
		ID: "i", Time: moment, Replica: "r1", Actor: "ci", Role: "admin", From: "192.0.2.1", Request: "q", Operation: "revoke",
		Outcome: audit.Accepted, Act: knownID, Kind: "user", Pool: pool, Target: "sub-1", Reason: "why", Problem: "p",
	}}}}
	a := w.get("/v1/audit?actor=ci&operation=revoke&outcome=accepted&act=a&target=t&since=2030-01-02T00:00:00Z&until=2030-01-03T00:00:00Z&before=50&limit=7")
	if a.status != http.StatusOK || !strings.Contains(a.body, `"sequence":42,"id":"i"`) || !strings.Contains(a.body, `"next":"41"`) {
		t.Errorf("answer %v", a)
	}
	q := w.audit.queries[0]
	if q.Actor != "ci" || q.Operation != "revoke" || q.Outcome != audit.Accepted || q.Act != "a" || q.Target != "t" ||
		q.Since.Day() != 2 || q.Until.Day() != 3 || q.Before != 50 || q.Limit != 7 {
		t.Errorf("query %+v", q)
	}
	for query, field := range map[string]string{
		"x=1": "", "outcome=x": "outcome", "since=x": "since", "until=x": "until", "before=0": "before", "before=x": "before", "limit=0": "limit", "limit=1001": "limit",
	} {
		w.get("/v1/audit?"+query).wantProblem(t, 400, api.ProblemMalformed, field)
	}
}
