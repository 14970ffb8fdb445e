package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// described is openapi.yaml. Every answer of every test of this package is held
// against it, and at the end everything in it must have been seen.
var described = loadDescription()

type description struct {
	doc *openapi3.T

	mu       sync.Mutex // guards the fields below
	seen     map[string]bool
	breaches []string
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, breach := range described.breaches {
		fmt.Println("openapi.yaml:", breach)
		code = 1
	}
	// Only a run of everything can have seen everything.
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == "" &&
		flag.Lookup("test.list").Value.String() == "" && flag.Lookup("test.fuzz").Value.String() == ""
	if code == 0 && whole {
		for _, outcome := range described.outcomes() {
			if !described.seen[outcome] {
				fmt.Println("openapi.yaml: no test has seen", outcome)
				code = 1
			}
		}
	}
	os.Exit(code) //nolint:forbidigo // TestMain is a main
}

func loadDescription() *description {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		panic(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		panic(err)
	}
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.PlainBodyDecoder)
	openapi3filter.RegisterBodyDecoder("text/event-stream", openapi3filter.PlainBodyDecoder)
	openapi3filter.RegisterBodyDecoder("application/yaml", openapi3filter.PlainBodyDecoder)
	return &description{doc: doc, seen: make(map[string]bool)}
}

