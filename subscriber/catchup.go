package subscriber

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// batchSize is how many messages one request asks for at most. Larger
	// batches hold a lock of the server for long and stall publishers.
	batchSize = 500
	// retryMin and retryMax bound the wait before a failed or fruitless
	// catch-up is tried again; half of it is jitter.
	retryMin = 50 * time.Millisecond
	retryMax = 2 * time.Second
	// maxReserve bounds the room that is made for what the server says it
	// holds: some 20 MB.
	maxReserve = 1 << 20
)

// errNotWhole says that an answer has not all the messages it should have.
var errNotWhole = errors.New("the answer is not whole")

// catchUp confirms that the stream is still the one that was followed, and
// reads what it holds after the last applied message, until its end. If that
// fails, or does not reach a sequence that is known to exist (a replica may
// lag), it arranges to be called again.
func (f *follower) catchUp(ctx context.Context) {
	f.behind, f.retryAt = true, nil
	f.suspect()
	f.view.catchingUp()
	if err := f.readOn(ctx); err != nil {
		if ctx.Err() == nil {
			f.view.catchUpFailed(err)
			f.retryLater()
		}
		return
	}
	f.behind, f.retries = false, 0
	f.view.caughtUp(f.full)
	f.settle()
}

// readOn returns nil once the stream is read to its end and the history is
// sound.
func (f *follower) readOn(ctx context.Context) error {
	for {
		if err := f.confirm(ctx); err != nil {
			return err
		}
		// A mark that an earlier attempt has left unread comes first: what was
		// read since may be of another history. So may the ticks behind it.
		if err := f.learnMark(ctx); err != nil {
			return err
		}
		f.last = f.mark.sequence
		if f.last == 0 {
			f.full = false // all of it is read again
		}
		if err := f.readBatches(ctx); err != nil {
			return err
		}
		if err := f.learnMark(ctx); err != nil {
			return err
		}
		switch {
		case f.compareEpochs():
		case !f.anchor.read:
			return f.reachEnd()
		default:
			f.doubts, f.anchor = append(f.doubts, f.anchor), mark{}
		}
	}
}

// reachEnd returns nil if everything is read that is known to exist.
func (f *follower) reachEnd() error {
	if err := f.reachFloor(); err != nil {
		return err
	}
	if f.last < f.target {
		return fmt.Errorf("stream answered up to %d, but %d is known to exist", f.last, f.target)
	}
	return nil
}

// readBatches applies what is stored after the last applied message.
func (f *follower) readBatches(ctx context.Context) error {
	for {
		size := f.size
		b, err := f.src.batch(ctx, f.last+1, size)
		if err == nil {
			err = f.accept(b, size)
		}
		if errors.Is(err, errNotWhole) {
			// Also a server that may not send as much at once ends early.
			f.size = max(1, size/2)
		}
		if err != nil {
			return err
		}
		f.size = min(batchSize, size+size/4+1)
		if f.last == 0 {
			f.deny.Reserve(int(min(b.pending, uint64(f.maxActs), maxReserve)))
		}
		newest := -1 // of those that can be told from others
		for i, payload := range b.payloads {
			if f.apply(event{payload: payload}) {
				newest = i
			}
		}
		f.advance(b, newest)
		f.view.applied(f.last)
		if len(b.payloads) < size {
			return nil
		}
	}
}

// advance moves on to the end of a batch. The mark goes to the newest message
// that its payload tells from others, if its place is known: what an answer
// says of sequences is that of its last message, and the ones before it follow
// each other if none has ended. It stays where it is for ticks alone.
func (f *follower) advance(b batch, distinct int) {
	n := len(b.payloads)
	if n == 0 {
		return
	}
	contiguous := b.last-f.last == uint64(n)
	f.last = b.last
	f.view.head.Store(max(f.target, b.last+b.pending-uint64(n))) // no more is missing than that
	switch {
	case distinct == n-1 || !contiguous || distinct < 0 && f.mark.sequence == 0:
		f.mark = mark{sequence: b.last, sum: sumOf(b.payloads[n-1])}
	case distinct >= 0:
		f.mark = mark{sequence: b.last - uint64(n-1-distinct), sum: sumOf(b.payloads[distinct])}
	}
}

// accept refuses an answer that is not whole: messages may be lost on the way.
func (f *follower) accept(b batch, size int) error {
	if want := min(uint64(size), b.pending); uint64(len(b.payloads)) != want {
		return fmt.Errorf("%w: batch from %d has %d messages, the server sent %d", errNotWhole, f.last+1, len(b.payloads), want)
	}
	if len(b.payloads) > 0 && b.last < f.last+uint64(len(b.payloads)) {
		return fmt.Errorf("%w: batch from %d of %d messages ends at %d", errNotWhole, f.last+1, len(b.payloads), b.last)
	}
	return nil
}

func (f *follower) retryLater() {
	wait := min(retryMax, retryMin<<min(f.retries, 10))
	f.retries++
	f.retryAt = time.After(wait/2 + time.Duration(f.rand.Int64N(int64(wait/2))))
}

// restart makes the next catch-up read the stream from its start, and then look
// whether that is still the one that was followed.
func (f *follower) restart() {
	f.anchor = f.mark
	f.last, f.mark, f.doubts = 0, mark{}, nil
	f.behind, f.retryAt = true, time.After(0)
}
