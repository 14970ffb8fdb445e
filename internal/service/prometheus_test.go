package service_test

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// prometheus is a real one, which runs until the test ends.
type prometheus struct {
	t   *testing.T
	url string
}

// series is what a query returns of one.
type series struct {
	labels map[string]string
	points []point
}

type point struct {
	at    time.Time
	value float64
}

// scrapeEvery is how often it scrapes and judges the rules.
const scrapeEvery = 500 * time.Millisecond

// runPrometheus scrapes one target, as a replica of the service, and has files
// of rules by name.
func runPrometheus(t *testing.T, target string, rules map[string][]byte) *prometheus {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range rules {
		write(name, text)
	}
	write("prometheus.yml", []byte(`
global: {scrape_interval: `+scrapeEvery.String()+`, evaluation_interval: `+scrapeEvery.String()+`}
rule_files: ["*.rules.yml"]
scrape_configs: [{job_name: revoked, static_configs: [{targets: ["`+target+`"]}]}]
`))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	p := &prometheus{t: t}
	listening := regexp.MustCompile(`msg="Listening on" address=(\S+)`)
	waitFor(t, "Prometheus to listen", func() bool {
		text, err := os.ReadFile(log.Name())
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-ended:
			t.Fatalf("Prometheus has ended:\n%s", text)
		default:
		}
		at := listening.FindSubmatch(text)
		if at == nil || !bytes.Contains(text, []byte("Server is ready")) {
			return false
		}
		p.url = "http://" + string(at[1])
		return true
	})
	return p
}

// await waits until a query returns so many series. Rules may look back far.
func (p *prometheus) await(what, query string, n int) {
	p.t.Helper()
	const patience = 3 * time.Minute
	deadline := time.Now().Add(patience)
	again := time.NewTicker(scrapeEvery / 2)
	defer again.Stop()
	for len(p.ask("/api/v1/query", url.Values{"query": {query}})) != n {
		if time.Now().After(deadline) {
			p.t.Fatalf("waited %v for %s", patience, what)
		}
		<-again.C
	}
}

// resolution is that of what there was.
const resolution = 100 * time.Millisecond

// between returns what there was of a query.
func (p *prometheus) between(from, to time.Time, query string) []series {
	p.t.Helper()
	return p.ask("/api/v1/query_range", url.Values{
		"query": {query}, "start": {unix(from)}, "end": {unix(to)}, "step": {resolution.String()},
	})
}

func unix(at time.Time) string { return strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64) }

func (p *prometheus) ask(path string, query url.Values) []series {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.url+path+"?"+query.Encode(), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Error string
		Data  struct {
			Result []struct {
				Metric map[string]string
				Value  json.RawMessage
				Values []json.RawMessage
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Error != "" {
		p.t.Fatalf("%v: %s %v", query["query"], answer.Error, err)
	}
	var all []series
	for _, r := range answer.Data.Result {
		s := series{labels: r.Metric}
		if r.Value != nil {
			r.Values = append(r.Values, r.Value)
		}
		for _, raw := range r.Values {
			var at float64
			var text string
			if err := json.Unmarshal(raw, &[2]any{&at, &text}); err != nil {
				p.t.Fatal(err)
			}
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				p.t.Fatal(err)
			}
			s.points = append(s.points, point{time.UnixMilli(int64(math.Round(at * 1000))), value})
		}
		all = append(all, s)
	}
	return all
}
