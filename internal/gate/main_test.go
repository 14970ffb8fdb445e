package gate_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Most of these tests wait: for a tick, or until the denylist is stale.
	// They do so together, unless -parallel says otherwise.
	flag.Set("test.parallel", "8") // it is a number
	goleak.VerifyTestMain(m)
}
