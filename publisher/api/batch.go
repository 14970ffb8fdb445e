package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
)

const (
	ndjson = "application/x-ndjson"
	// maxBatch and maxLines bound a batch.
	maxBatch = 8 << 20
	maxLines = 10_000
	// batchWidth is how many lines of a batch are carried out at once. Each
	// waits for a few acknowledgements of JetStream, one after the other, and
	// what waits at the same time reaches the nodes in one message. More would
	// hold up requests of others.
	batchWidth = 256
	// maxBatches bounds the memory for batches, which are read as a whole, and
	// maxBatchesEach leaves room for others beside a caller who sends them
	// slowly, or reads the results so.
	maxBatches, maxBatchesEach = 4, 3
	// batchReadTimeout bounds reading one, and lineTimeout each line: longer
	// than the publisher tries to make a revocation durable.
	batchReadTimeout = time.Minute
	lineTimeout      = 30 * time.Second
)

// batches are those under way. It is safe for concurrent use.
type batches struct {
	mu   sync.Mutex     // guards the fields below
	all  int            // of every caller
	each map[string]int // by the caller's bucket; not 0
}

// begin takes a place until done is called, if there is one for the caller.
func (b *batches) begin(bucket string) (done func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all >= maxBatches || b.each[bucket] >= maxBatchesEach {
		return nil, false
	}
	if b.each == nil {
		b.each = make(map[string]int)
	}
	b.all++
	b.each[bucket]++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.all--
		if b.each[bucket]--; b.each[bucket] == 0 {
			delete(b.each, bucket)
		}
	}, true
}

// line is one line of a batch.
type line struct {
	number int // the first is 1
	text   []byte
}

// lineResult is the result of one line: a revocation or a problem.
type lineResult struct {
	Line       int             `json:"line"`
	Status     int             `json:"status"`
	Revocation *representation `json:"revocation,omitempty"`
	Problem    *problem        `json:"problem,omitempty"`
}

// batch serves POST /v1/revocations with lines of JSON. It answers with a line
// for each, in their order, as they are carried out. A line that is wrong stops
// no other.
func (a *admin) batch(w http.ResponseWriter, r *http.Request) {
	done, begun := a.batches.begin(callerOf(r).bucket)
	if !begun {
		a.refuse(w, r, &problem{
			Type: ProblemRateLimited, Status: http.StatusTooManyRequests, retryAfter: retryLater,
			Detail: "The service is busy with other batches. Repeat the request.",
		})
		return
	}
	defer done()
	once, err := onceOf(r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	lines, err := readLines(w, r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", ndjson)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	_ = out.Flush() // the client may be gone, as below
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	results := a.carryOut(r, lines, once)
	accepted, refused := 0, 0
	for slot := range results {
		res := <-slot
		if res.Revocation != nil {
			accepted++
		} else {
			refused++
		}
		// A client that reads no longer than that has gone. Not every writer
		// has deadlines, and then nothing is bounded by them.
		_ = out.SetWriteDeadline(time.Now().Add(lineTimeout))
		_ = enc.Encode(res) // the client may be gone; what was begun is finished
		if len(results) == 0 {
			_ = out.Flush() // likewise
		}
	}
	if a.cfg.Batched != nil {
		a.cfg.Batched(accepted, refused)
	}
	logFrom(r).Info().Int("lines", len(lines)).Int("accepted", accepted).Msg("batch carried out")
}

// carryOut returns a slot for the result of each line, in their order. Lines
// that are not begun when the client goes away are left out, and their slots
// too.
func (a *admin) carryOut(r *http.Request, lines []line, once onceKey) <-chan chan lineResult {
	// So many are under way: one more waits for room here.
	slots := make(chan chan lineResult, batchWidth-1)
	go func() { // ends with the lines, at the latest when the slots are read
		defer close(slots)
		for _, l := range lines {
			if r.Context().Err() != nil {
				return
			}
			slot := make(chan lineResult, 1) // so that the writer is never waited for
			slots <- slot
			go func() { slot <- a.carryOutLine(r, l, once.line(l.number)) }()
		}
	}()
	return slots
}

func (a *admin) carryOutLine(r *http.Request, l line, once onceKey) (res lineResult) {
	log := logFrom(r)
	// net/http does the same for a request that is alone: a bug takes one line,
	// not the service.
	defer func() {
		if cause := recover(); cause != nil {
			log.Error().Int("line", l.number).Str("panic", fmt.Sprint(cause)).Bytes("stack", debug.Stack()).Msg("line panicked")
			res = lineFailed(l, problemOf(errLinePanicked))
		}
	}()
	if len(l.text) > maxBody {
		return lineFailed(l, &problem{Type: ProblemTooLarge, Status: http.StatusRequestEntityTooLarge, Detail: "The line is larger than 64 KiB."})
	}
	c := callerOf(r)
	sender := originOf(r.Context()).ofLine()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(context.WithValue(r.Context(), originKey{}, sender)), lineTimeout)
	defer cancel()
	o, err := parseOrder(l.text)
	if err == nil && !o.wait.IsZero() {
		err = unprocessable(ProblemInvalidField, "wait", "A line does not wait for nodes: ask for its receipt afterwards.")
	}
	var status publisher.Status
	if err == nil {
		status, err = a.revoke(ctx, c, o, once.of(c, l.text))
	}
	if err != nil {
		p := problemOf(err)
		if p.Status >= http.StatusInternalServerError {
			log.Error().Err(err).Int("line", l.number).Str("problem", p.Type).Msg("line failed")
		}
		sender.problem = p.Type
		a.cfg.auditor.refused(ctx, sender, p.Status)
		return lineFailed(l, p)
	}
	shown := represent(status, c.role)
	return lineResult{Line: l.number, Status: http.StatusCreated, Revocation: &shown}
}

var errLinePanicked = errors.New("api: a line panicked")

func lineFailed(l line, p *problem) lineResult {
	doc := p.document()
	return lineResult{Line: l.number, Status: p.Status, Problem: &doc}
}

// readLines reads a batch. Lines of white space are no requests, but count.
func readLines(w http.ResponseWriter, r *http.Request) ([]line, error) {
	// Longer than for other requests. A reader without deadlines has none.
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(batchReadTimeout)) //nolint:errcheck // see above
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBatch))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, &problem{Type: ProblemTooLarge, Status: http.StatusRequestEntityTooLarge, Detail: "The batch is larger than 8 MiB. Nothing was carried out."}
	}
	if err != nil {
		return nil, malformed("", "The body could not be read. Nothing was carried out.")
	}
	var lines []line
	number := 0
	for text := range bytes.Lines(body) {
		number++
		if text = bytes.TrimSpace(text); len(text) > 0 {
			lines = append(lines, line{number: number, text: text})
		}
	}
	if number > maxLines {
		return nil, &problem{Type: ProblemTooLarge, Status: http.StatusRequestEntityTooLarge, Detail: "The batch has more than 10,000 lines. Nothing was carried out."}
	}
	if len(lines) == 0 {
		return nil, malformed("", "The batch has no line.")
	}
	return lines, nil
}

// mediaTypeOf returns the media type of a body in lower case, "" if there is
// none that can be read.
func mediaTypeOf(r *http.Request) string {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return mediaType
}
