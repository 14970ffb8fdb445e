package subscriber

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Hashes change nothing but the time that a check takes, whoever made them.
func TestCheckHashedAnswersAsCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fast(time.Now(), session("a"))
		check := func(when string) {
			t.Helper()
			for _, id := range []string{"a", "b"} {
				tok := session(id).Witness()
				for maker, h := range map[string]revocation.Hashes{
					"its own": w.s.Prehash(&tok), "another's": denylist.New().Prehash(&tok), "no": {},
				} {
					got, want := w.s.CheckHashed(&tok, &h), w.s.Check(tok)
					if fmt.Sprint(got) != fmt.Sprint(want) || errors.Is(got, revocation.ErrRevoked) != errors.Is(want, revocation.ErrRevoked) {
						t.Errorf("%s, session %s, %s hashes: %v, Check says %v", when, id, maker, got, want)
					}
				}
			}
		}
		check("live")
		w.s.Close()
		check("closed")
	})
}
