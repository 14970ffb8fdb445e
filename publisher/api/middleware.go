package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/spans"
)

// logKey is the context key of the logger of a request.
type logKey struct{}

// logFrom returns the logger of a request, which carries its id.
func logFrom(r *http.Request) *zerolog.Logger {
	log, _ := r.Context().Value(logKey{}).(*zerolog.Logger)
	return log
}

// observed gives every request an id, a span and a log line, and answers what no route
// of mux takes with missing.
func (c Common) observed(listener string, from spans.Caller, mux *http.ServeMux, guard func(http.Handler) http.Handler, missing func(http.ResponseWriter, int)) http.Handler {
	inner := guard(routed(mux, missing))
	base := c.Logger.With().Str("component", "api").Str("listener", listener).Logger()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := requestID(r)
		log := base.With().Str("request_id", id).Logger()
		w.Header().Set("X-Request-Id", id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		ctx, span := spans.Serve(r.Context(), c.Tracer, from, method(r), traceparent(r))
		if id := span.SpanContext().TraceID(); id.IsValid() {
			log = log.With().Stringer("trace_id", id).Logger()
		}
		sender := &origin{from: fromAddress(r), request: id}
		ctx = context.WithValue(ctx, logKey{}, &log)
		r = r.WithContext(context.WithValue(ctx, originKey{}, sender))
		defer func() {
			cause := recover()
			if cause != nil {
				// net/http would log it too, but without the request id.
				log.Error().Str("panic", fmt.Sprint(cause)).Bytes("stack", debug.Stack()).Msg("request panicked")
				rec.status = http.StatusInternalServerError
			}
			_, route := mux.Handler(r)
			took := time.Since(began)
			sender.operation, sender.problem = auditedRoutes[route], rec.problem
			c.auditor.refused(r.Context(), sender, rec.status)
			_, path, _ := strings.Cut(route, " ")
			spans.Served(span, method(r), path, rec.status)
			if c.Served != nil {
				c.Served(route, rec.status, took)
			}
			log.Info().Str("method", method(r)).Str("route", route).Int("status", rec.status).
				Int64("took_ms", took.Milliseconds()).Msg("request")
			if cause != nil {
				panic(http.ErrAbortHandler) // closes the connection: the answer is incomplete
			}
		}()
		inner.ServeHTTP(rec, r)
	})
}

// traceparent returns the header of that name if there is exactly one.
func traceparent(r *http.Request) string {
	if given := r.Header.Values(spans.Header); len(given) == 1 {
		return given[0]
	}
	return ""
}

// method returns the method if it is one of HTTP's own: any token is allowed
// there (RFC 9110, section 9.1), so a client could write what it likes into the
// log.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// requestID returns the caller's X-Request-Id if it is fit for a log, else a
// fresh one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	if id == "" || len(id) > 64 {
		return rand.Text()
	}
	for _, c := range []byte(id) {
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alnum && c != '-' && c != '_' {
			return rand.Text()
		}
	}
	return id
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	begun  bool
	// problem is the type of the problem document that is the answer.
	problem string
}

// WriteHeader implements [http.ResponseWriter].
func (r *recorder) WriteHeader(status int) {
	if !r.begun {
		r.status, r.begun = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (r *recorder) Write(b []byte) (int, error) {
	r.begun = true
	return r.ResponseWriter.Write(b)
}

// Unwrap serves [http.ResponseController].
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// routed serves mux, but leaves the text of 404 and 405 to missing. The Allow
// header of the mux (RFC 9110, section 15.5.6) is kept.
func routed(mux *http.ServeMux, missing func(http.ResponseWriter, int)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		probe := &answerProbe{header: make(http.Header), status: http.StatusOK}
		h.ServeHTTP(probe, r)
		if allow := probe.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
		}
		if probe.status != http.StatusMethodNotAllowed {
			probe.status = http.StatusNotFound
		}
		missing(w, probe.status)
	})
}

// answerProbe takes an answer of the mux and keeps status and header.
type answerProbe struct {
	header http.Header
	status int
}

// Header implements [http.ResponseWriter].
func (p *answerProbe) Header() http.Header { return p.header }

// Write implements [http.ResponseWriter].
func (p *answerProbe) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements [http.ResponseWriter].
func (p *answerProbe) WriteHeader(status int) { p.status = status }
