package subscriber

import (
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Prehash returns hashes of tok's claims for [Subscriber.CheckHashed], to be
// kept with a verified token that will be checked again.
func (s *Subscriber) Prehash(tok *revocation.Token) revocation.Hashes {
	return s.deny.Prehash(tok)
}

// CheckHashed is [Subscriber.Check] with the hashes that [Subscriber.Prehash]
// made for tok. Hashes made by another Subscriber cost time and change
// nothing. Neither argument is changed or kept.
func (s *Subscriber) CheckHashed(tok *revocation.Token, h *revocation.Hashes) error {
	now := time.Now()
	if id, kind, found := s.deny.FindHashed(tok, h, now.Unix()); found {
		return &revocation.RevokedError{Act: id, Kind: kind}
	}
	return s.view.check(now)
}

// Itself returns s. It tells a validator that the two methods above belong to
// the Check that it was given.
func (s *Subscriber) Itself() any { return s }
