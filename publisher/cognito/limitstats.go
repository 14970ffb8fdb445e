package cognito

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/sony/gobreaker/v2"
)

var categoryNames = [categories]string{
	userToken: "user_token", userUpdate: "user_update", userList: "user_list",
	userAuthentication: "user_authentication", userRead: "user_read", userPoolClientRead: "user_pool_client_read",
}

// BreakerState says whether calls of a category are sent. The values are stable
// names for metrics.
type BreakerState string

// The states.
const (
	BreakerClosed   BreakerState = "closed"    // they are
	BreakerHalfOpen BreakerState = "half_open" // one is, to see whether it is answered
	BreakerOpen     BreakerState = "open"      // none is: Cognito has not answered lately
)

// BreakerStates returns all states.
func BreakerStates() []BreakerState {
	return []BreakerState{BreakerClosed, BreakerHalfOpen, BreakerOpen}
}

// CategoryStats are about one quota category of a [Limiter].
type CategoryStats struct {
	Category string        // such as "user_update"; a fixed set
	Waiting  int           // calls that wait for their turn now
	Waited   time.Duration // by all calls together, since [NewLimiter]
	Refused  uint64        // calls whose deadline left too little time to wait
	Breaker  BreakerState
}

// Stats returns one element per category, always in the same order.
func (l *Limiter) Stats() []CategoryStats {
	all := make([]CategoryStats, 0, categories)
	for c := range categories {
		s := l.pacers[c].stats()
		s.Category = categoryNames[c]
		switch l.breakers[c].State() {
		case gobreaker.StateOpen:
			s.Breaker = BreakerOpen
		case gobreaker.StateHalfOpen:
			s.Breaker = BreakerHalfOpen
		default:
			s.Breaker = BreakerClosed
		}
		all = append(all, s)
	}
	return all
}

func (p *pacer) stats() CategoryStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return CategoryStats{Waiting: p.waiting, Waited: p.waited, Refused: p.refused}
}

// IsThrottle reports whether the code of a [*publisher.CognitoError] says that
// Cognito got too many requests.
func IsThrottle(code string) bool {
	_, throttle := retry.DefaultThrottleErrorCodes[code]
	return throttle
}
