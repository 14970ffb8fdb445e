package cognitotest

import (
	"sync"
	"time"
)

// Category is a group of calls that share one request-rate quota per
// account and Region (developer guide, "Quotas in Amazon Cognito").
type Category string

// The categories of the calls that the emulator answers. The comment gives
// Cognito's default quota in requests per second.
const (
	UserAuthentication    Category = "UserAuthentication"     // 120: sign-in and refresh
	ClientAuthentication  Category = "ClientAuthentication"   // 150: client_credentials
	UserToken             Category = "UserToken"              // 120: RevokeToken
	UserUpdate            Category = "UserUpdate"             // 25, not adjustable: sign-out, disable, delete
	UserCreation          Category = "UserCreation"           // 50
	UserAccountRecovery   Category = "UserAccountRecovery"    // 30: set password
	UserRead              Category = "UserRead"               // 120: GetUser, AdminGetUser, userInfo
	UserList              Category = "UserList"               // 30
	UserPoolRead          Category = "UserPoolRead"           // 15
	UserPoolUpdate        Category = "UserPoolUpdate"         // 15
	UserPoolResourceWrite Category = "UserPoolResourceUpdate" // 20: groups
	UserPoolClientRead    Category = "UserPoolClientRead"     // 15
	UserPoolClientUpdate  Category = "UserPoolClientUpdate"   // 15
)

// quotas holds a token bucket per limited category.
type quotas struct {
	mu      sync.Mutex
	buckets map[Category]*bucket
}

// bucket refills at rate per second up to one second's worth, at least 1.
type bucket struct {
	rate   float64
	tokens float64
	at     time.Time // when tokens was right; zero before the first call
}

// Limit makes calls of a category beyond perSecond fail with
// TooManyRequestsException. The allowance is saved up for one second, and is
// full at first. Zero or less lifts the limit. Time is the emulator's clock.
func (s *Server) Limit(category Category, perSecond float64) {
	s.quotas.mu.Lock()
	defer s.quotas.mu.Unlock()
	if perSecond <= 0 {
		delete(s.quotas.buckets, category)
		return
	}
	if s.quotas.buckets == nil {
		s.quotas.buckets = map[Category]*bucket{}
	}
	s.quotas.buckets[category] = &bucket{rate: perSecond, tokens: max(perSecond, 1)}
}

// allow takes one call at time now from the category's bucket.
func (q *quotas) allow(category Category, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.buckets[category]
	if b == nil {
		return true
	}
	if elapsed := now.Sub(b.at); !b.at.IsZero() && elapsed > 0 {
		b.tokens = min(b.tokens+elapsed.Seconds()*b.rate, max(b.rate, 1))
	}
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
