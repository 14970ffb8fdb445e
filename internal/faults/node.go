package main

import (
	"context"
	"encoding/gob"
	"errors"
	"net"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// nodeConfig is what a node process is told.
type nodeConfig struct {
	Name, Socket  string
	Servers, NKey string
	MaxStaleness  time.Duration
}

// runNode is an API node without an API: it checks the tokens that the recorder
// asks about. It ends with its standard input.
func runNode(cfg nodeConfig) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	deny, err := subscriber.Open(ctx, subscriber.Config{
		Servers: cfg.Servers, NKey: cfg.NKey, InboxPrefix: "_INBOX_orders",
		Service: "orders", Node: cfg.Name, MaxStaleness: cfg.MaxStaleness,
		Logger: zerolog.New(os.Stderr).With().Timestamp().Logger(),
	})
	if err != nil {
		return err
	}
	defer deny.Close()
	lis, err := net.Listen("unix", cfg.Socket)
	if err != nil {
		return err
	}
	go func() {
		untilClosed(os.Stdin)
		lis.Close()
	}()
	for {
		conn, err := lis.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go serveNode(conn, deny)
	}
}

func serveNode(conn net.Conn, deny *subscriber.Subscriber) {
	defer conn.Close()
	in, out := gob.NewDecoder(conn), gob.NewEncoder(conn)
	for {
		var q question
		if in.Decode(&q) != nil {
			return
		}
		if out.Encode(answerOf(deny, q)) != nil {
			return
		}
	}
}

func answerOf(deny *subscriber.Subscriber, q question) answer {
	var a answer
	if q.SetClock {
		if err := setClock(q.Offset); err != nil {
			a.Err = err.Error()
		}
	}
	st := deny.Status() // before the checks: what it promises must hold for them
	a.State, a.Reason = st.State.String(), string(st.Reason)
	if !st.AsOf.IsZero() {
		a.AsOf = st.AsOf.UnixNano()
	}
	for _, s := range q.Acts {
		for i := s.From; i < s.To; i++ {
			a.Acts = append(a.Acts, verdictOf(deny.Check(tokenOf(i))))
		}
	}
	for i := range q.Free {
		a.Free = append(a.Free, verdictOf(deny.Check(freeToken(i))))
	}
	return a
}

func verdictOf(err error) verdict {
	switch {
	case err == nil:
		return accepted
	case errors.Is(err, revocation.ErrRevoked):
		return refused
	}
	return stale
}
