package main

import (
	"fmt"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// pool is the pool of every token here.
const pool = cognitotest.DemoPoolID

// question is what the recorder asks a node: to check the tokens that acts
// refuse, and tokens that nothing refuses.
type question struct {
	Acts []span // by number
	Free int    // how many tokens that nobody revokes
	// SetClock sets the node's clock wrong by Offset from now on.
	SetClock bool
	Offset   time.Duration
}

// span is a range of acts, without To.
type span struct{ From, To int }

// answer is the node's.
type answer struct {
	// AsOf is what the node said of its view before the checks, in Unix
	// nanoseconds; 0 for never.
	AsOf          int64
	State, Reason string
	Acts          []verdict // in the order asked
	Free          []verdict
	Err           string
}

// verdict is what Check said.
type verdict byte

const (
	accepted verdict = iota + 1 // not revoked, by a node that calls itself fresh
	refused
	stale
)

// What acts refuse. The service revokes users, the recorder itself sessions.
func targetOf(act int) revocation.Target {
	if viaService(act) {
		return revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: fmt.Sprintf("user-%d", act)}
	}
	return revocation.Target{Kind: revocation.KindSession, Pool: pool, ID: fmt.Sprintf("session-%d", act)}
}

// viaService says which acts go through the revoke service, and which straight
// to the stream.
func viaService(act int) bool { return act%16 == 0 }

func tokenOf(act int) revocation.Token {
	return revocation.Token{
		Pool: pool, JTI: fmt.Sprintf("token-%d", act), OriginJTI: fmt.Sprintf("session-%d", act),
		Subject: fmt.Sprintf("user-%d", act), IssuedAt: 1_600_000_000, AuthTime: 1_600_000_000,
	}
}

func freeToken(i int) revocation.Token {
	return revocation.Token{
		Pool: pool, JTI: fmt.Sprintf("free-token-%d", i), OriginJTI: fmt.Sprintf("free-session-%d", i),
		Subject: fmt.Sprintf("free-user-%d", i), IssuedAt: 1_600_000_000, AuthTime: 1_600_000_000,
	}
}