// outcomes lists everything that the description says can happen, as
// "operation status" or, for errors, "operation status type".
func (d *description) outcomes() []string {
	var all []string
	for _, item := range d.doc.Paths.Map() {
		for _, op := range item.Operations() {
			for status, resp := range op.Responses.Map() {
				types := []string{""}
				for _, content := range resp.Value.Content {
					if named := errorTypes(content.Schema.Value); len(named) > 0 {
						types = named
					}
				}
				for _, t := range types {
					all = append(all, strings.TrimSpace(op.OperationID+" "+status+" "+t))
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

// errorTypes are the values of type or error that one response may have: those
// of the alternatives, each of which narrows the common schema down.
func errorTypes(s *openapi3.Schema) []string {
	var types []string
	for _, ref := range slices.Concat(s.OneOf, s.AllOf) {
		if ref.Ref != "" {
			continue // the common schema, with all of them
		}
		types = append(types, errorTypes(ref.Value)...)
		for _, name := range []string{"type", "error"} {
			if prop := ref.Value.Properties[name]; prop != nil {
				for _, v := range prop.Value.Enum {
					types = append(types, v.(string))
				}
			}
		}
	}
	return types
}

// find returns the operation of a request. Without one, but with a path, the
// operation is any of that path's.
func (d *description) find(method, path string) (*routers.Route, map[string]string) {
	for template, item := range d.doc.Paths.Map() {
		params, ok := matchPath(template, path)
		if !ok {
			continue
		}
		ops := item.Operations()
		if op := ops[method]; op != nil {
			return &routers.Route{Spec: d.doc, Path: template, PathItem: item, Method: method, Operation: op}, params
		}
		for _, m := range slices.Sorted(maps.Keys(ops)) {
			if ops[m].Responses.Value("405") != nil {
				return &routers.Route{Spec: d.doc, Path: template, PathItem: item, Method: m, Operation: ops[m]}, params
			}
		}
	}
	return nil, nil
}

func matchPath(template, path string) (map[string]string, bool) {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	params := make(map[string]string)
	for i := range want {
		if name, ok := strings.CutPrefix(want[i], "{"); ok && got[i] != "" {
			params[strings.TrimSuffix(name, "}")] = got[i]
		} else if want[i] != got[i] {
			return nil, false
		}
	}
	return params, true
}

// observe checks one exchange.
func (d *description) observe(r *http.Request, sent []byte, a answer) {
	if err := d.check(r, sent, a); err != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.breaches = append(d.breaches, fmt.Sprintf("%s %s = %v: %v", r.Method, r.URL.Path, a, err))
	}
}

func (d *description) check(r *http.Request, sent []byte, a answer) error {
	var kind struct{ Type, Error string }
	mayBeError := json.Unmarshal([]byte(a.body), &kind) == nil && a.status >= 400
	route, params := d.find(r.Method, r.URL.Path)
	switch {
	case a.status == http.StatusNotFound && strings.HasPrefix(a.header.Get("Content-Type"), "text/plain"):
		return nil // the listener for apps does not have it, whatever the other has
	case route == nil:
		// What is not described does not exist; to strangers nothing does.
		if a.status != http.StatusNotFound && a.status != http.StatusUnauthorized {
			return fmt.Errorf("no such path is described")
		}
		return nil
	case r.Method == http.MethodHead:
		return nil
	case route.Method != r.Method && a.status != http.StatusMethodNotAllowed && a.status != http.StatusUnauthorized:
		return fmt.Errorf("no such method is described")
	}
	req := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true,
		},
	}
	if a.status < 300 {
		// What is carried out must be described as something that one may ask for.
		r.Body = io.NopCloser(bytes.NewReader(sent))
		if err := openapi3filter.ValidateRequest(context.Background(), req); err != nil && !oddSpelling(r) {
			return fmt.Errorf("the request: %w", err)
		}
	}
	resp := &openapi3filter.ResponseValidationInput{RequestValidationInput: req, Status: a.status, Header: a.header, Options: req.Options}
	if err := openapi3filter.ValidateResponse(context.Background(), resp.SetBodyBytes([]byte(a.body))); err != nil {
		return err
	}
	if a.header.Get("Content-Type") == "application/x-ndjson" {
		if err := d.checkLines(a.body); err != nil {
			return err
		}
	}
	if a.header.Get("Content-Type") == "text/event-stream" {
		if err := d.checkEvents(a.body); err != nil {
			return err
		}
	}
	outcome := fmt.Sprintf("%s %d", route.Operation.OperationID, a.status)
	if mayBeError {
		outcome = strings.TrimSpace(outcome + " " + kind.Type + kind.Error)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[outcome] = true
	if route.Method != r.Method {
		// The answer to another method stands with each operation of the path.
		for _, op := range route.PathItem.Operations() {
			d.seen[strings.Replace(outcome, route.Operation.OperationID, op.OperationID, 1)] = true
		}
	}
	return nil
}

// oddSpelling lets pass what HTTP allows and the validator does not know: a
// media type in capitals.
func oddSpelling(r *http.Request) bool {
	return r.Header.Get("Content-Type") != strings.ToLower(r.Header.Get("Content-Type"))
}

// checkLines checks the answer to a batch, which has a document on each line.
func (d *description) checkLines(body string) error {
	schema := d.doc.Components.Schemas["LineResult"].Value
	checked := 0
	for text := range strings.Lines(body) {
		if checked++; checked > 200 {
			break // the rest of a long batch is of the same make
		}
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return fmt.Errorf("line %q: %w", text, err)
		}
		if err := schema.VisitJSON(v, openapi3.VisitAsResponse()); err != nil {
			return fmt.Errorf("line %q: %w", text, err)
		}
	}
	return nil
}

// checkEvents checks the data of every event.
func (d *description) checkEvents(body string) error {
	schema := d.doc.Components.Schemas["Event"].Value
	for line := range strings.Lines(body) {
		text, found := strings.CutPrefix(line, "data: ")
		if !found {
			continue
		}
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return fmt.Errorf("event %q: %w", text, err)
		}
		if err := schema.VisitJSON(v, openapi3.VisitAsResponse()); err != nil {
			return fmt.Errorf("event %q: %w", text, err)
		}
	}
	return nil
}

func TestDescriptionIsValid(t *testing.T) {
	if err := described.doc.Validate(context.Background()); err != nil {
		t.Error(err)
	}
	if got := described.doc.OpenAPI; got != "3.0.3" {
		t.Errorf("openapi: %s, want 3.0.3", got)
	}
}

// What is served is the file, and to everybody.
func TestDescriptionIsServed(t *testing.T) {
	w := newWorld(t)
	want, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a := w.get("/openapi.yaml", header("Authorization"))
	if a.status != http.StatusOK || a.body != string(want) || a.header.Get("Content-Type") != "application/yaml" {
		t.Errorf("GET /openapi.yaml = %d with %v, want the file", a.status, a.header)
	}
}

// A handler that answers something else is found out.
func TestBreachesAreNoticed(t *testing.T) {
	problem := func(kind string, status int) answer {
		return answer{status, http.Header{
			"Content-Type": {"application/problem+json"}, "X-Request-Id": {"a"}, "Cache-Control": {"no-store"},
		}, fmt.Sprintf(`{"type":%q,"title":"t","status":%d,"detail":"d"}`, kind, status)}
	}
	with := func(a answer, name, value string) answer {
		a.header = a.header.Clone()
		a.header.Set(name, value)
		return a
	}
	for name, a := range map[string]answer{
		"a status":                  problem(api.ProblemNotFound, 418),
		"a type":                    problem("/problems/other", 404),
		"a type of another status":  problem(api.ProblemNotFound, 401),
		"no WWW-Authenticate":       problem(api.ProblemUnauthorized, 401),
		"no Retry-After":            problem(api.ProblemUnavailable, 503),
		"Retry-After without value": with(problem(api.ProblemUnavailable, 503), "Retry-After", "0"),
		"another media type":        with(problem(api.ProblemNotFound, 404), "Content-Type", "application/json"),
		"another cache":             with(problem(api.ProblemNotFound, 404), "Cache-Control", "max-age=1"),
		"an unknown member":         {200, problem("", 0).header, `{"id":"00000000000000000000000000000000","new":1}`},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/revocations/0", nil)
		if err := described.check(r, nil, a); err == nil {
			t.Errorf("%s: no breach is noticed", name)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPatch, "/v1/revocations/0", nil)
	if err := described.check(r, nil, problem(api.ProblemNotFound, 404)); err == nil {
		t.Error("a method: no breach is noticed")
	}
}

// operations are calls that succeed, one for each operation of the admin
// listener that needs a caller.
var operations = map[string]func(w *world, edit ...func(*http.Request)) answer{
	"revoke": func(w *world, edit ...func(*http.Request)) answer { return w.post(userByID, edit...) },
	"list":   func(w *world, edit ...func(*http.Request)) answer { return w.get("/v1/revocations", edit...) },
	"get":    func(w *world, edit ...func(*http.Request)) answer { return w.get("/v1/revocations/"+knownID, edit...) },
	"lift":   func(w *world, edit ...func(*http.Request)) answer { return w.lift("/v1/revocations/"+knownID, edit...) },
	"explain": func(w *world, edit ...func(*http.Request)) answer {
		return w.explain(`{"token":"`+access+`"}`, edit...)
	},
	"nodes":  func(w *world, edit ...func(*http.Request)) answer { return w.get("/v1/nodes", edit...) },
	"remove": func(w *world, edit ...func(*http.Request)) answer { return w.lift("/v1/nodes/orders/n1", edit...) },
	"audit":  func(w *world, edit ...func(*http.Request)) answer { return w.get("/v1/audit", edit...) },
	"events": func(w *world, edit ...func(*http.Request)) answer {
		// The client has gone once it was told what is there.
		gone, leave := context.WithCancel(context.Background())
		leave()
		return w.get("/v1/events", append(edit, func(r *http.Request) { *r = *r.WithContext(gone) })...)
	},
	"doctor": func(w *world, edit ...func(*http.Request)) answer { return w.get("/v1/doctor", edit...) },
}

var knownID = (revocation.ActID{1, 2, 3}).String()

// Whatever can go wrong with every operation, does.
func TestEveryOperation(t *testing.T) {
	for name, call := range operations {
		world := func(edit func(*api.AdminConfig)) *world {
			w := newAdminWorld(t, edit)
			w.fake.found = []publisher.Status{w.fake.status(revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: "sub-1"})}
			return w
		}
		same := func(*api.AdminConfig) {}
		t.Run(name, func(t *testing.T) {
			if a := call(world(same)); a.status >= 300 {
				t.Errorf("answer = %v, want success", a)
			}
			call(world(same), header("Authorization")).wantProblem(t, 401, api.ProblemUnauthorized, "")
			call(world(same), bearer("nogroup.of.console")).wantProblem(t, 403, api.ProblemForbidden, "")
			anybody := world(func(c *api.AdminConfig) { c.Keys, c.Grants, c.InsecureNoAuth = nil, nil, true })
			call(anybody).wantProblem(t, 403, api.ProblemForbiddenHost, "")
			busy := world(func(c *api.AdminConfig) { c.RateLimit = 1e-6 })
			call(busy)
			call(busy).wantProblem(t, 429, api.ProblemRateLimited, "")
			for _, tt := range []struct {
				err    error
				status int
				kind   string
			}{
				{errBroken, 500, api.ProblemInternal},
				{fmt.Errorf("%w: starting", api.ErrUnavailable), 503, api.ProblemUnavailable},
			} {
				w := world(same)
				w.fake.err = tt.err
				a := call(w)
				a.wantProblem(t, tt.status, tt.kind, "")
				if strings.Contains(a.body, tt.err.Error()) {
					t.Errorf("the answer shows the cause: %s", a.body)
				}
			}
		})
	}
}

func TestOtherMethods(t *testing.T) {
	w := newWorld(t)
	for path, allow := range map[string]string{
		"/v1/revocations": "GET, HEAD, POST", "/v1/revocations/" + knownID: "DELETE, GET, HEAD", "/v1/explain": "POST", "/openapi.yaml": "GET, HEAD",
		"/v1/nodes": "GET, HEAD", "/v1/nodes/orders/n1": "DELETE", "/v1/events": "GET, HEAD", "/v1/audit": "GET, HEAD", "/v1/doctor": "GET, HEAD",
	} {
		a := w.asOperator(httptest.NewRequestWithContext(t.Context(), http.MethodPut, path, nil))
		a.wantProblem(t, http.StatusMethodNotAllowed, api.ProblemMethod, "")
		if got := a.header.Get("Allow"); got != allow {
			t.Errorf("PUT %s: Allow = %q, want %q", path, got, allow)
		}
	}
}

// The file has every problem type of the code.
func TestEveryProblemIsDescribed(t *testing.T) {
	source, err := os.ReadFile("problem.go")
	if err != nil {
		t.Fatal(err)
	}
	var inFile []string
	for _, v := range described.doc.Components.Schemas["Problem"].Value.Properties["type"].Value.Enum {
		inFile = append(inFile, v.(string))
	}
	inCode := problemTypes.FindAllStringSubmatch(string(source), -1)
	if len(inCode) != len(inFile) {
		t.Errorf("problem.go has %d types, openapi.yaml %d", len(inCode), len(inFile))
	}
	for _, m := range inCode {
		if !slices.Contains(inFile, m[1]) {
			t.Errorf("openapi.yaml lacks %s", m[1])
		}
	}
}
