package subscriber

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// NodeEnv makes the test binary a node that follows the server with that URL
// and says on its standard output, many times a second, what it knows.
const NodeEnv = "SUBSCRIBER_TEST_NODE"

// MissedByNode is the session that the node looks for.
const MissedByNode = "missed"

// NodeLook is one line of what the node says.
type NodeLook struct {
	At            time.Time // when it looked
	Fresh, Missed bool      // whether it is fresh, and then whether it refuses the session
	Before, AsOf  time.Time // the as-of time before and after that
}

func beNode(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	deny, err := Open(ctx, Config{Servers: url, Service: "orders", MaxStaleness: minMaxStaleness})
	if err != nil {
		return err
	}
	defer deny.Close()
	out := json.NewEncoder(os.Stdout)
	for {
		l := NodeLook{Before: deny.Status().AsOf, At: time.Now()}
		l.Fresh = deny.Check(tokenOf("other")) == nil
		l.Missed = isRevoked(deny.Check(tokenOf(MissedByNode)))
		l.AsOf = deny.Status().AsOf
		if err := out.Encode(l); err != nil { // the test has ended
			return fmt.Errorf("telling: %w", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
