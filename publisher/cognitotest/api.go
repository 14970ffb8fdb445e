package cognitotest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
)

// operation is one call of the AWS JSON 1.1 API.
type operation struct {
	category Category
	access   access
	run      func(*call) (any, error)
}

// access says who may call an operation.
type access int

const (
	signed access = iota // needs an IAM signature
	public               // carries its authority in the body
)

// call is one request for an operation.
type call struct {
	srv    *Server
	region string // of the signature; empty if there is none
	body   []byte
}

// maxBody bounds a request of any kind. Cognito's largest requests carry
// ClientMetadata of up to 128 KiB.
const maxBody = 256 << 10

const targetPrefix = "AWSCognitoIdentityProviderService."

// serveAPI answers POST / (AWS JSON 1.1 protocol: operation in X-Amz-Target,
// arguments in a JSON body).
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	name, ours := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	op, known := operations[name]
	if !ours || !known {
		writeAPIError(w, &Error{Code: "UnknownOperationException"})
		return
	}
	s.guard(w, r, endpoint{name, op.category, writeAPIError}, func(w http.ResponseWriter, r *http.Request) {
		out, err := s.run(op, r)
		if err != nil {
			writeAPIError(w, asError(err))
			return
		}
		if out == nil {
			out = struct{}{}
		}
		writeAPI(w, http.StatusOK, out)
	})
}

func (s *Server) run(op operation, r *http.Request) (any, error) {
	c := &call{srv: s}
	if op.access == signed {
		region, err := signatureRegion(r.Header.Get("Authorization"))
		if err != nil {
			return nil, err
		}
		c.region = region
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, &Error{Code: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge}
	}
	if err != nil {
		return nil, serializationError(err)
	}
	c.body = body
	return op.run(c)
}

// decoding adapts a function to [operation]: it decodes the arguments and
// insists on the required ones.
func decoding[In any](run func(*call, In) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		var in In
		if err := json.Unmarshal(c.body, &in); err != nil {
			return nil, serializationError(err)
		}
		if err := checkRequired(in); err != nil {
			return nil, err
		}
		return run(c, in)
	}
}

// locked is [decoding] for a function that wants Server.mu held.
func locked[In any](run func(*call, In) (any, error)) func(*call) (any, error) {
	return decoding(func(c *call, in In) (any, error) {
		c.srv.mu.Lock()
		defer c.srv.mu.Unlock()
		return run(c, in)
	})
}

// checkRequired refuses arguments in which a field tagged `required:"true"`
// is empty.
func checkRequired(in any) error {
	v := reflect.ValueOf(in)
	for _, field := range reflect.VisibleFields(v.Type()) {
		if field.Tag.Get("required") == "true" && v.FieldByIndex(field.Index).IsZero() {
			name := strings.ToLower(field.Name[:1]) + field.Name[1:]
			return missingParameter(name)
		}
	}
	return nil
}

func missingParameter(name string) *Error {
	return invalidParameter("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", name)
}

func serializationError(err error) *Error {
	return &Error{Code: "SerializationException", Message: err.Error()}
}

// writeAPIError sends an error as Cognito does: the code in a header with a
// trailing colon, and again in the body as __type.
func writeAPIError(w http.ResponseWriter, e *Error) {
	header := w.Header()
	header.Set("x-amzn-errortype", e.Code+":")
	header.Set("x-amzn-errormessage", strings.NewReplacer("\r", " ", "\n", " ").Replace(e.Message))
	writeAPI(w, e.status(), map[string]string{"__type": e.Code, "message": e.Message})
}

func writeAPI(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, fmt.Appendf(nil, `{"__type":"InternalErrorException","message":%q}`, err)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("x-amzn-requestid", newUUID())
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
