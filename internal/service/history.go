package service

import (
	"iter"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// history is what the service's own view of the stream tells its publisher.
type history struct{ view *subscriber.Subscriber }

// State implements [publisher.History].
func (h history) State() publisher.HistoryState {
	st := h.view.History()
	return publisher.HistoryState{Known: st.Known, Epoch: st.Epoch, Changes: st.Changes, Accepted: st.Accepted}
}

// Held implements [publisher.History].
func (h history) Held() iter.Seq2[revocation.Act, int64] { return h.view.Acts() }
