package revocation_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// What the messages of the stream weigh, without their subject and headers.
func ExampleMessage_Encode() {
	at := time.UnixMilli(1_790_000_000_000)
	act := revocation.Act{
		ID: revocation.ActID{1}, State: revocation.StateOpen, ExpiresAt: at.Unix() + 3600,
		Target: revocation.Target{Kind: revocation.KindSession, Pool: "eu-west-1_AbC123456", ID: strings.Repeat("a", 36)},
	}
	many := make([]revocation.Act, 500)
	for i := range many {
		many[i] = act
	}
	fmt.Println("one session:", len(revocation.Message{SentAt: at, Acts: []revocation.Act{act}}.Encode()), "bytes")
	fmt.Println("500 sessions:", len(revocation.Message{SentAt: at, Acts: many}.Encode())/500, "bytes each")
	fmt.Println("tick:", len(revocation.Message{Tick: true, Epoch: strings.Repeat("e", 26)}.Encode()), "bytes")
	// Output:
	// one session: 96 bytes
	// 500 sessions: 89 bytes each
	// tick: 30 bytes
}
