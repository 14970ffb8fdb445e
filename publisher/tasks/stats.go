package tasks

import "time"

// Stats are what a replica knows of the tasks of all replicas.
type Stats struct {
	// Tasks that the stream holds.
	Tasks int
	// Pending are those whose leg to Cognito has still to be done, and will be
	// tried again soon; DeadLetters are those that Cognito has refused for a
	// reason that only a person can mend. Their acts stand, are extended, and
	// are tried again once a day.
	Pending, DeadLetters int
	// Overdue is how long the longest waiting task is past its time.
	Overdue time.Duration
	// Oldest is how long ago the oldest act was accepted whose task is pending;
	// 0 without one.
	Oldest time.Duration
	// Unreadable counts tasks of a format that this version does not know, and
	// Sealed reads of a task whose seal none of the keys opens. Both are 0
	// unless replicas of different versions or keys run.
	Unreadable, Sealed uint64
}

// Stats returns the counts as they are now. It looks at every task.
func (s *Store) Stats() Stats {
	stats := s.index.stats(time.Now())
	stats.Unreadable, stats.Sealed = s.unreadable.Load(), s.sealed.Load()
	return stats
}

func (x *index) stats(now time.Time) Stats {
	x.mu.Lock()
	defer x.mu.Unlock()
	stats := Stats{Tasks: len(x.tasks)}
	for _, e := range x.tasks {
		switch {
		case e.due.IsZero():
			continue
		case e.leg == legPending:
			stats.Pending++
			stats.Oldest = max(stats.Oldest, now.Sub(time.Unix(0, e.acceptedAt)))
		case e.leg == legFailed:
			stats.DeadLetters++
		}
		stats.Overdue = max(stats.Overdue, now.Sub(e.due))
	}
	return stats
}
