package grpcauth

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/seed-4e8dee1b/revoked/validator"
)

// Domain is that of the ErrorInfo in every refusal.
const Domain = "revoked.auth"

// retryAfter is longer than one tick of the stream, by which a denylist that was
// cut off for a moment knows that it is current again.
const retryAfter = 5 * time.Second

// answer is how a reason is told to a client.
type answer struct {
	code   codes.Code
	reason string // of the ErrorInfo
	detail string
}

// answerTo maps the verdict to the transport, for every reason at once.
func answerTo(reason validator.Reason) answer {
	switch reason {
	case validator.ReasonNoCredentials:
		return answer{codes.Unauthenticated, "NO_CREDENTIALS", "The call needs a bearer token."}
	case validator.ReasonMissingScope:
		return answer{codes.PermissionDenied, "INSUFFICIENT_SCOPE", "The access token does not allow this call."}
	case validator.ReasonStale, validator.ReasonNoKeys, validator.ReasonOther:
		return answer{codes.Unavailable, "TRY_AGAIN", "The access token cannot be checked at the moment."}
	}
	return answer{codes.Unauthenticated, "INVALID_TOKEN", "The access token is invalid, expired or revoked."}
}

// refusal returns the error that tells a client the reason.
func refusal(reason validator.Reason) error {
	ans := answerTo(reason)
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: ans.reason, Domain: Domain}}
	if ans.code == codes.Unavailable {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)})
	}
	st := status.New(ans.code, ans.detail)
	if detailed, err := st.WithDetails(details...); err == nil { // fails for code OK only
		st = detailed
	}
	return st.Err()
}
