package publisher

import (
	"hash/maphash"
	"sync"

	"golang.org/x/time/rate"
)

// budget is what may be spent on refreshes that learn sessions. Cognito's quota
// for sign-ins pays for it, and anybody can present garbage that looks like a
// refresh token: so in the long run no app client has more than two thirds of
// it, and no address more than a quarter. It is safe for concurrent use.
type budget struct {
	all       *rate.Limiter
	clients   shares
	addresses shares
}

func newBudget(perSecond float64) *budget {
	burst := max(1, int(perSecond))
	return &budget{
		all:       rate.NewLimiter(rate.Limit(perSecond), burst),
		clients:   newShares(perSecond*2/3, burst),
		addresses: newShares(perSecond/4, burst),
	}
}

// take spends one refresh, if there is one left for the client and the address.
func (b *budget) take(client, address string) bool {
	return b.addresses.allow(address) && b.clients.allow(client) && b.all.Allow()
}

// shareCount bounds the memory for limiters, whoever comes from wherever.
const shareCount = 4096

// shares are limiters by name. Names whose hashes collide have one together;
// who that is, nobody can arrange.
type shares struct {
	rate  rate.Limit
	burst int
	seed  maphash.Seed

	mu   *sync.Mutex // guards the field below
	list map[uint64]*rate.Limiter
}

func newShares(perSecond float64, burst int) shares {
	return shares{
		rate: rate.Limit(perSecond), burst: burst, seed: maphash.MakeSeed(),
		mu: new(sync.Mutex), list: make(map[uint64]*rate.Limiter),
	}
}

func (s shares) allow(name string) bool {
	i := maphash.String(s.seed, name) % shareCount
	s.mu.Lock()
	l := s.list[i]
	if l == nil {
		l = rate.NewLimiter(s.rate, s.burst)
		s.list[i] = l
	}
	s.mu.Unlock()
	return l.Allow()
}
